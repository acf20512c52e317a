"""A process on a disk that fails: the same short life again and again, each time another change fails.

`python -m tests.crash.failing DIRECTORY JOURNAL CONTROL WAY`, preloaded with disk.c. Notes for the
reader: `begin NAME`, `event POSITION ID` for each answer, `apart ID`, `end NAME FAILURES`.
"""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from store import LogError, LogUnavailable, open_log, open_reader
from store.log.sqlite import SqliteLog
from tests.crash.disk import EVERYTHING, FOR_EVER, NAMES, SYNCS, WRITES, Faults, note, notes
from tests.new_events import new_event, refused


@dataclass(frozen=True)
class Way:
    """To fail."""

    error: int
    kinds: int
    times: int
    half: bool = False
    step: int = 1
    """From one life to the next, the failure comes this many changes later."""


WAYS = {
    "full": Way(errno.ENOSPC, WRITES | NAMES, FOR_EVER, half=True, step=2),
    "one-error": Way(errno.EIO, EVERYTHING, 1),
    "no-sync": Way(errno.EIO, SYNCS, FOR_EVER, step=3),
}
MOST = 500


class Life:
    """Of one log, on a disk one change of which fails."""

    def __init__(self, directory: Path, descriptor: int, faults: Faults) -> None:
        self.failures = 0
        self._directory = directory
        self._notes = descriptor
        self._faults = faults

    def live(self) -> None:
        for first in ("a", "f"):
            log = self._patiently(lambda: open_log(self._directory, lock_seconds=0))
            assert isinstance(log, SqliteLog)
            with closing(log):
                self._append(log, first)
                self._append(log, "b", "c", "d")
                self._refuse(log)
                self._append(log, "a")
                log.checkpoint()
                self._append(log, f"{first}2")
                note(self._notes, "end" if first == "f" else "half")

    def _refuse(self, log: SqliteLog) -> None:
        numbers = self._patiently(lambda: log.quarantine([refused()]), log)
        note(self._notes, f"apart {numbers[0]}")

    def _append(self, log: SqliteLog, *names: str) -> None:
        events = [new_event(name, name.encode() * 3_000) for name in names]
        answers = self._patiently(lambda: log.append(events), log)
        for name, answer in zip(names, answers, strict=True):
            note(self._notes, f"event {answer.position} {name}")

    def _patiently(self, does: Callable[[], object], log: SqliteLog | None = None):
        """Try until it is done: twice on the failing disk, then on a mended one, with the same log."""
        for attempt in range(4):
            try:
                return does()
            except LogUnavailable:
                self.failures += 1
                if log is not None:
                    self._reads_go_on(log)
                if attempt > 0:
                    self._faults.mend()
        raise AssertionError("failed on a mended disk")

    def _reads_go_on(self, log: SqliteLog) -> None:
        with closing(open_reader(self._directory)) as reader:
            assert [event.position for event in reader.read()] == [
                event.position for event in log.read()
            ]


def main() -> None:
    root, journal, control, way = sys.argv[1:]
    fail = WAYS[way]
    faults = Faults(Path(control))
    descriptor = notes(Path(journal))
    for first in range(1, MOST, fail.step):
        name = f"{way}-{first}"
        note(descriptor, f"begin {name}")
        before = faults.changes()
        faults.fail(fail.error, first=first, times=fail.times, kinds=fail.kinds, half=fail.half)
        life = Life(Path(root) / name, descriptor, faults)
        try:
            life.live()
        except (LogError, AssertionError) as error:
            print(f"{name}: {error!r}", flush=True)
            os._exit(1)
        faults.mend()
        note(descriptor, f"over {life.failures}")
        if faults.changes() - before < first:
            return
    raise AssertionError("the life has no end")


if __name__ == "__main__":
    main()
