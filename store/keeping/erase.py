"""Erase: removes what tells of a party or a ticket, so that the chain still verifies.

The seal of a row covers its body's digest, not the body: so bodies go as a whole, and the rows stay
as tombstones. What was erased, by which rule and when is written down; never whose it was. Nothing
may write meanwhile: the bytes must also leave free pages, the write-ahead logs, the archive,
quarantine and history.db, which is folded anew.
"""

import dataclasses
import functools
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from store.asked.ledger import AskedLedger
from store.events import RecordedEvent
from store.history.asking import HISTORY_FILE, AmbiguousTicket
from store.history.lock import locked
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from store.keeping import naming
from store.keeping.check_history import ASIDE
from store.keeping.segment_files import SegmentFile, write_segment
from store.log import rows
from store.log.lock import lock_guests
from store.log.protocol import LogError, LogFollows, LogLocked, LogReader
from store.log.reader import SqliteReader
from store.log.segments import ARCHIVE, Segment, segments
from store.log.sqlite import LOG_FILE, SqliteLog
from store.reconciling.ledger import RECONCILE_FILE

_LOCK_SECONDS = 0.5
_LITESTREAM = f".{LOG_FILE}-litestream"
"""Where Litestream, an option, keeps what it copied last; it makes that anew."""
_EMPTY = {
    "event": tuple(
        f"UPDATE {table} SET body = x'' WHERE position = ? AND body IS NOT x''"
        for table in rows.EVENT_TABLES
    ),
    "refusal": ("UPDATE quarantine SET body = x'' WHERE id = ? AND body IS NOT x''",),
}
_ADD_SEGMENT = """
INSERT INTO segments (segment, version, first_position, last_position, digest, made_at)
VALUES (?, ?, ?, ?, ?, ?)
"""

Progress = Callable[[int, int], None]


class Subject(NamedTuple):
    """Whose data: a party's or a ticket's, by its id."""

    rule: str
    """`party` or `ticket`"""
    id: str
    source: str | None = None
    """Only of this source; None: of any."""


class Found(NamedTuple):
    """What tells of a subject."""

    events: list[int]
    """Positions."""
    refusals: list[int]
    """Ids in the quarantine."""
    tickets: list[str]
    """Those that the events are about, `source/id`."""


class Unrecorded(LogError):
    """What was asked of a provider is not in the log yet, so it cannot be erased there."""

    hint = "Start the listener for a moment, with space on its disk, and stop it again."


class Shared(LogError):
    """Other machines have a copy of this log."""

    hint = "See the README: to erase in a cluster."


class Traces(LogError):
    """Something of what was to be erased is left."""


def find(reader: LogReader, subject: Subject) -> Found:
    """Everything that tells of the subject and is not erased yet. Reads the log twice.

    Raises AmbiguousTicket when several sources have the ticket and none was named.
    """
    if subject.rule == "ticket":
        found = _of_ticket(reader, subject)
        if len(found.tickets) > 1:
            raise AmbiguousTicket(f"There are {', '.join(found.tickets)}.")
        return found
    return _of_party(reader, subject)


def erase(
    directory: Path, subject: Subject, rules: RuleBook, at: str, by: str, progress: Progress
) -> Found:
    """Erase everything that tells of the subject; what that was.

    Killed in between and called again, it finishes. Raises LogLocked while a listener runs, Shared,
    LogMissing, LogUnavailable, Unrecorded, Traces, OSError.
    """
    path = directory / LOG_FILE
    SqliteReader(path).close()  # LogMissing rather than a new log
    if AskedLedger(directory).unrecorded():
        raise Unrecorded((Unrecorded.__doc__ or "").strip())
    with (
        closing(_alone(path)) as log,
        _no_guests(path),
        locked(directory / HISTORY_FILE, _LOCK_SECONDS),
    ):
        found = find(log, subject)
        if found.events or found.refusals:
            _note(log, subject, found, _archive_without(log, directory, found.events), at, by)
        log.emptied(smaller=True)
        _sweep(directory, log)
        opened = functools.partial(SqliteReader, path)
        rebuild(directory / HISTORY_FILE, opened, rules, progress)
        _must_be_gone(directory)
    return found


def _alone(path: Path) -> SqliteLog:
    try:
        return SqliteLog(path, lock_seconds=_LOCK_SECONDS)
    except LogLocked as error:
        raise LogLocked(f"{error} Nothing may write while something is erased.") from error
    except LogFollows as error:
        raise Shared(f"{error} The stream and the other nodes have the same bytes.") from error


@contextmanager
def _no_guests(path: Path) -> Generator[None]:
    """A release or an archive meanwhile would carry bytes away from here."""
    descriptor = lock_guests(path)
    try:
        yield
    finally:
        os.close(descriptor)


def _of_ticket(reader: LogReader, subject: Subject) -> Found:
    tasks = {
        (event.source, event.resource_type, event.resource_id)
        for event in _events(reader, subject)
        if event.ticket_id == subject.id and event.resource_type != "TroubleTicket"
    }
    events = [
        event
        for event in _events(reader, subject)
        if event.ticket_id == subject.id
        # A task's other events need not name the ticket.
        or (
            event.ticket_id is None
            and (event.source, event.resource_type, event.resource_id) in tasks
        )
    ]
    refusals = [
        one.id
        for one in reader.quarantined()
        if one.body
        and subject.source in {None, one.source}
        and naming.names_ticket(one.body, subject.id)
    ]
    return _found(events, refusals)


def _of_party(reader: LogReader, subject: Subject) -> Found:
    names: set[str] = set()
    named: set[tuple[str, int]] = set()
    for kind, number, body in _bodies(reader, subject):
        told = naming.names_of_party(body, subject.id)
        if told is not None:
            named.add((kind, number))
            names |= told
    words = naming.words(subject.id, names)
    found = {
        (kind, number)
        for kind, number, body in _bodies(reader, subject)
        if (kind, number) in named or naming.speaks_of(body, words)
    }
    events = reader.events(sorted(number for kind, number in found if kind == "event"))
    return _found(events, sorted(number for kind, number in found if kind == "refusal"))


def _found(events: list[RecordedEvent], refusals: list[int]) -> Found:
    tickets = {f"{event.source}/{event.ticket_id}" for event in events if event.ticket_id}
    return Found([event.position for event in events], refusals, sorted(tickets))


def _events(reader: LogReader, subject: Subject) -> Iterator[RecordedEvent]:
    for event in reader.read():
        if event.body and subject.source in {None, event.source}:
            yield event


def _bodies(reader: LogReader, subject: Subject) -> Iterator[tuple[str, int, bytes]]:
    for event in _events(reader, subject):
        yield "event", event.position, event.body
    for one in reader.quarantined():
        if one.body and subject.source in {None, one.source}:
            yield "refusal", one.id, one.body


def _archive_without(
    log: SqliteLog, directory: Path, positions: list[int]
) -> list[tuple[Segment, SegmentFile]]:
    """Write each segment anew that has any of these events."""
    gone = set(positions)
    written: list[tuple[Segment, SegmentFile]] = []
    for one in _segments(log):
        if not any(one.first <= position <= one.last for position in gone):
            continue
        events = (
            dataclasses.replace(event, body=b"") if event.position in gone else event
            for event in log.read(one.first - 1, one.last - one.first + 1)
        )
        made = write_segment(directory / ARCHIVE, one.number, one.version + 1, events)
        written.append((one, made))
    return written


def _segments(log: SqliteLog) -> list[Segment]:
    with log.transaction() as connection:
        return segments(connection)


def _note(
    log: SqliteLog,
    subject: Subject,
    found: Found,
    written: list[tuple[Segment, SegmentFile]],
    at: str,
    by: str,
) -> None:
    with log.transaction() as connection:
        erasure = connection.execute(
            "INSERT INTO erasures (rule, erased_at, erased_by) VALUES (?, ?, ?)",
            (subject.rule, at, by),
        ).lastrowid
        for kind, numbers in (("event", found.events), ("refusal", found.refusals)):
            connection.executemany(
                "INSERT INTO erased (kind, number, erasure) VALUES (?, ?, ?)",
                [(kind, number, erasure) for number in numbers],
            )
            for empty in _EMPTY[kind]:
                connection.executemany(empty, [(number,) for number in numbers])
        connection.executemany(
            _ADD_SEGMENT,
            [
                (old.number, old.version + 1, *made[:2], bytes.fromhex(made.digest), at)
                for old, made in written
            ],
        )


def _sweep(directory: Path, log: SqliteLog) -> None:
    """Remove old versions of segments, and what a killed archive, rebuild, check or Litestream left."""
    names = {name for one in _segments(log) for name in (one.file, one.manifest)}
    archive = directory / ARCHIVE
    for path in archive.iterdir() if archive.exists() else ():
        if path.name not in names:
            path.unlink()
    for path in directory.glob(f"{HISTORY_FILE}.rebuild*"):
        path.unlink()
    for end in ("", "-wal", "-shm"):  # answers of providers; the next reconciliation begins anew
        (directory / f"{RECONCILE_FILE}{end}").unlink(missing_ok=True)
    for name in (f"{ASIDE}*", _LITESTREAM):
        for path in directory.glob(name):
            shutil.rmtree(path)


def _must_be_gone(directory: Path) -> None:
    for name in (LOG_FILE, HISTORY_FILE):
        left = directory / f"{name}-wal"
        if left.exists() and left.stat().st_size:
            raise Traces(
                f"{left} could not be emptied, because somebody still reads {name}. "
                "Stop the pages, then call this again."
            )
