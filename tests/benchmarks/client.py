"""The load: keep-alive connections from this process, as cheap as a Python program can be.

Closed: every connection sends its next request when it has its answer (the most there can be).
Paced: requests are due at a steady rate, and their latency counts from when they were due, so that
a server that stalls cannot hide it.
"""

import select
import socket
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.bodies import Template

Clock = Callable[[], float]


@dataclass
class Load:
    """What one run found."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    """Seconds, of the 204s."""
    others: int = 0
    """Answers that were not 204."""
    sent_bytes: int = 0
    """Of bodies."""

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        if len(self.latencies) < 2:
            return float("nan")
        return statistics.quantiles(self.latencies, n=1_000)[int(share * 1_000) - 1] * 1_000


class Sender:
    """Templates told again and again, every time under ids of their own."""

    def __init__(self, templates: Sequence[Template], run: str) -> None:
        self._templates = templates
        self._run = run
        self._heads = [
            f"POST {one.path} HTTP/1.1\r\nHost: listener\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n"
            for one in templates
        ]
        self.number = 0

    def next(self) -> tuple[bytes, int]:
        """A request, and how large its body is."""
        place = self.number % len(self._templates)
        body = self._templates[place].body(self.number, self._run)
        self.number += 1
        return (self._heads[place] % len(body)).encode() + body, len(body)


def load(
    port: int,
    sender: Sender,
    *,
    connections: int,
    seconds: float,
    per_second: float | None = None,
    clock: Clock = time.perf_counter,
) -> Load:
    """Send for so long, then wait for the last answers; with `per_second` paced."""
    run = _Run(port, sender, connections, clock)
    try:
        return run.paced(seconds, per_second) if per_second else run.closed(seconds)
    finally:
        run.close()


class _Run:
    def __init__(self, port: int, sender: Sender, connections: int, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._poll = select.epoll()
        self._connections: dict[int, socket.socket] = {}
        self._since: dict[int, float] = {}
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[connection.fileno()] = connection
            self._poll.register(connection.fileno(), select.EPOLLIN)
        self._found = Load()

    def closed(self, seconds: float) -> Load:
        began = self._clock()
        for number in self._connections:
            self._send(number, self._clock())
        ends = began + seconds
        while self._since:
            for number in self._answered(1.0):
                now = self._clock()
                if now < ends:
                    self._send(number, now)
        return self._ended(began)

    def paced(self, seconds: float, per_second: float) -> Load:
        began = self._clock()
        idle = deque(self._connections)
        due, pause = began, 1 / per_second
        while due < began + seconds or self._since:
            now = self._clock()
            while idle and due <= now and due < began + seconds:
                self._send(idle.popleft(), due)
                due += pause
            wait = max(0.0, due - self._clock()) if idle and due < began + seconds else 0.2
            idle.extend(self._answered(wait))
        return self._ended(began)

    def _send(self, number: int, since: float) -> None:
        request, size = self._sender.next()
        self._since[number] = since
        self._found.sent_bytes += size
        self._connections[number].sendall(request)

    def _answered(self, wait: float) -> list[int]:
        answered: list[int] = []
        for number, _ in self._poll.poll(wait):
            answer = self._connections[number].recv(65_536)
            if not answer:
                raise ConnectionResetError("the server hung up")
            since = self._since.pop(number)
            if answer.startswith(b"HTTP/1.1 204"):
                self._found.latencies.append(self._clock() - since)
            else:
                self._found.others += 1
            answered.append(number)
        return answered

    def _ended(self, began: float) -> Load:
        self._found.seconds = self._clock() - began
        return self._found

    def close(self) -> None:
        self._poll.close()
        for connection in self._connections.values():
            connection.close()
