"""WHAT IS KEPT: the front of the store. Other rooms import from here, and from nowhere below."""

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from store.events import (
    Accepted,
    Appended,
    NewEvent,
    Quarantined,
    Reason,
    RecordedEvent,
    Redelivery,
    Refused,
)
from store.history.asking import HISTORY_FILE, AmbiguousTicket, UnknownTicket, ticket_history
from store.history.fold import History
from store.history.rules import RuleBook, Rules
from store.hub.standing import HubStanding
from store.hub.standing import hub_standings as hubs
from store.log.appender import open_process_appender
from store.log.group_commit import OnCommit
from store.log.identity import verify_chain
from store.log.lines import Condition, Line, LineReader, Page
from store.log.lock import GUEST_SECONDS, LOCK_SECONDS, lock
from store.log.memory import MemoryAppender, MemoryLog
from store.log.place import Place
from store.log.protocol import (
    Appender,
    EventLog,
    LogError,
    LogFollows,
    LogLocked,
    LogMissing,
    LogReader,
    LogUnavailable,
    Overloaded,
)
from store.log.reader import SqliteReader
from store.log.sqlite import LOG_FILE, SqliteLog
from store.progress import Progress, progress
from store.replay.standing import DeadLetter, Forwarding, Replay, dead_letters, replays

if TYPE_CHECKING:
    from store.log.jetstream_log import JetStreamLog

__all__ = [
    "HISTORY_FILE",
    "LOG_FILE",
    "Accepted",
    "AmbiguousTicket",
    "Appended",
    "Appender",
    "Condition",
    "DeadLetter",
    "EventLog",
    "Forwarding",
    "History",
    "HubStanding",
    "Line",
    "LineReader",
    "LogError",
    "LogFollows",
    "LogLocked",
    "LogMissing",
    "LogReader",
    "LogUnavailable",
    "MemoryAppender",
    "MemoryLog",
    "NewEvent",
    "OnCommit",
    "Overloaded",
    "Page",
    "Place",
    "Progress",
    "Quarantined",
    "Reason",
    "RecordedEvent",
    "Redelivery",
    "Refused",
    "Replay",
    "RuleBook",
    "Rules",
    "UnknownTicket",
    "append_beside",
    "append_shared",
    "check_unlocked",
    "copy_of",
    "dead_letters",
    "history",
    "hubs",
    "open_appender",
    "open_copied_log",
    "open_guest",
    "open_line_reader",
    "open_log",
    "open_reader",
    "open_shared_appender",
    "open_shared_log",
    "progress",
    "replays",
    "verify_chain",
]


def check_unlocked(directory: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Raise LogLocked when another process still writes to this log after `lock_seconds`.

    Makes nothing: a directory without a log is free. OSError when the lock cannot be opened.
    """
    log = directory / LOG_FILE
    if log.exists():
        os.close(lock(log, lock_seconds))


def open_log(directory: Path, *, lock_seconds: float = LOCK_SECONDS) -> EventLog:
    """The log in this data directory, for writing from this process; made where it is missing.

    Raises LogLocked when another process still writes to it after `lock_seconds`.
    """
    return SqliteLog(directory / LOG_FILE, lock_seconds=lock_seconds)


def open_guest(directory: Path) -> EventLog:
    """The log, to append now and then beside a listener that may run; made where it is missing.

    Raises LogLocked when another guest keeps it for half a minute, or when a first listener just
    makes it.
    """
    path = directory / LOG_FILE
    if not path.exists():
        try:
            open_log(directory).close()
        except LogLocked:
            # By now whoever made it has made it.
            if not path.exists():
                raise
    return SqliteLog(directory / LOG_FILE, as_guest=True, guest_seconds=GUEST_SECONDS)


def append_beside(directory: Path, event: NewEvent, place: Place | None = None) -> Appended:
    """One event of a command's own, appended beside a running listener or without one; with a
    `place` through the stream that is there, once this node has copied it.

    Makes the log where there is none. Raises LogLocked, LogUnavailable, and as append_shared.
    """
    if place is not None:
        return append_shared(directory, place, [event])[0]
    with closing(open_guest(directory)) as log:
        return log.append([event])[0]


def append_shared(directory: Path, place: Place, events: Sequence[NewEvent]) -> list[Appended]:
    """Events of a command's own in a log that several machines share; returns when this node has
    copied them.

    Raises LogUnavailable, and LogError where they are kept but not copied here within 30 s.
    """
    from store.log.beside import append_through

    return append_through(directory, place, events)


def copy_of(directory: Path, accepted: Accepted, event: NewEvent) -> Appended:
    """What became of an event that the stream accepted, once this node has copied it. Raises as append_shared."""
    from store.log.beside import wait_for_copies

    return wait_for_copies(directory, accepted.sequence, [event])[0]


def open_reader(directory: Path) -> LogReader:
    """The log in this data directory, to read. Raises LogMissing when there is none yet."""
    return SqliteReader(directory / LOG_FILE)


def open_line_reader(directory: Path) -> LineReader:
    """The same, for those who pass events on as lines of JSON."""
    return LineReader(directory / LOG_FILE)


async def open_appender(
    directory: Path,
    *,
    queue_events: int,
    queue_bytes: int,
    lock_seconds: float = LOCK_SECONDS,
    on_commit: OnCommit | None = None,
) -> Appender:
    """The log in this data directory, for a receiver: appends in groups, in a writer process.

    At most `queue_events` events and `queue_bytes` bytes of bodies wait for their commit.
    `on_commit` hears of every commit: its entries, its seconds. Raises as open_log.
    """
    return await open_process_appender(
        directory,
        queue_events=queue_events,
        queue_bytes=queue_bytes,
        lock_seconds=lock_seconds,
        on_commit=on_commit,
    )


def open_copied_log(directory: Path) -> SqliteLog:
    """The log in this data directory, for who copies a stream into it. Raises as open_log."""
    return SqliteLog(directory / LOG_FILE, follows=True)


def open_shared_log(directory: Path, place: Place) -> "JetStreamLog":
    """The log that several machines share, for writing from this process; its copy here is locked.

    Each append returns when it was copied. Raises as open_log, and LogError where the copy and the
    stream do not belong together.
    """
    from store.log.jetstream_log import JetStreamLog

    return JetStreamLog(directory, place)


async def open_shared_appender(
    place: Place,
    *,
    queue_events: int,
    queue_bytes: int,
    largest_body: int,
    copied_to: Path,
    patience_seconds: float,
    on_commit: OnCommit | None = None,
) -> Appender:
    """The same, for a receiver: an append returns when a quorum keeps it. Nothing is written here,
    but it is not ready while the copy in `copied_to` does not move for `patience_seconds`.

    Raises LogUnavailable when the stream cannot be reached, LogError where it does not exist or
    does not take bodies of `largest_body` bytes.
    """
    from store.log.jetstream_appender import open_jetstream_appender

    return await open_jetstream_appender(
        place,
        queue_events=queue_events,
        queue_bytes=queue_bytes,
        largest_body=largest_body,
        copied_to=copied_to,
        patience_seconds=patience_seconds,
        on_commit=on_commit,
    )


# Named like the room it asks: `store.history(...)` is the question, `store.history.fold` the room.
def history(
    directory: Path,
    ticket_id: str,
    *,
    source: str | None = None,
    as_of: str | None = None,
    known_at: str | None = None,
    rules: RuleBook | None = None,
) -> History:
    """One ticket's history from the log in this data directory.

    `as_of`: what was true then; `known_at`: from what had been received by then; UTC texts.
    Raises LogMissing, UnknownTicket, AmbiguousTicket.
    """
    reader = open_reader(directory)
    try:
        return ticket_history(
            directory,
            reader,
            ticket_id,
            rules or RuleBook(),
            source=source,
            as_of=as_of,
            known_at=known_at,
        )
    finally:
        reader.close()
