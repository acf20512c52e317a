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
from store.log import rows, seals
from store.log.contexts import Contexts
from store.log.directory import sync_names
from store.log.group_commit import Answer, Entry
from store.log.identity import FIRST_CHAIN, chain_of, key_of, known
from store.log.lock import LOCK_SECONDS, lock, lock_guests
from store.log.origin import followed
from store.log.packing import equip
from store.log.protocol import LogError, LogFollows, LogMissing, LogUnavailable
from store.log.reader import SqliteReading
from store.schema import NewerSchemaError, migrate

LOG_FILE = "log.db"
PATIENCE_MILLISECONDS = 5_000
"""How long the listener waits for a busy guest."""
GUEST_MILLISECONDS = 60_000
"""How long a guest waits for a busy listener."""

# synchronous=FULL: an answer means fsync; in groups it costs nothing that matters.
# page_size: 16 KB measured fastest for bodies of 1 to 7 KB, and smallest on disk.
# wal_autocheckpoint: 64 MB, the bound under unbroken load; otherwise `checkpoint` empties it.
# cache_size: 32 MB, so that the pages of the one index stay in memory.
_PRAGMAS = (
    f"busy_timeout = {PATIENCE_MILLISECONDS}",
    "page_size = 16384",
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 4096",
    "journal_size_limit = 67108864",
    "cache_size = -32768",
)

_LAST = "SELECT position, chain FROM events ORDER BY position DESC LIMIT 1"
_KEPT = """
SELECT position, digest FROM log JOIN contexts ON contexts.id = context
WHERE key = ? AND event_id = ? AND source = ? AND event_type = ? ORDER BY position
"""
_KEPT_EARLY = """
SELECT position, digest FROM early_events
WHERE event_id = ? AND source = ? AND event_type = ? ORDER BY position
"""
_HAS_EARLY = "SELECT EXISTS (SELECT 1 FROM early_events)"
_BODY = "SELECT body FROM events WHERE position = ?"


def _insert(table: str, columns: str) -> str:
    places = ", ".join("?" for _ in columns.split(","))
    return f"INSERT INTO {table} ({columns}) VALUES ({places})"


_ADD_EVENT = _insert("log", rows.LOG_COLUMNS)
_ADD_REDELIVERY = _insert("redeliveries", rows.REDELIVERY_COLUMNS)
_ADD_REFUSED = _insert("quarantine", rows.BARE_QUARANTINE_COLUMNS)


class SqliteLog(SqliteReading):
    """An EventLog on log.db; makes the file, its directory and its tables where they are missing.

    Waits `lock_seconds` for a predecessor that is just ending, then raises LogLocked. Raises
    LogUnavailable when the file cannot be used, LogError when a later version made it. From any
    thread, one thread at a time.

    With `as_guest` it writes beside a running listener: rarely and little, for an operator's
    command. Every transaction is IMMEDIATE and reads the last position anew, so that is safe; the
    lock is there to refuse a second listener. One guest at a time (LogLocked); it makes no file
    (LogMissing).

    A log that is the copy of a stream must have nothing that the stream does not: LogFollows, but
    for who says that it `follows`: the copier, and who changes nothing that was appended.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_seconds: float = LOCK_SECONDS,
        as_guest: bool = False,
        follows: bool = False,
    ) -> None:
        if as_guest and not path.exists():
            raise LogMissing(f"{path} does not exist.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock_guests(path) if as_guest else lock(path, lock_seconds)
        except OSError as error:
            raise LogUnavailable(f"{path} cannot be written: {error.strerror}.") from error
        try:
            super().__init__(_open(path), path.parent)
            self._patience = PATIENCE_MILLISECONDS
            if not follows:
                self._must_stand_alone(path)
            if as_guest:
                # The listener takes the log again and again; a guest has to wait for its turn.
                self._patience = GUEST_MILLISECONDS
                self._connection.execute(f"PRAGMA busy_timeout = {self._patience}")
        except BaseException:
            os.close(self._lock)
            raise
        self._contexts = Contexts(self._connection)
        self._has_early = bool(self._select(_HAS_EARLY)[0][0])
        self._position = 0
        self._chain = FIRST_CHAIN

    def append(self, events: Sequence[NewEvent]) -> list[Appended]:
        with self.transaction():
            return [self.add(event) for event in events]

    def quarantine(self, refused: Sequence[Refused]) -> list[int]:
        with self.transaction():
            return [self.refuse(entry) for entry in refused]

    def keep(self, batch: Sequence[Entry]) -> list[Answer]:
        """Events and refused bytes in one transaction; raises as append."""
        with self.transaction():
            return [
                self.add(entry) if isinstance(entry, NewEvent) else self.refuse(entry)
                for entry in batch
            ]

    def checkpoint(self, *, shorten: bool = False) -> None:
        """Move what the write-ahead log holds into log.db: between commits, when there is time.

        With `shorten` also give its space back, unless somebody reads from it now.
        """
        mode = "TRUNCATE" if shorten else "PASSIVE"
        with suppress(sqlite3.Error):  # nothing is lost: it stays in the write-ahead log
            # Not waiting for readers, as only TRUNCATE would: an event may come at any moment.
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute(f"PRAGMA wal_checkpoint({mode})")
        with suppress(sqlite3.Error):
            self._connection.execute(f"PRAGMA busy_timeout = {self._patience}")

    def emptied(self, *, smaller: bool = False) -> None:
        """Empty the write-ahead log into log.db and cut it off; with `smaller`, first write log.db
        anew without its free pages, so that nothing of what was removed is left in the file.

        Raises LogUnavailable, also when somebody still reads.
        """
        try:
            if smaller:
                self._connection.execute("VACUUM")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            raise LogUnavailable(f"The log cannot be written: {error}.") from error
        if busy:
            raise LogUnavailable("Somebody still reads from the log. Try again when they are done.")

    def close(self) -> None:
        super().close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """One transaction, for the store's own rooms: all of it is kept, or nothing; raises as append."""
        try:
            # IMMEDIATE: it reads, then writes, and must not fail halfway for want of the lock.
            self._connection.execute("BEGIN IMMEDIATE")
            self._position, self._chain = self._connection.execute(_LAST).fetchone() or (
                0,
                FIRST_CHAIN,
            )
            yield self._connection
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

    def _must_stand_alone(self, path: Path) -> None:
        known = followed(self._connection)
        if known is not None:
            self._connection.close()
            raise LogFollows(f"{path} is a copy of the stream {known.name}.")

    def _roll_back(self) -> None:
        # On a full disk SQLite has already rolled back by itself.
        with suppress(sqlite3.Error):
            self._connection.rollback()
        self._contexts.forget()

    def add(self, event: NewEvent) -> Appended:
        """Append one event within a transaction that is already open."""
        execute = self._connection.execute
        key = key_of(event.source, event.event_id)
        kept = self._kept(key, event)
        repeated = known(event, kept, self._body)
        if repeated:
            execute(_ADD_REDELIVERY, (None, repeated.position, event.received_at))
            return repeated
        position = self._position + 1
        conflict_of = kept[0][0] if kept else None
        chain = chain_of(self._chain, event, position, conflict_of)
        context, headers = self._contexts.number_of(event)
        row = rows.log_row(
            event,
            position,
            context=context,
            key=key,
            headers=headers,
            conflict_of=conflict_of,
            chain=chain,
            packed=self._packing.pack(event.body),
        )
        execute(_ADD_EVENT, row)
        self._position, self._chain = position, chain
        return Appended(position, conflict_of=conflict_of)

    def _kept(self, key: int, event: NewEvent) -> list[tuple[int, bytes]]:
        """Position and digest of every event with the identity of this one, the first one first."""
        identity = (event.event_id, event.source, event.event_type)
        execute = self._connection.execute
        kept = execute(_KEPT, (key, *identity)).fetchall()
        if self._has_early:
            kept = execute(_KEPT_EARLY, identity).fetchall() + kept
        return kept

    def refuse(self, refused: Refused) -> int:
        """Keep refused bytes within a transaction that is already open; their id."""
        after = seals.last(self._connection)
        row = rows.quarantine_row(refused, after.number + 1)
        self._connection.execute(_ADD_REFUSED, row)
        return seals.seal(self._connection, refused, after).number

    def _body(self, position: int) -> bytes:
        return self._body_of(position, self._connection.execute(_BODY, (position,)).fetchone()[0])


def _open(path: Path) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            # To the end: the change to WAL answers first and commits then, and may fail there.
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _check_mode(connection)
        migrate(connection)
        equip(connection)
        sync_names(path.parent)
    except (sqlite3.Error, NewerSchemaError, OSError) as error:
        if connection:
            connection.close()
        raise _refusal(path, error) from error
    return connection


def _check_mode(connection: sqlite3.Connection) -> None:
    # SQLite keeps quiet where it cannot change to WAL (a file system without shared memory); a
    # commit in the other mode can be taken back by a power cut, synchronous=FULL or not.
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        raise sqlite3.OperationalError(f"no write-ahead log, its mode is {mode}")


def _refusal(path: Path, error: Exception) -> LogError:
    if isinstance(error, NewerSchemaError):
        return LogError(f"{path} was made by a later version of the listener ({error}).")
    return LogUnavailable(f"{path} cannot be used as the log: {error}.")
