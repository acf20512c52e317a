"""Check: proves that what is kept is what was received, and names the first row that is not.

log.db: SQLite's own integrity, positions without holes, every row sealed by the chain, every body
of its digest (those in the archive too), everything that points somewhere points at something;
the quarantine as the log: entries without holes, each sealed, each body of its digest.
history.db: integrity, and row by row equal to a fresh fold of the log.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.events import Quarantined, RecordedEvent
from store.keeping.opening import read_only
from store.log.identity import FIRST_CHAIN, key_of, sealed
from store.log.protocol import LogError
from store.log.reader import DamagedBody, SqliteReader
from store.log.seals import FIRST_SEAL, is_sealed
from store.log.segments import ARCHIVE, Segment, segments
from store.log.sqlite import LOG_FILE

Progress = Callable[[int], None]
"""Told how many events more are done."""


class Wrong(NamedTuple):
    """One thing that is not as it was left."""

    where: str
    """`log.db`, `history.db` or the archive's file."""
    row: str
    """The first row that is wrong: `events 42`; empty where it is the whole file."""
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.row + ': ' if self.row else ''}{self.why}"


class Unsound(LogError):
    """A log is not as it was left."""

    hint = "`listener check --log-only --data` tells all of it."


def check_log(directory: Path, progress: Progress, until: int | None = None) -> Iterator[Wrong]:
    """What is wrong with log.db and its archive, at most one row of each kind.

    Runs beside a listener: what arrives meanwhile is not looked at. `until`: only this many events.
    Raises LogMissing.
    """
    path = directory / LOG_FILE
    with closing(SqliteReader(path)) as reader, closing(read_only(path)) as connection:
        damage = integrity(connection)
        if damage:
            # Whatever else there is to say follows from this.
            yield Wrong(LOG_FILE, "", damage)
            return
        head = reader.head()
        erased = _erased(connection, "event")
        wrong = _chain(reader, erased, head if until is None else until, progress)
        if wrong:
            yield wrong
        wrong = _keys(connection)
        if wrong:
            yield wrong
        wrong = _quarantine(reader, connection)
        if wrong:
            yield wrong
        yield from _pointers(connection)
        yield from _archive(directory / ARCHIVE, segments(connection))


def integrity(connection: sqlite3.Connection) -> str | None:
    """What SQLite itself finds wrong with a file, its first sentence; None when it is sound."""
    try:
        told = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return f"SQLite cannot read it: {error}"
    return None if told == "ok" else f"SQLite finds it damaged: {' '.join(told.split())}"


def _erased(connection: sqlite3.Connection, kind: str) -> set[int]:
    select = "SELECT number FROM erased WHERE kind = ?"
    return {number for (number,) in connection.execute(select, (kind,))}


def _chain(reader: SqliteReader, erased: set[int], until: int, progress: Progress) -> Wrong | None:
    previous = FIRST_CHAIN
    position = 0
    try:
        for position, event in enumerate(reader.read(limit=until), start=1):
            why = _wrong(previous, event, position, erased)
            if why:
                return Wrong(LOG_FILE, f"events {position}", why)
            previous = bytes.fromhex(event.chain)
            progress(1)
    except DamagedBody as error:
        return Wrong(LOG_FILE, f"events {error.position}", "its body cannot be unpacked")
    except LogError as error:
        return Wrong(LOG_FILE, "", str(error))
    except (ValueError, TypeError, AttributeError) as error:
        # A column that no event could have: whoever wrote it was not the listener.
        return Wrong(LOG_FILE, f"events {position + 1}", f"unreadable ({error})")
    if position < until:
        return Wrong(LOG_FILE, f"events {position + 1}", "missing")
    return None


def _wrong(previous: bytes, event: RecordedEvent, position: int, erased: set[int]) -> str | None:
    if sealed(previous, event, position) is None:
        return _unsealed(event, position)
    if not _has_its_body(event, erased):
        return "its body is not the one that was received"
    return None


def _unsealed(event: RecordedEvent, position: int) -> str:
    if event.position != position:
        return f"missing; the next one there is {event.position}"
    return "altered: the chain of digests does not fit to it"


def _has_its_body(event: RecordedEvent, erased: set[int]) -> bool:
    if not event.body and event.position in erased:
        return True
    return event.digest == hashlib.sha256(event.body).hexdigest()


_KEYS = """
SELECT position, source, event_id, key FROM log JOIN contexts ON contexts.id = context
ORDER BY position
"""
_HAS_KEYS = "SELECT 1 FROM sqlite_schema WHERE name = 'log'"


def _keys(connection: sqlite3.Connection) -> Wrong | None:
    """A row that a redelivery would not find: its key is no part of what the chain seals."""
    if not connection.execute(_HAS_KEYS).fetchone():
        return None  # as an earlier version left it
    for position, source, event_id, key in connection.execute(_KEYS):
        if key != key_of(source, event_id):
            return Wrong(LOG_FILE, f"events {position}", "not found by its identity")
    return None


_SEALING = "SELECT 1 FROM _sqlite_migrations WHERE name = '003_seals'"


def _quarantine(reader: SqliteReader, connection: sqlite3.Connection) -> Wrong | None:
    number, previous = 0, FIRST_SEAL
    try:
        if not connection.execute(_SEALING).fetchone():
            return None  # as an earlier version left it: whoever writes to it next seals all
        erased = _erased(connection, "refusal")
        until = connection.execute("SELECT coalesce(max(entry), 0) FROM seals").fetchone()[0]
        for number, entry in enumerate(reader.quarantined(), start=1):
            why = _unlike_its_seal(entry, number, previous, erased)
            if why:
                return Wrong(LOG_FILE, f"quarantine {number}", why)
            previous = bytes.fromhex(entry.chain)
    except (LogError, sqlite3.Error) as error:
        return Wrong(LOG_FILE, "", f"the quarantine cannot be read: {error}")
    except (ValueError, TypeError, AttributeError) as error:
        return Wrong(LOG_FILE, f"quarantine {number + 1}", f"unreadable ({error})")
    return Wrong(LOG_FILE, f"quarantine {number + 1}", "missing") if number < until else None


def _unlike_its_seal(
    entry: Quarantined, number: int, previous: bytes, erased: set[int]
) -> str | None:
    if entry.id != number:
        return f"missing; the next one there is {entry.id}"
    if not is_sealed(previous, entry):
        return "altered: its seal does not fit to it" if entry.chain else "it has no seal"
    if not entry.body and number in erased:
        return None
    if entry.digest != hashlib.sha256(entry.body).hexdigest():
        return "its body is not the one that was received"
    return None


_POINTERS = (
    # Table, the column that names its row, what it says that is not so, how to see that.
    (
        "redeliveries",
        "id",
        "repeats an event that is not there",
        "NOT EXISTS (SELECT 1 FROM events WHERE position = redeliveries.position)",
    ),
    ("events", "position", "conflicts with no earlier event", "conflict_of >= position"),
    (
        "decisions",
        "id",
        "is about an entry that is not there",
        "entry NOT IN (SELECT id FROM quarantine)",
    ),
    (
        "decisions",
        "id",
        "released an entry as an event that is not there",
        (
            "position IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM events WHERE position = decisions.position)"
        ),
    ),
)


def _pointers(connection: sqlite3.Connection) -> Iterator[Wrong]:
    for table, key, why, condition in _POINTERS:
        select = f"SELECT {key} FROM {table} WHERE {condition} ORDER BY {key} LIMIT 1"
        for (number,) in connection.execute(select):
            yield Wrong(LOG_FILE, f"{table} {number}", why)


def _archive(directory: Path, known: list[Segment]) -> Iterator[Wrong]:
    after = 0
    for segment in known:
        where = f"{ARCHIVE}/{segment.file}"
        if segment.first != after + 1:
            yield Wrong(where, "", f"begins with event {segment.first}, not {after + 1}")
        after = segment.last
        try:
            digest = file_digest(directory / segment.file)
        except OSError as error:
            yield Wrong(where, "", str(error.strerror))
        else:
            if digest != segment.digest:
                yield Wrong(where, "", "is not the file that was written: its digest is another")
    yield from _strangers(directory, known)


def _strangers(directory: Path, known: list[Segment]) -> Iterator[Wrong]:
    names = {name for segment in known for name in (segment.file, segment.manifest)}
    for path in sorted(directory.iterdir()) if directory.exists() else ():
        if path.name not in names:
            yield Wrong(f"{ARCHIVE}/{path.name}", "", "is no part of this log")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def must_be_sound(directory: Path, progress: Progress) -> None:
    """Raise Unsound with the first thing that is wrong with the log in a directory."""
    for wrong in check_log(directory, progress):
        raise Unsound(f"The log in {directory} is not sound. {wrong}.")
