"""What is kept: an event before and after the log gave it a position, and what was refused.

Data only, no behaviour. An event or a refusal whose `body` is empty was erased. All times are UTC text, ISO 8601, fixed width, milliseconds and `Z`
(`2026-11-24T06:05:04.123Z`), so that text order is time order.
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An accepted event that has no position yet."""

    source: str
    """Which named sender it came from."""
    event_type: str
    """Canonical name, `TroubleTicketStatusChangeEvent`, whatever the sender's spelling."""
    event_id: str
    """The sender's eventId, or the digest where it sent none."""
    resource_type: str
    """`TroubleTicket`, `TroubleTicketSpecification`, `CancelTroubleTicket`, `InflightChangeTroubleTicket`."""
    resource_id: str
    ticket_id: str | None
    """The ticket it belongs to; None for specifications and for tasks that name no ticket."""
    occurred_at: str
    """timeOccurred, else eventTime, else received_at."""
    event_time: str | None
    """eventTime, as an instant; None where it was absent or unreadable."""
    received_at: str
    path: str
    """The path it was posted to."""
    headers: tuple[tuple[str, str], ...]
    """Headers worth keeping; never credentials."""
    drift: tuple[str, ...]
    """What the sender did that the specification does not say: `code` or `code /json/pointer`."""
    digest: str
    """SHA-256 of `body`, hex."""
    body: bytes
    """The very bytes received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent(NewEvent):
    """An event in the log."""

    position: int
    """1, 2, 3, …: commit order, without holes."""
    conflict_of: int | None
    """Position of the first event with the same key and other content."""
    chain: str
    """SHA-256 over the previous row's chain and this row, hex."""


class EventHead(NamedTuple):
    """An event in the log without its bytes, which cost most of a read."""

    position: int
    source: str
    event_type: str
    event_id: str
    resource_type: str
    resource_id: str
    ticket_id: str | None
    occurred_at: str
    event_time: str | None
    received_at: str
    drift: tuple[str, ...]
    digest: str
    conflict_of: int | None
    size: int
    """Bytes of its body."""

    @classmethod
    def of(cls, event: RecordedEvent) -> "EventHead":
        """The head of an event."""
        return cls(
            position=event.position,
            source=event.source,
            event_type=event.event_type,
            event_id=event.event_id,
            resource_type=event.resource_type,
            resource_id=event.resource_id,
            ticket_id=event.ticket_id,
            occurred_at=event.occurred_at,
            event_time=event.event_time,
            received_at=event.received_at,
            drift=event.drift,
            digest=event.digest,
            conflict_of=event.conflict_of,
            size=len(event.body),
        )


class Telling(NamedTuple):
    """What a fold has to know of an event beside its bytes."""

    position: int
    event_type: str
    event_id: str
    resource_type: str
    resource_id: str
    occurred_at: str
    event_time: str | None
    received_at: str
    sha256: bytes
    """Of its body."""

    @property
    def digest(self) -> str:
        """The same, hex."""
        return self.sha256.hex()

    @classmethod
    def of(cls, event: RecordedEvent) -> "Telling":
        """That of an event."""
        return cls(
            position=event.position,
            event_type=event.event_type,
            event_id=event.event_id,
            resource_type=event.resource_type,
            resource_id=event.resource_id,
            occurred_at=event.occurred_at,
            event_time=event.event_time,
            received_at=event.received_at,
            sha256=bytes.fromhex(event.digest),
        )


@dataclass(frozen=True, slots=True)
class Appended:
    """What the log answers for one event, after the commit."""

    position: int
    duplicate: bool = False
    """True for a redelivery: `position` is then that of the event it repeats."""
    conflict_of: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a log answers that several machines share: kept by a quorum, but not numbered yet.

    Its position is given where it is copied, the same on every node.
    """

    sequence: int
    """Where it stands in the stream; of a duplicate, where the first of its name stands."""
    duplicate: bool = False
    """True for a redelivery that the stream still knows; others are found when they are copied."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was wrong with a refused body."""

    code: str
    """Stable word, `missing`, `wrong-type`, `not-json`, …"""
    pointer: str
    """JSON pointer (RFC 6901) to the member, empty for the whole body."""
    expected: str
    """What would have been right, in words."""


NOT_WHOLE = "not-whole"
"""Code of the reason that says: only the beginning of this body is kept. Never released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Bytes that were not accepted, before quarantine gave them an id."""

    source: str
    path: str
    headers: tuple[tuple[str, str], ...]
    received_at: str
    status: int
    """The HTTP status the sender was answered."""
    reasons: tuple[Reason, ...]
    fingerprint: str
    """Groups refusals of one kind: 16 hex digits over source, path and reasons."""
    request_id: str = ""
    """What the sender was told in X-Request-Id; empty where an earlier version kept it."""
    body: bytes
    """The very bytes received; only the first of them where a reason says NOT_WHOLE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined(Refused):
    """Refused bytes, kept."""

    id: int
    """1, 2, 3, …: without holes."""
    digest: str
    """SHA-256 of `body` as it was received, hex."""
    chain: str
    """SHA-256 over the previous entry's chain and this entry, hex (store/log/seals.py)."""


@dataclass(frozen=True, slots=True)
class Redelivery:
    """One more arrival of an event that the log already had."""

    id: int
    position: int
    """The event it repeats."""
    received_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about a quarantine entry, once."""

    id: int
    entry: int
    """The quarantine entry."""
    decision: str
    """`released` or `dropped`."""
    reason: str | None
    position: int | None
    """Of the event that it was released as."""
    decided_at: str
    decided_by: str
