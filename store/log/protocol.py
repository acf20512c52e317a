"""EventLog: what every engine promises, and Appender: what the edge needs of it.

append is atomic and idempotent on the identity (source, event_type, event_id): when it returns,
every event of the call is on disk once. Positions start at 1, grow by one, have no holes, and
are given in commit order; read returns them in that order, so `position > checkpoint` never
skips. The same key with the same content (equal bytes, else equal canonical JSON) is a
redelivery; with other content it is an event of its own, marked as conflict of the first.

Where several machines share a log (JetStream) an EventLog promises the same, since it answers when
what it appended was copied. Only the Appender differs, because it cannot wait for that: it answers
when a quorum keeps the entry, with Accepted instead of Appended (no position yet, and a redelivery
may be found later), and knows no number of a refusal.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from store.events import (
    Accepted,
    Appended,
    Decision,
    EventHead,
    NewEvent,
    Quarantined,
    RecordedEvent,
    Redelivery,
    Refused,
    Telling,
)


class LogReader(Protocol):
    """The read side. Sees every commit that ended before the call."""

    def head(self) -> int:
        """Position of the last event; 0 for an empty log."""
        ...

    def event(self, position: int) -> RecordedEvent | None: ...

    def events(self, positions: Sequence[int]) -> list[RecordedEvent]:
        """Those events that exist, by position ascending."""
        ...

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        """Events with position > after, ascending, at most `limit`; streams, never all in memory."""
        ...

    def heads(self, after: int = 0, limit: int | None = None) -> Iterator[EventHead]:
        """As `read`, without the bodies, many times faster."""
        ...

    def told(self, positions: Sequence[int]) -> list[tuple[Telling, bytes]]:
        """Those events that exist, by position ascending, each with its bytes; for folds, which read
        very many.
        """
        ...

    def redeliveries(self, after: int = 0, limit: int | None = None) -> Iterator[Redelivery]:
        """Redeliveries with id > after, ascending."""
        ...

    def quarantine_entry(self, number: int) -> Quarantined | None: ...

    def quarantined(self, after: int = 0, limit: int | None = None) -> Iterator[Quarantined]:
        """Quarantine entries with id > after, ascending."""
        ...

    def decisions(self, after: int = 0, limit: int | None = None) -> Iterator[Decision]:
        """Decisions about quarantine entries with id > after, ascending."""
        ...

    def close(self) -> None: ...


class EventLog(LogReader, Protocol):
    """The write side too. One writer at a time; a second one is refused with LogLocked."""

    def append(self, events: Sequence[NewEvent]) -> list[Appended]:
        """Keep all events in one transaction; an answer for each, in order.

        Raises LogUnavailable when nothing of the call was kept (disk full, I/O error).
        """
        ...

    def quarantine(self, refused: Sequence[Refused]) -> list[int]:
        """Keep refused bytes in one transaction; their ids, in order. Raises LogUnavailable."""
        ...


class Appender(Protocol):
    """What a receiver holds: appends from many waiting requests, committed in groups."""

    async def append(self, event: NewEvent) -> Appended | Accepted:
        """Return after the commit. Raises Overloaded at once when the queue is full, LogUnavailable."""
        ...

    async def quarantine(self, refused: Refused) -> int | None:
        """Return the entry's id after the commit; None: it is given later. Raises as append."""
        ...

    def is_ready(self) -> bool:
        """Whether an append would be tried now."""
        ...

    def why_not_ready(self) -> str:
        """What is in the way, for the operator; empty while it is ready."""
        ...

    def waiting(self) -> tuple[int, int]:
        """How many entries wait for their answer, and the bytes of their bodies."""
        ...

    def is_full(self) -> bool:
        """Whether an append now would raise Overloaded: worth asking before a body is read."""
        ...

    async def close(self) -> None:
        """Commit what waits, then release the log."""
        ...


class LogError(Exception):
    """The log could not do what it was asked."""

    hint: str = ""
    """What the operator can do about it."""


class LogLocked(LogError):
    """Another process already writes to this log."""

    hint = "Stop the other listener, or give this one a data directory of its own (--data)."


class LogMissing(LogError):
    """There is no log in this data directory yet."""

    hint = "Start the listener once, or name its data directory (--data)."


class LogFollows(LogError):
    """The log is a copy of a stream that several machines share; what it has comes from there."""

    hint = "Name the stream in the settings (log), or take this node out: listener cluster leave."


class LogUnavailable(LogError):
    """The log cannot be written at the moment."""

    hint = "Look at free disk space and the permissions of the data directory."


class Overloaded(LogError):
    """More events wait for their commit than the settings allow."""

    hint = "Senders are told to try again; raise queue_events or queue_bytes if memory allows."
