"""Check history.db: every row equal to that of a fresh fold, as far as it was folded."""

import functools
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice, takewhile, zip_longest
from pathlib import Path
from typing import Any

from store.events import (
    Decision,
    EventHead,
    Quarantined,
    RecordedEvent,
    Redelivery,
    Telling,
)
from store.history import follower, tables
from store.history.asking import HISTORY_FILE
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from store.keeping.check import Wrong, integrity
from store.keeping.opening import read_only
from store.log.reader import SqliteReader
from store.log.sqlite import LOG_FILE

ASIDE = "check-"
"""What the names of directories for fresh folds begin with, in the data directory."""

Progress = Callable[[int, int], None]
"""Told how many events of how many are folded."""
Checkpoints = dict[str, int]


class LogUntil:
    """A log as it was when it ended at these checkpoints."""

    def __init__(self, path: Path, until: Checkpoints) -> None:
        self._reader = SqliteReader(path)
        self._until = until

    def head(self) -> int:
        return self._until["events"]

    def event(self, position: int) -> RecordedEvent | None:
        return self._reader.event(position) if position <= self._until["events"] else None

    def events(self, positions: Sequence[int]) -> list[RecordedEvent]:
        return self._reader.events([one for one in positions if one <= self._until["events"]])

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        found = self._reader.read(after, limit)
        return takewhile(lambda event: event.position <= self._until["events"], found)

    def heads(self, after: int = 0, limit: int | None = None) -> Iterator[EventHead]:
        found = self._reader.heads(after, limit)
        return takewhile(lambda event: event.position <= self._until["events"], found)

    def told(self, positions: Sequence[int]) -> list[tuple[Telling, bytes]]:
        return self._reader.told([one for one in positions if one <= self._until["events"]])

    def redeliveries(self, after: int = 0, limit: int | None = None) -> Iterator[Redelivery]:
        found = self._reader.redeliveries(after, limit)
        return takewhile(lambda one: one.id <= self._until["redeliveries"], found)

    def quarantine_entry(self, number: int) -> Quarantined | None:
        return (
            self._reader.quarantine_entry(number) if number <= self._until["quarantine"] else None
        )

    def quarantined(self, after: int = 0, limit: int | None = None) -> Iterator[Quarantined]:
        found = self._reader.quarantined(after, limit)
        return takewhile(lambda one: one.id <= self._until["quarantine"], found)

    def decisions(self, after: int = 0, limit: int | None = None) -> Iterator[Decision]:
        found = self._reader.decisions(after, limit)
        return takewhile(lambda one: one.id <= self._until["decisions"], found)

    def close(self) -> None:
        self._reader.close()


def check_history(directory: Path, rules: RuleBook, progress: Progress) -> Iterator[Wrong]:
    """What is wrong with history.db: the first row of each table that is not as a fresh fold has it.

    Folds the log anew, beside, up to the checkpoint of history.db; a follower may go on meanwhile.
    Nothing is wrong where there is no history.db: the follower makes it.
    """
    path = directory / HISTORY_FILE
    if not path.exists():
        return
    with closing(read_only(path)) as history:
        # One read transaction from here on: the follower's next steps are not seen.
        history.execute("BEGIN")
        wrong = _unusable(directory, history, rules)
        if wrong:
            yield wrong
            return
        until = {name: follower.checkpoint(history, name) for name in follower.CHECKPOINTS}
        with tempfile.TemporaryDirectory(prefix=ASIDE, dir=directory) as aside:
            fresh_path = Path(aside) / HISTORY_FILE
            opened = functools.partial(LogUntil, directory / LOG_FILE, until)
            rebuild(fresh_path, opened, rules, progress)
            with closing(read_only(fresh_path)) as fresh:
                yield from _differences(history, fresh)


def _unusable(directory: Path, history: sqlite3.Connection, rules: RuleBook) -> Wrong | None:
    damage = integrity(history)
    if damage:
        return Wrong(HISTORY_FILE, "", f"{damage}. Delete it, then: listener rebuild")
    outdated = follower.outdated(history, rules)
    if outdated:
        return Wrong(HISTORY_FILE, "", f"{outdated}. Run: listener rebuild")
    with closing(SqliteReader(directory / LOG_FILE)) as reader:
        folded, head = follower.checkpoint(history, "events"), reader.head()
    if folded > head:
        why = f"was folded up to event {folded}, but log.db ends at {head}: its end was cut off"
        return Wrong(LOG_FILE, f"events {head + 1}", f"missing: {HISTORY_FILE} {why}")
    return None


def _differences(history: sqlite3.Connection, fresh: sqlite3.Connection) -> Iterator[Wrong]:
    for name, table in tables.TABLES.items():
        place = table.place_of(table.pk)
        select = f"SELECT {', '.join(table.columns)} FROM {name} ORDER BY {table.pk}"
        for is_row, should in zip_longest(history.execute(select), fresh.execute(select)):
            if is_row != should:
                yield _difference(name, table, place, is_row, should)
                break


def _difference(
    name: str,
    table: tables.Table,
    place: int,
    is_row: Sequence[Any] | None,
    should: Sequence[Any] | None,
) -> Wrong:
    if should is None or (is_row is not None and is_row[place] < should[place]):
        row = is_row or ()
        return Wrong(HISTORY_FILE, f"{name} {row[place]}", "is in no fresh fold")
    if is_row is None or is_row[place] > should[place]:
        return Wrong(HISTORY_FILE, f"{name} {should[place]}", "missing")
    columns = [
        column
        for column, one, other in zip(table.columns, is_row, should, strict=True)
        if one != other
    ]
    why = f"{', '.join(islice(columns, 5))} differs from a fresh fold"
    return Wrong(HISTORY_FILE, f"{name} {is_row[place]}", why)
