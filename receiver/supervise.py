"""Supervision: the processes behind one command, started, watched, restarted and stopped in order.

A child that dies is started again, later and later while it keeps dying. One that cannot even
start (exit code 2 or 3: settings, port, lock) a few times in a row ends everything, because trying
again will not help. Children stop in the order in which they are given, each after the one before.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

CANNOT_START = frozenset({2, 3})
"""Exit codes by which a child says that it is no use to start it again."""
STARTS_BEFORE_GIVING_UP = 3
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STEADY_SECONDS = 20.0
"""A child that lived this long begins again with the shortest pause."""
STOP_SECONDS = 20.0
"""How long a child may take to stop before it is killed."""
LONGEST_LINE = 1_048_576

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep alive."""

    name: str
    arguments: Sequence[str]
    """What `listener` is told: `("follow", "--data", "data")`."""


class GaveUp(Exception):
    """A child could not be started, however often it was tried."""


class Supervisor:
    """Keeps children alive until `stop`. `say` gets what happens, `echo` what the children print."""

    def __init__(
        self, children: Sequence[Child], *, environment: Mapping[str, str], say: Say, echo: Say
    ) -> None:
        self._keepers = [_Keeper(child, environment, say, echo) for child in children]

    def start(self) -> None:
        """Start all children; returns at once."""
        for keeper in self._keepers:
            keeper.start()

    async def failed(self) -> GaveUp:
        """Return when a child was given up."""
        tasks = [keeper.task for keeper in self._keepers if keeper.task]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        error = next(iter(done)).exception()
        return error if isinstance(error, GaveUp) else GaveUp(str(error))

    async def stop(self) -> None:
        """Stop one after the other: SIGTERM, wait, after STOP_SECONDS SIGKILL."""
        for keeper in self._keepers:
            await keeper.stop()


class _Keeper:
    """Keeps one child alive."""

    def __init__(self, child: Child, environment: Mapping[str, str], say: Say, echo: Say) -> None:
        self._child = child
        self._echo = echo
        self._environment = environment
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self._keep_alive(), name=self._child.name)

    async def stop(self) -> None:
        self._stopping.set()
        if self.task is None:
            return
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
        done, _ = await asyncio.wait([self.task], timeout=STOP_SECONDS)
        if not done and self._process is not None:
            self._say(f"{self._child.name} did not stop in {STOP_SECONDS:.0f} s; killed")
            self._process.kill()
            await asyncio.wait([self.task])
        # What it raised is said once, by `failed`; asked for here, so that asyncio does not say it too.
        self.task.exception()

    async def _keep_alive(self) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._live_once()
            if self._stopping.is_set():
                return
            steady = time.monotonic() - began >= STEADY_SECONDS
            failures = failures + 1 if code in CANNOT_START and not steady else 0
            if failures >= STARTS_BEFORE_GIVING_UP:
                raise GaveUp(
                    f"{self._child.name} could not start ({_how_it_ended(code)}), "
                    f"{failures} times in a row; see its last lines above"
                )
            pause = SHORTEST_PAUSE_SECONDS if steady else pause
            self._say(f"{self._child.name} ended ({_how_it_ended(code)}); again in {pause:g} s")
            await self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _live_once(self) -> int:
        """Start the child, pass its lines on, and return its exit code."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "receiver.leash",
            *self._child.arguments,
            # Never written to: its end of file is the leash.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(self._environment),
            limit=LONGEST_LINE,
            # A group of its own: Ctrl-C reaches the supervisor alone, which stops all in order.
            start_new_session=True,
        )
        self._say(f"{self._child.name} started, process {process.pid}")
        if self._stopping.is_set():
            process.terminate()
        await self._pass_on(process)
        return await process.wait()

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        """Say every line until nobody holds the other end of the pipe."""
        while process.stdout is not None:
            try:
                line = await process.stdout.readline()
            except ValueError:
                line = b"(a line too long to show)\n"
            if not line:
                return
            self._echo(f"{self._child.name:<10} {line.decode(errors='replace').rstrip()}")

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _how_it_ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
