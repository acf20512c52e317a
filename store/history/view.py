"""What one event says, read from its bytes into the words the fold uses.

A View is a function of the event alone. Its `occurred_at` never comes from arrival while the
event itself offers any time; its `content` is the digest of what it says without what senders
vary from subscription to subscription, so that aliases meet. To digest costs more than to read, and
few events stand where only that can tell them apart: it is done when it is asked for.
"""

import hashlib
import json
from functools import lru_cache
from operator import attrgetter
from typing import Any, cast

import msgspec
from msgspec.structs import force_setattr

from store import payload
from store.dialects import Speech, event_read
from store.events import RecordedEvent, Telling
from store.history.members import written
from store.members import sole_object
from store.own_events import PROVENANCE
from store.times import read_time

Json = dict[str, Any]

KINDS: dict[str, tuple[str, int]] = {
    # event type: kind of its entry, rank among entries of one instant. Attributes go before the
    # status change they explain (AKSUP); what ends a ticket goes last.
    "TroubleTicketCreateEvent": ("created", 0),
    "TroubleTicketSpecificationCreateEvent": ("created", 0),
    "TroubleTicketAttributeValueChangeEvent": ("attributes", 1),
    "TroubleTicketSpecificationAttributeValueChangeEvent": ("attributes", 1),
    "TroubleTicketMilestoneEvent": ("milestone", 2),
    "TroubleTicketJeopardyAlertEvent": ("jeopardy", 3),
    "TroubleTicketStatusChangeEvent": ("status", 4),
    "TroubleTicketSpecificationStatusChangeEvent": ("status", 4),
    "TroubleTicketResolvedEvent": ("resolved", 5),
    "TroubleTicketInformationRequiredEvent": ("information", 6),
    "CancelTroubleTicketStateChangeEvent": ("task", 7),
    "InflightChangeTroubleTicketStateChangeEvent": ("task", 7),
    "TroubleTicketDeleteEvent": ("deleted", 9),
    "TroubleTicketSpecificationDeleteEvent": ("deleted", 9),
    # Our own: what the provider answered stands behind everything that it told until then.
    "TroubleTicketReconciledEvent": ("reconciled", 8),
    "TroubleTicketSpecificationReconciledEvent": ("reconciled", 8),
    "CancelTroubleTicketReconciledEvent": ("task", 8),
    "InflightChangeTroubleTicketReconciledEvent": ("task", 8),
    "TroubleTicketRequestedEvent": ("requested", 6),
    "CancelTroubleTicketRequestedEvent": ("requested", 6),
    "InflightChangeTroubleTicketRequestedEvent": ("requested", 6),
}
OTHER = ("other", 8)
ERASED = ("erased", 8)
GONE = ("deleted", 9)
"""A reconciled event that says: the provider has no such resource (any more)."""

BESIDE = frozenset({"task", "requested"})
"""Kinds that stand in a ticket's timeline and say nothing about its own state."""

TIMELESS = "received_at"
"""The rule for an event that names no time at all."""

_OCCURRED = ("timeOccurred", "timeOcurred")
_NAMED_BY_EVENT = (*_OCCURRED, "eventTime")
_NAMED_BY_RESOURCE = ("statusChangeDate", "stateChangeDate", "lastUpdate", "creationDate")

STATUS_KINDS = frozenset({"created", "status", "resolved"})
"""Kinds whose business is to tell a status; any other event only lets one show."""


class StatusClaim(msgspec.Struct, frozen=True, gc=False):
    """A status with its date, as an event tells it."""

    status: str
    date: str | None
    told: Json
    """The object that tells it."""

    @property
    def reason(self) -> str:
        """Why; read when it is asked for: of most claims of most histories it never is."""
        return payload.status_reason(self.told) or ""


class View(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One event, understood. It equals itself alone."""

    event_type: str
    event_id: str
    kind: str
    rank: int
    occurred_at: str
    occurred_rule: str
    """The member `occurred_at` was read from."""
    resource_type: str
    resource_id: str
    resource: Json
    status: StatusClaim | None
    """The status it tells of its resource (of a task: its state)."""
    status_date: str | None
    """statusChangeDate, even where no status stands beside it."""
    past: tuple[StatusClaim, ...]
    """Its statusChangeHistory, oldest first."""
    created_at: str | None
    last_update: str | None
    position: int
    received_at: str
    event_time: str | None
    document: Json
    """All that it says, of which `resource` is a part."""
    information: tuple[Json, ...] = ()
    milestones: tuple[Json, ...] = ()
    alerts: tuple[Json, ...] = ()
    complete: bool = False
    """Whether the resource is all there is: what it does not name is not there."""
    answered: str = ""
    """Of a request: what the provider answered, in words."""
    digested: str = ""
    """Its `content`, once that was asked for."""

    @property
    def provenance(self) -> str:
        """received, reconciled or requested."""
        return PROVENANCE.get(self.event_type, "received")

    @property
    def content(self) -> str:
        """Digest of what it says: equal for aliases."""
        if not self.digested:
            force_setattr(self, "digested", _content(self, self.document, self.occurred_rule))
        return self.digested

    @property
    def history_date(self) -> str | None:
        """The date of its own change in the status history that it carries."""
        last = self.past[-1] if self.past else None
        return last.date if last and self.status and last.status == self.status.status else None

    @property
    def order(self) -> "tuple[str, int, View]":
        """Where it stands among the events of its ticket, whatever order they arrived in."""
        return (self.occurred_at, self.rank, self)

    def __lt__(self, other: "View") -> bool:
        """Which goes first of two of one moment and rank."""
        return (self.content, self.event_id) < (other.content, other.event_id)


def view(
    event: RecordedEvent | Telling, body: bytes, zone: str, speech: Speech | None = None
) -> View:
    """Read an event's bytes. `zone` is its source's, for times that name none; so is `speech`, where
    it does not speak as TMF621 v5 does. Never raises: what cannot be read is absent.
    """
    if not body:
        return _erased(event)
    document = _document(body)
    event_type = event.event_type
    if speech is not None:
        document = event_read(document, event, speech)
    located = payload.payload_of(event_type, document)
    resource = located[1] if located else {}
    kind, rank = KINDS.get(event_type, OTHER)
    received_at = event.received_at
    if event_type in PROVENANCE:
        if kind == "requested":
            return _requested(event, document, rank)
        if kind == "reconciled" and "gone" in document:
            kind, rank = GONE
    occurred_at, occurred_rule = _occurred(document, resource, received_at, zone)
    status_date = read_time(payload.status_date(resource), zone)
    born = resource.get("requestDate" if kind == "task" else "creationDate")
    # In the order of its members: their names would cost more than all that is read here.
    return View(
        event_type,
        event.event_id,
        kind,
        rank,
        occurred_at,
        occurred_rule,
        event.resource_type,
        event.resource_id,
        resource,
        _status(kind, resource, status_date),
        status_date,
        _past(resource, zone),
        read_time(born, zone),
        read_time(resource.get("lastUpdate"), zone),
        event.position,
        received_at,
        event.event_time,
        document,
        *_beside(kind, document, resource),
        kind == "reconciled" and document.get("complete") is True,
    )


def _beside(
    kind: str, document: Json, resource: Json
) -> tuple[tuple[Json, ...], tuple[Json, ...], tuple[Json, ...]]:
    """What it asks for, its milestones, its alerts: few kinds of event tell any."""
    match kind:
        case "information":
            return tuple(payload.information_required(document)), (), ()
        case "milestone":
            return (), tuple(payload.milestones(resource, document.get("event"))), ()
        case "jeopardy":
            return (), (), tuple(payload.jeopardy_alerts(resource, document.get("event")))
        case _:
            return (), (), ()


def _requested(event: RecordedEvent | Telling, document: Json, rank: int) -> View:
    """What we asked for: whether it came to be, only the provider's own telling says."""
    told = sole_object(document.get("requested"))
    status = told[1].get("status") if told else None
    answered = "not answered" if status is None else f"answered {status}"
    occurred_at, rule = _occurred(document, {}, event.received_at, "UTC")
    return msgspec.structs.replace(
        _bare(event, "requested", rank, rule),
        occurred_at=occurred_at,
        answered=answered,
        document=document,
        digested="",
    )


def _erased(event: RecordedEvent | Telling) -> View:
    """An event whose bytes were erased: a fact that something was told then, and nothing more."""
    return _bare(event, *ERASED, "erased")


def _bare(event: RecordedEvent | Telling, kind: str, rank: int, rule: str) -> View:
    """An event that says nothing of a resource."""
    told = f"{event.event_type}\n{event.event_id}\n{event.digest}"
    return View(
        event_type=event.event_type,
        event_id=event.event_id,
        kind=kind,
        rank=rank,
        occurred_at=event.occurred_at,
        occurred_rule=rule,
        resource_type=event.resource_type,
        resource_id=event.resource_id,
        resource={},
        status=None,
        status_date=None,
        past=(),
        created_at=None,
        last_update=None,
        position=event.position,
        received_at=event.received_at,
        event_time=event.event_time,
        document={},
        digested=hashlib.sha256(told.encode()).hexdigest(),
    )


def _document(body: bytes) -> Json:
    try:
        document = _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        document = _odd_document(body)
    return cast("Json", document) if isinstance(document, dict) else {}


def _odd_document(body: bytes) -> object:
    """JSON by Python's reading (NaN, half a surrogate pair), made into text that can be stored."""
    try:
        document = json.loads(body, parse_float=_number)
        told = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        return json.loads(told)
    except (ValueError, RecursionError):
        return {}


def _number(text: str) -> int | float:
    # 1.0 is 1: a redelivery may spell it either way, and the log keeps the first.
    number = float(text)
    return int(number) if number.is_integer() else number


_DECODER = msgspec.json.Decoder(float_hook=_number)


def _occurred(document: Json, resource: Json, received_at: str, zone: str) -> tuple[str, str]:
    for members, names in ((document, _NAMED_BY_EVENT), (resource, _NAMED_BY_RESOURCE)):
        for name in names:
            at = read_time(members.get(name), zone)
            if at:
                return at, name
    return received_at, TIMELESS


def _content(event: View, document: Json, occurred_rule: str) -> str:
    """Digest of what is told of what, without what a second subscription varies."""
    said = document.copy()
    for name in _varied("event" in document, occurred_rule):
        said.pop(name, None)
    told = f"{event.event_type}\n{event.resource_id}\n".encode() + written(said)
    return hashlib.sha256(told).hexdigest()


@lru_cache(maxsize=32)
def _varied(has_event: bool, occurred_rule: str) -> frozenset[str]:
    """Members of the envelope that differ between two tellings of one thing: ids and send time."""
    # Without `event` the resource stands among them, and id and href may be its own.
    varied = frozenset({"correlationId", "id", "href"} if has_event else {"correlationId"})
    if occurred_rule == TIMELESS:
        # It names no time: the same again may be another change, and only its id can tell.
        return varied - {"id"}
    if occurred_rule in _OCCURRED:
        varied |= {"eventTime"}
    return varied | {"eventId", "eventUuid"}


def _status(kind: str, resource: Json, date: str | None) -> StatusClaim | None:
    status = payload.status_of(resource)
    if not status and kind == "resolved":
        # MEF sends the id alone; what the event is called says the rest.
        status = "resolved"
    if not status:
        return None
    return StatusClaim(status, date, resource)


def _past(resource: Json, zone: str) -> tuple[StatusClaim, ...]:
    changes = payload.status_changes(resource)
    if not changes:
        return ()
    claims = [
        StatusClaim(status, date, change)
        for status, change in changes
        if (date := read_time(payload.status_date(change), zone))
    ]
    claims.sort(key=_date)
    return tuple(claims)


_date = attrgetter("date")
