"""Work spread over processes: prepared side by side, written one at a time and in order.

For jobs whose results go into one file. Each process has a hand of its own, made in it: `prepare`
may run while others do, `write` only when everything before it is written.
"""

import gc
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, Protocol

AHEAD = 3
"""Jobs a process may have prepared or waiting, so that it need not idle while others write."""

_WRITE = "write"
_PREPARED = "prepared"
_LOST = "A process ended before its work was done."


class Hand(Protocol):
    """What one process does with its jobs."""

    def prepare(self, job: Any) -> Any: ...

    def write(self, prepared: Any) -> Any:
        """Write what was prepared; what it returns goes back to who gave the jobs out."""
        ...

    def close(self) -> None: ...


OpenHand = Callable[[], Hand]
"""Makes the hand in its process, so it must be picklable."""


def processors() -> int:
    """How many processes this one may have at work at a time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerLost(Exception):
    """A process ended in the middle of its work, killed or out of memory."""


def in_turns(jobs: Iterable[Any], open_hand: OpenHand, workers: int) -> Iterator[Any]:
    """What `write` returned for each job, in the order of the jobs.

    Between two results nobody writes. Raises what a hand raised, WorkerLost when a process died.
    """
    with ExitStack() as stack:
        crew = cycle([stack.enter_context(_started(open_hand)) for _ in range(workers)])
        order: deque[_Worker] = deque()
        given = iter(jobs)
        for job in given:
            worker = next(crew)
            worker.give(job)
            order.append(worker)
            if len(order) == AHEAD * workers:
                yield order.popleft().written()
        while order:
            yield order.popleft().written()


@dataclass(slots=True)
class _Worker:
    """The near end of one process."""

    pipe: "Connection[Any, Any]"
    prepared: int = 0
    """Jobs that wait for their turn."""
    _results: deque[Any] = field(default_factory=deque[Any])

    def written(self) -> Any:
        """Give it its turn; what it wrote."""
        while not self.prepared:
            self._receive()
        self.prepared -= 1
        self.give(_WRITE)
        while not self._results:
            self._receive()
        return self._results.popleft()

    def give(self, told: Any) -> None:
        """Send a job, or the word to write."""
        try:
            self.pipe.send(told)
        except ConnectionError:
            # Why it ended is told by what it sent last.
            self._receive()
            raise WorkerLost(_LOST) from None

    def _receive(self) -> None:
        try:
            what, told = self.pipe.recv()
        except (EOFError, ConnectionError):
            raise WorkerLost(_LOST) from None
        if isinstance(told, BaseException):
            raise told
        if what == _PREPARED:
            self.prepared += 1
        else:
            self._results.append(told)


@contextmanager
def _started(open_hand: OpenHand) -> Generator[_Worker]:
    spawn = get_context("spawn")
    near, far = spawn.Pipe()
    process = spawn.Process(target=_work, args=(far, open_hand), daemon=True)
    process.start()
    far.close()
    try:
        yield _Worker(near)
    finally:
        near.close()
        process.join()


def _work(pipe: "Connection[Any, Any]", open_hand: OpenHand) -> None:
    """In a process of its own: prepare what is given, write when it is our turn."""
    # Ctrl-C goes to every process of the terminal; who gave the jobs decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # No hunt for cycles, of which folds make none (measured: a fifth faster).
    gc.disable()
    _end_with_parent()
    try:
        with closing(open_hand()) as hand:
            _take_turns(pipe, hand)
    except (EOFError, ConnectionError):
        return  # nobody wants more
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where results are asked for
        pipe.send(("failed", _portable(error)))


def _portable(error: Exception) -> Exception:
    """The same, or what it says, where it cannot be sent to another process."""
    try:
        return pickle.loads(pickle.dumps(error))  # noqa: S301 - our own, of a moment ago
    except Exception:  # noqa: BLE001 - any class may refuse, in its own way
        return WorkerLost(f"{type(error).__name__}: {error}")


def _take_turns(pipe: "Connection[Any, Any]", hand: Hand) -> None:
    given: deque[Any] = deque()
    ready: deque[Any] = deque()
    while True:
        while not given or pipe.poll():
            told = pipe.recv()
            if told == _WRITE:
                pipe.send(("written", hand.write(ready.popleft())))
            else:
                given.append(told)
        ready.append(hand.prepare(given.popleft()))
        pipe.send((_PREPARED, None))


def _end_with_parent() -> None:
    """End when the parent does, even by kill -9, which tells its children nothing."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()
