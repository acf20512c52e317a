"""The log in SQLite: log.db, written by one process, read by any.

append returns after the commit and its fsync (WAL, synchronous=FULL). A commit that fails leaves
nothing behind and takes no position; the next one may succeed.
"""

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from store.events import Appended, NewEvent, Refused
from store.log import rows
from store.log.group_commit import Answer, Entry
from store.log.identity import FIRST_CHAIN, chain_of, known
from store.log.lock import LOCK_SECONDS, lock
from store.log.protocol import LogError, LogUnavailable
from store.log.reader import SqliteReading
from store.schema import NewerSchemaError, migrate

LOG_FILE = "log.db"

# synchronous=FULL: an answer means fsync; in groups it costs nothing that matters.
# page_size: 16 KB measured fastest for bodies of 1 to 7 KB, and smallest on disk.
# wal_autocheckpoint: 64 MB, the bound under unbroken load; otherwise `checkpoint` empties it.
# cache_size: 32 MB, so that the pages of the one index stay in memory.
_PRAGMAS = (
    "busy_timeout = 5000",
    "page_size = 16384",
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 4096",
    "journal_size_limit = 67108864",
    "cache_size = -32768",
)

_LAST = "SELECT position, chain FROM events ORDER BY position DESC LIMIT 1"
_KEPT = """
SELECT position, digest FROM events
WHERE source = ? AND event_type = ? AND event_id = ? ORDER BY position
"""
_BODY = "SELECT body FROM events WHERE position = ?"


def _insert(table: str, columns: str) -> str:
    places = ", ".join("?" for _ in columns.split(","))
    return f"INSERT INTO {table} ({columns}) VALUES ({places})"


_ADD_EVENT = _insert("events", rows.EVENT_COLUMNS)
_ADD_REDELIVERY = _insert("redeliveries", rows.REDELIVERY_COLUMNS)
_ADD_REFUSED = _insert("quarantine", rows.QUARANTINE_COLUMNS)


class SqliteLog(SqliteReading):
    """An EventLog on log.db; makes the file, its directory and its tables where they are missing.

    Waits `lock_seconds` for a predecessor that is just ending, then raises LogLocked. Raises
    LogUnavailable when the file cannot be used, LogError when a later version made it. From any
    thread, one thread at a time.
    """

    def __init__(self, path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock(path, lock_seconds)
        except OSError as error:
            raise LogUnavailable(f"{path} cannot be written: {error.strerror}.") from error
        try:
            super().__init__(_open(path))
        except BaseException:
            os.close(self._lock)
            raise
        self._position = 0
        self._chain = FIRST_CHAIN

    def append(self, events: Sequence[NewEvent]) -> list[Appended]:
        with self._transaction():
            return [self._append(event) for event in events]

    def quarantine(self, refused: Sequence[Refused]) -> list[int]:
        with self._transaction():
            return [self._refuse(entry) for entry in refused]

    def keep(self, batch: Sequence[Entry]) -> list[Answer]:
        """Events and refused bytes in one transaction; raises as append."""
        with self._transaction():
            return [
                self._append(entry) if isinstance(entry, NewEvent) else self._refuse(entry)
                for entry in batch
            ]

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into log.db: between commits, when there is time."""
        with suppress(sqlite3.Error):  # nothing is lost: it stays in the write-ahead log
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        super().close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @contextmanager
    def _transaction(self) -> Generator[None]:
        try:
            # IMMEDIATE: it reads, then writes, and must not fail halfway for want of the lock.
            self._connection.execute("BEGIN IMMEDIATE")
            self._position, self._chain = self._connection.execute(_LAST).fetchone() or (
                0,
                FIRST_CHAIN,
            )
            yield
            self._connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            self._roll_back()
            raise ValueError(f"The log cannot hold this: {error}.") from error
        except sqlite3.Error as error:
            self._roll_back()
            raise LogUnavailable(f"The log cannot be written: {error}.") from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        # On a full disk SQLite has already rolled back by itself.
        with suppress(sqlite3.Error):
            self._connection.rollback()

    def _append(self, event: NewEvent) -> Appended:
        execute = self._connection.execute
        key = (event.source, event.event_type, event.event_id)
        kept = execute(_KEPT, key).fetchall()
        repeated = known(event, kept, self._body)
        if repeated:
            execute(_ADD_REDELIVERY, (None, repeated.position, event.received_at))
            return repeated
        position = self._position + 1
        conflict_of = kept[0][0] if kept else None
        chain = chain_of(self._chain, event, position, conflict_of)
        execute(_ADD_EVENT, rows.event_row(event, position, conflict_of, chain))
        self._position, self._chain = position, chain
        return Appended(position, conflict_of=conflict_of)

    def _refuse(self, refused: Refused) -> int:
        added = self._connection.execute(_ADD_REFUSED, rows.quarantine_row(refused))
        return added.lastrowid or 0

    def _body(self, position: int) -> bytes:
        return self._connection.execute(_BODY, (position,)).fetchone()[0]


def _open(path: Path) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        migrate(connection)
    except (sqlite3.Error, NewerSchemaError) as error:
        if connection:
            connection.close()
        raise _refusal(path, error) from error
    return connection


def _refusal(path: Path, error: Exception) -> LogError:
    if isinstance(error, NewerSchemaError):
        return LogError(f"{path} was made by a later version of the listener ({error}).")
    return LogUnavailable(f"{path} cannot be used as the log: {error}.")
