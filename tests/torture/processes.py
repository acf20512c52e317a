"""Processes under torture: a `listener` command of its own, what it says, and its whole family.

Whatever a test comes to, `end` leaves no process behind.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0
KEPT_LINES = 2_000


def wait_for(true: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited in vain for: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    return _state(pid) not in {"Z", ""}


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """Whether there was somebody to kill."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def children(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in threads for child in (task / "children").read_text().split()]
    except OSError:
        return []


def reserved() -> socket.socket:
    """A port that the system gives nobody else while this socket is open; a listener may have it.

    Otherwise whoever asks for any free port meanwhile could get ours, and answer in our place.
    """
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    return one


def port_of(one: socket.socket) -> int:
    return one.getsockname()[1]


class Listener:
    """A `listener` command with a port and a data directory."""

    def __init__(
        self,
        command: str,
        data: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self._reserved = [reserved(), reserved()]
        self.port = port or port_of(self._reserved[0])
        self.url = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self._family: set[int] = set()
        arguments = ["--data", str(data), "--port", str(self.port)]
        if command == "serve":
            self.pages_port = port_of(self._reserved[1])
            arguments += ["--dashboards-port", str(self.pages_port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "receiver", command, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
            start_new_session=True,  # a Ctrl-C is for whoever runs the torture
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        with self.process.stderr as errors:
            for line in iter(errors.readline, ""):
                self.lines.append(line)
                if found := re.search(r"started, process (\d+)", line):
                    self._family.add(int(found[1]))
                del self.lines[:-KEPT_LINES]

    def said(self, pattern: str) -> list[str]:
        return [found[0] for line in list(self.lines) if (found := re.search(pattern, line))]

    def pid(self, name: str) -> int | None:
        """Of receiver, follower, dashboards, writer or supervisor, as it runs now; None: it does not."""
        if name == "supervisor":
            return self.process.pid if self.process.poll() is None else None
        if name == "writer":
            receiver = self.pid("receiver")
            return child_writer(receiver) if receiver else None
        started = self.said(f"{name} +started, process \\d+")
        last = int(started[-1].split()[-1]) if started else 0
        return last if last and alive(last) else None

    def pids(self) -> list[int]:
        """Of all children so far."""
        return sorted(self._family)

    def wait_until_ready(self, seconds: float = PATIENCE_SECONDS) -> None:
        """`serve` says so; a lone receiver takes connections."""
        ready = self._says_ready if self.process.args[3] == "serve" else self._listens
        wait_for(lambda: ready() or self.process.poll() is not None, "ready", seconds)
        assert self.process.poll() is None, "".join(self.lines)

    def _says_ready(self) -> bool:
        return bool(self.said(r"Z ready: "))

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def wait_until_orphans_end(self, seconds: float = PATIENCE_SECONDS) -> None:
        wait_for(lambda: not self.left(), "the orphans to end", seconds)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60.0) -> int:
        """Exit code after a signal and a patient wait."""
        kill(self.process.pid, number)
        return self.process.wait(seconds)

    def settle(self) -> None:
        """Read to the end what an ended process had said."""
        self._reading.join(5)

    def end(self) -> None:
        """Leave nothing behind."""
        for pid in (self.process.pid, *self.left()):
            for child in children(pid):
                kill(child)
            kill(pid)
        self.process.wait()
        for pid in self.left():
            kill(pid)
        self.settle()
        for one in self._reserved:
            one.close()

    def left(self) -> list[int]:
        """Children that still run."""
        return [pid for pid in set(self._family) if alive(pid)]


def child_writer(receiver: int) -> int | None:
    """The process that owns log.db for this receiver; None between two."""
    return next((pid for pid in children(receiver) if _is_writer(pid)), None)


def _is_writer(pid: int) -> bool:
    with suppress(OSError):
        return b"store.log.writer" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
