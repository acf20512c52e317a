"""Servers to measure: the listener's receiver as it is, and the same with one thing left out.

    durable      `listener receive`
    validating   the same receiver, whose appender answers at once and keeps nothing
    one commit   the same receiver, whose appender commits every event by itself
    no-op        the same server, connections and framework, an endpoint that reads the body

`python -m tests.benchmarks.serving KIND DATA` runs one; a baseline is the receiver with another
appender or another app put in its place, never a copy of it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import uvloop
from starlette.applications import Starlette

from config.settings import Settings
from receiver import receive
from store import Appended, LogUnavailable, NewEvent, Refused, open_log

DURABLE, VALIDATING, ONE_COMMIT, NO_OP = "durable", "validating", "one commit", "no-op"
TICKS = os.sysconf("SC_CLK_TCK")


class KeepsNothing:
    """An Appender that says yes at once."""

    def __init__(self) -> None:
        self._positions = count(1)

    async def append(self, event: NewEvent) -> Appended:
        return Appended(next(self._positions))

    async def quarantine(self, refused: Refused) -> int:
        raise LogUnavailable("nothing is kept here")

    def is_ready(self) -> bool:
        return True

    def why_not_ready(self) -> str:
        return ""

    def waiting(self) -> tuple[int, int]:
        return 0, 0

    def is_full(self) -> bool:
        return False

    async def close(self) -> None:
        pass


class CommitsEach(KeepsNothing):
    """An Appender that commits every event by itself, in this process."""

    def __init__(self, data: Path) -> None:
        self._log = open_log(data)

    async def append(self, event: NewEvent) -> Appended:
        return self._log.append([event])[0]

    async def close(self) -> None:
        self._log.close()


class AnswersAlone:
    """An endpoint that reads the body and answers 204; as cheap as one can be."""

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class Server:
    """One that runs, and its processes."""

    port: int
    processes: dict[str, int]

    def cpu_seconds(self) -> float:
        """User and system time of all its processes until now."""
        return sum(_cpu(process) for process in self.processes.values())

    def memory(self) -> dict[str, float]:
        """Resident megabytes of each process."""
        return {name: megabytes(process) for name, process in self.processes.items()}


@contextmanager
def serving(
    kind: str, data: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server in a process of its own until the end of the block."""
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.serving", kind, str(data)]
    errors = (data / "errors.txt").open("w+")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr
        for line in process.stderr:
            found = re.search(r"listening on http://[^:]+:(\d+)", line)
            if found:
                yield Server(int(found[1]), _processes(process.pid))
                break
            errors.write(line)
        else:
            raise RuntimeError(f"{kind} did not start: see {errors.name}")
    finally:
        process.terminate()
        process.communicate()
        errors.close()


def _processes(pid: int) -> dict[str, int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return dict(zip(("receiver", "writer"), (pid, *map(int, children)), strict=False))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    with suppress(FileNotFoundError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1_024
    return 0.0


def main() -> None:
    kind, data = sys.argv[1], Path(sys.argv[2])
    _replace(kind, data)
    from receiver.logs import configure

    configure("text")
    receive.run(Settings(data=data, port=0, log_format="text"), uvloop.new_event_loop)


def _app() -> Starlette:
    app = Starlette()
    app.router.default = AnswersAlone()
    return app


def _replace(kind: str, data: Path) -> None:
    """Put something else in the place of the appender or of the app."""

    def opens(made: Callable[[], object]) -> None:
        async def open_appender(*_: object, **__: object) -> object:
            return made()

        receive.open_appender = open_appender

    if kind == NO_OP:
        receive.create_app = lambda *_, **__: _app()
    if kind in (NO_OP, VALIDATING):
        opens(KeepsNothing)
    elif kind == ONE_COMMIT:
        opens(lambda: CommitsEach(data))


if __name__ == "__main__":
    main()
