"""Senders to several nodes that share a log: each event goes on until some node has acknowledged it."""

import itertools
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.jetstream import Servers
from tests.torture.events import PATH, body_of
from tests.torture.processes import Listener

SENDERS = 6


class Load:
    """So many threads that send, each to the other node where one does not take an event."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self.acknowledged: list[int] = []
        self.sequence = 0
        """In the stream, of the last that was acknowledged."""
        self._counting = threading.Lock()
        self.unanswered = 0
        """Attempts that were not acknowledged: refused, or the connection broke."""
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        self._stopping.set()
        for one in self._threads:
            one.join()

    def _send(self, first: int) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._stopping.is_set():
                number = next(self._numbers)
                for node in itertools.count(first):
                    if self._is_taken(client, self._urls[node % len(self._urls)], number):
                        self.acknowledged.append(number)
                        break
                    if self._stopping.is_set():  # perhaps nobody ever takes it
                        break

    def _is_taken(self, client: httpx.Client, url: str, number: int) -> bool:
        headers = {"content-type": "application/json"}
        with suppress(httpx.TransportError):
            told = client.post(url + PATH, content=body_of(number), headers=headers)
            if told.is_success:
                with self._counting:
                    self.sequence = max(self.sequence, int(told.headers["x-event-sequence"]))
                return True
        self.unanswered += 1
        time.sleep(0.02)
        return False


class Node:
    """A machine: its data directory, a receiver, a copier."""

    def __init__(self, directory: Path, servers: Servers) -> None:
        self.data = directory / "data"
        self._environment = {**os.environ, **servers.environment}
        self.receiver = self._start("receive")
        self.copier = self._start("copy")
        self.receiver.wait_until_ready()

    @property
    def url(self) -> str:
        return self.receiver.url

    def kill_receiver(self) -> None:
        port = self.receiver.port
        self.receiver.end()
        self.receiver = self._start("receive", port)
        self.receiver.wait_until_ready()

    def restart_receiver(self) -> None:
        """As for an update: told to stop, started again."""
        port = self.receiver.port
        self.receiver.stop()
        self.receiver.end()
        self.receiver = self._start("receive", port)
        self.receiver.wait_until_ready()

    def kill_copier(self) -> None:
        self.copier.end()
        self.copier = self._start("copy")

    def is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready", trust_env=False).is_success
        return False

    def end(self) -> None:
        for one in (self.receiver, self.copier):
            one.end()

    def _start(self, command: str, port: int | None = None) -> Listener:
        return Listener(command, self.data, port=port, environment=self._environment)
