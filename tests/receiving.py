"""A real `listener receive` process, and raw sockets to speak to it with."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from store import Quarantined, open_reader
from tests.edge import dumped, event_of

PATIENCE_SECONDS = 20
PATH = "/listener/troubleTicketCreateEvent"


@dataclass(frozen=True)
class Heard:
    """One answer as it came over the socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    def error(self) -> dict[str, str]:
        """The TMF Error it must carry."""
        assert self.headers["content-type"] == "application/json", self
        error = json.loads(self.body)
        assert error["@type"] == "Error"
        assert error["code"]
        assert error["reason"]
        assert error["status"] == str(self.status)
        assert error["requestId"] == self.headers["x-request-id"]
        return error


class Receiving:
    """The process, where it listens, and what it said."""

    def __init__(self, data: Path, config: str) -> None:
        self.data = data
        file = data.with_suffix(".toml")
        file.write_text(config, encoding="utf-8")
        command = [sys.executable, "-m", "receiver", "receive", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--data", str(data), "--config", str(file)],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._listening = threading.Event()
        self.port = 0
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        assert self._listening.wait(PATIENCE_SECONDS), "".join(self.lines)
        assert self.port, "".join(self.lines)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _read(self) -> None:
        with self.process.stderr as errors:
            for line in errors:
                self.lines.append(line)
                found = re.search(r"listening on https?://[^:]+:(\d+)", line)
                if found:
                    self.port = int(found[1])
                    self._listening.set()
        self._listening.set()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def ask(self, sent: bytes) -> Heard:
        """Send bytes, hear one answer."""
        with self.connect() as connection:
            # It may answer and close before everything is sent.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(sent)
            return hear(connection)

    def deliver(self, event_id: str, path: str = PATH) -> httpx.Response:
        """A right event."""
        event = event_of("TroubleTicketCreateEvent", eventId=event_id)
        return httpx.post(f"{self.url}{path}", json=event, trust_env=False)

    def quarantined(self) -> list[Quarantined]:
        with closing(open_reader(self.data)) as log:
            return list(log.quarantined())

    def head(self) -> int:
        with closing(open_reader(self.data)) as log:
            return log.head()

    def metrics(self) -> dict[str, float]:
        page = httpx.get(f"{self.url}/metrics", trust_env=False).raise_for_status().text
        lines = (line.rpartition(" ") for line in page.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.kill()
            self._reading.join()


@contextmanager
def receiving(directory: Path, config: str = "") -> Iterator[Receiving]:
    """A receiver of its own with these settings (TOML)."""
    one = Receiving(directory / "data", config)
    try:
        yield one
    finally:
        one.stop()


def request(
    body: bytes = b"",
    *headers: str,
    method: str = "POST",
    path: str = PATH,
    length: int | None = None,
) -> bytes:
    """A request as bytes; `length` lies about that of the body."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: listener",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def right_body(event_id: str) -> bytes:
    return dumped(event_of("TroubleTicketCreateEvent", eventId=event_id))


def hear(connection: socket.socket) -> Heard:
    """The next answer. Raises ConnectionError when there is none."""
    with connection.makefile("rb") as lines:
        return hear_from(lines)


def hear_from(lines) -> Heard:
    first = lines.readline()
    if not first:
        raise ConnectionError("closed without an answer")
    status = int(first.split()[1])
    headers: dict[str, str] = {}
    while (line := lines.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Heard(status, headers, lines.read(int(headers.get("content-length", 0))))


def wait_for(true, what: str, seconds: float = PATIENCE_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited in vain for: {what}"
        time.sleep(0.05)
