"""Reading log.db: as many readers as you like, none of which holds the writer up.

A read goes page by page and holds no transaction between pages: however slowly somebody reads,
the write-ahead log can be emptied behind them.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from store.events import (
    Decision,
    EventHead,
    Quarantined,
    RecordedEvent,
    Redelivery,
    Telling,
)
from store.log import rows
from store.log.packing import BEGINNING, Damaged, Packing
from store.log.protocol import LogMissing, LogUnavailable
from store.log.segments import ARCHIVE, Archive

PAGE_ROWS = 1_000
PAGE_BYTES = 4_194_304
"""A page ends at whichever comes first, so that large bodies do not fill the memory."""

Row = TypeVar("Row")

_EVENTS = f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE position"
_HEADS = (
    f"SELECT {rows.HEAD_COLUMNS}, length(body), substr(body, 1, {BEGINNING}) "
    "FROM events WHERE position"
)
_TOLD = (
    f"SELECT {rows.TELLING_COLUMNS}, body FROM events "
    "WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position"
)
_REDELIVERIES = f"SELECT {rows.REDELIVERY_COLUMNS} FROM redeliveries WHERE id"
_QUARANTINE = (
    f"SELECT {rows.QUARANTINE_COLUMNS} FROM quarantine LEFT JOIN seals ON entry = id WHERE id"
)
_UNSEALED = f"SELECT {rows.UNSEALED_QUARANTINE_COLUMNS} FROM quarantine WHERE id"
_HAS_SEALS = "SELECT 1 FROM sqlite_schema WHERE name = 'seals'"
_DECISIONS = f"SELECT {rows.DECISION_COLUMNS} FROM decisions WHERE id"


class DamagedBody(LogUnavailable):
    """What the log keeps of one event's body cannot be read."""

    hint = "`listener check --log-only` tells all of it; `listener restore` brings a backup."

    def __init__(self, position: int, error: Exception) -> None:
        super().__init__(f"The body of event {position} cannot be read: {error}.")
        self.position = position
        self._error = error

    def __reduce__(self) -> tuple[Any, ...]:
        """What tells it to another process."""
        return DamagedBody, (self.position, self._error)


class SqliteReading:
    """The read side of a log, over a connection. From any thread, one thread at a time.

    Bodies are unpacked, and those that were moved to the archive read from there, without anybody
    noticing.
    """

    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        self._connection = connection
        self._archive = Archive(directory / ARCHIVE, connection)
        self._packing = Packing(connection)

    def head(self) -> int:
        return self._select(
            "SELECT coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)"
        )[0][0]

    def event(self, position: int) -> RecordedEvent | None:
        return next(iter(self.events([position])), None)

    def events(self, positions: Sequence[int]) -> list[RecordedEvent]:
        query = f"{_EVENTS} IN (SELECT value FROM json_each(?)) ORDER BY position"
        return [self._event(row) for row in self._select(query, json.dumps([*positions]))]

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        return self._pages(f"{_EVENTS} > ? ORDER BY position", self._event, after, limit)

    def heads(self, after: int = 0, limit: int | None = None) -> Iterator[EventHead]:
        return self._pages(f"{_HEADS} > ? ORDER BY position", self._head, after, limit)

    def told(self, positions: Sequence[int]) -> list[tuple[Telling, bytes]]:
        found = self._select(_TOLD, json.dumps([*positions]))
        return [(Telling(*row[:-1]), self._body_of(row[0], row[-1])) for row in found]

    def redeliveries(self, after: int = 0, limit: int | None = None) -> Iterator[Redelivery]:
        return self._pages(f"{_REDELIVERIES} > ? ORDER BY id", rows.redelivery, after, limit)

    def quarantine_entry(self, number: int) -> Quarantined | None:
        found = self._select(f"{self._quarantine()} = ?", number)
        return rows.quarantined(found[0]) if found else None

    def quarantined(self, after: int = 0, limit: int | None = None) -> Iterator[Quarantined]:
        query = f"{self._quarantine()} > ? ORDER BY id"
        return self._pages(query, rows.quarantined, after, limit)

    def decisions(self, after: int = 0, limit: int | None = None) -> Iterator[Decision]:
        return self._pages(f"{_DECISIONS} > ? ORDER BY id", rows.decision, after, limit)

    def close(self) -> None:
        self._connection.close()

    def _quarantine(self) -> str:
        return _QUARANTINE if self._select(_HAS_SEALS) else _UNSEALED

    def _event(self, row: tuple[Any, ...]) -> RecordedEvent:
        return rows.recorded_event(row, self._body_of(row[0], row[-1]))

    def _body_of(self, position: int, kept: bytes) -> bytes:
        """The body of an event, from what its row keeps. Raises DamagedBody, LogUnavailable."""
        if not kept:
            return self._archived(position)
        try:
            return self._packing.unpack(kept)
        except Damaged as error:
            raise DamagedBody(position, error) from error
        except sqlite3.Error as error:
            raise LogUnavailable(f"The log cannot be read: {error}.") from error

    def _head(self, row: tuple[Any, ...]) -> EventHead:
        length, beginning = row[-2:]
        if not length:
            return rows.event_head(row, len(self._archived(row[0])))
        try:
            return rows.event_head(row, self._packing.size(beginning, length))
        except Damaged as error:
            raise DamagedBody(row[0], error) from error

    def _archived(self, position: int) -> bytes:
        """The body of an event that has none in log.db; empty when it was erased."""
        try:
            return self._archive.body(position) or b""
        except sqlite3.Error as error:
            raise LogUnavailable(f"The log cannot be read: {error}.") from error

    def _pages(
        self,
        query: str,
        as_row: Callable[[tuple[Any, ...]], Row],
        after: int,
        limit: int | None,
    ) -> Iterator[Row]:
        while limit is None or limit > 0:
            count = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
            page = self._select(f"{query} LIMIT {count}", after, page_bytes=PAGE_BYTES)
            if not page:
                return
            for row in page:
                yield as_row(row)
            after = page[-1][0]
            limit = None if limit is None else limit - len(page)

    def _select(
        self, query: str, *values: object, page_bytes: int | None = None
    ) -> list[tuple[Any, ...]]:
        """All rows, or with `page_bytes` those until that much of their last column is read."""
        found: list[tuple[Any, ...]] = []
        size = 0
        try:
            # Closing the cursor ends the read transaction, though rows be left.
            with closing(self._connection.execute(query, values)) as cursor:
                if page_bytes is None:
                    return cursor.fetchall()
                for row in cursor:
                    found.append(row)
                    if isinstance(row[-1], bytes):
                        size += len(row[-1])
                        if size >= page_bytes:
                            break
        except sqlite3.Error as error:
            raise LogUnavailable(f"The log cannot be read: {error}.") from error
        return found


class SqliteReader(SqliteReading):
    """A LogReader of its own on log.db; opens it read-only and takes no lock.

    Raises LogMissing when there is no log yet, LogUnavailable when it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(open_read_only(path), path.parent)


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection to log.db that only reads. Raises LogMissing, LogUnavailable."""
    if not path.exists():
        raise LogMissing(f"{path} does not exist.")
    connection = None
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA busy_timeout = 5000")
        found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'events'").fetchone()
    except sqlite3.Error as error:
        if connection:
            connection.close()
        raise LogUnavailable(_why(path, error)) from error
    if not found:
        connection.close()
        raise LogMissing(f"{path} is empty: the listener has not made its tables yet.")
    return connection


def _why(path: Path, error: sqlite3.Error) -> str:
    sentence = f"{path} cannot be read: {error}."
    if not path.with_name(f"{path.name}-shm").exists():
        # SQLite wants to make these even to read, unless a running writer has made them.
        sentence += (
            f" Beside it there is no {path.name}-shm: run a listener,"
            " or let this user write to the directory."
        )
    return sentence
