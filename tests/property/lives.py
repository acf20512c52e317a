"""Lives of tickets, as senders tell them: coherent ones with their truth, and the mess around them.

A life is drawn by Hypothesis in its shape (which statuses, how they are told) and filled in by a
seeded random generator, so that examples are cheap and every run is the same.
"""

import hashlib
import json
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from store import NewEvent

TICKET = "T-1"
BASE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
STATUSES = ("acknowledged", "inProgress", "pending", "held", "resolved", "reopened", "closed")
STATUS_CHANGE = "TroubleTicketStatusChangeEvent"
RESOLVED = "TroubleTicketResolvedEvent"
CREATE = "TroubleTicketCreateEvent"
DELETE = "TroubleTicketDeleteEvent"
ATTRIBUTES = "TroubleTicketAttributeValueChangeEvent"
INFORMATION = "TroubleTicketInformationRequiredEvent"
READ = "TroubleTicketReconciledEvent"
ASKED = "TroubleTicketRequestedEvent"
CANCEL = "CancelTroubleTicketStateChangeEvent"
CHANGE = "InflightChangeTroubleTicketStateChangeEvent"


def clock(moment: datetime) -> str:
    """UTC text with milliseconds, as history.db writes times."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


@dataclass(frozen=True)
class Sent:
    """A notification as a sender posts it."""

    event_type: str
    event_id: str
    body: bytes
    resource_id: str = TICKET
    ticket_id: str | None = TICKET
    transition: int | None = None
    """Which transition of the life it tells, if that is its business."""
    received_at: str | None = None
    """Set where the event names no time at all: then its arrival is its time."""

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.body)

    def saying(self, document: dict[str, Any]) -> "Sent":
        return replace(self, body=json.dumps(document).encode())


def sent(event_type: str, event_id: str, members: dict[str, Any], **envelope: Any) -> Sent:
    """A notification about a ticket. `envelope`: eventTime, timeOccurred, …; None leaves it out."""
    told = {name: value for name, value in envelope.items() if value is not None}
    document = {"@type": event_type, "eventId": event_id, "eventType": event_type, **told}
    document["event"] = {"troubleTicket": {"id": TICKET, "@type": "TroubleTicket", **members}}
    return Sent(event_type, event_id, json.dumps(document).encode())


def task(event_type: str, event_id: str, members: dict[str, Any], event_time: str) -> Sent:
    """A notification about a task of the ticket (which names it unless members say otherwise)."""
    resource_type = event_type.removesuffix("StateChangeEvent")
    resource = {"@type": resource_type, "troubleTicket": {"id": TICKET}, **members}
    document = {
        "@type": event_type,
        "eventId": event_id,
        "eventType": event_type,
        "eventTime": event_time,
        "event": {resource_type[0].lower() + resource_type[1:]: resource},
    }
    named = resource.get("troubleTicket")
    ticket_id = named["id"] if named else None
    return Sent(event_type, event_id, json.dumps(document).encode(), members["id"], ticket_id)


def arrived(one: Sent, number: int, source: str = "default") -> NewEvent:
    """What the edge makes of a notification that arrives as the `number`th."""
    received_at = one.received_at or clock(BASE + timedelta(days=400, seconds=number))
    resource_type = next(
        name
        for name in (
            *("CancelTroubleTicket", "InflightChangeTroubleTicket"),
            *("TroubleTicketSpecification", "TroubleTicket"),
        )
        if one.event_type.startswith(name)
    )
    return NewEvent(
        source=source,
        event_type=one.event_type,
        event_id=one.event_id,
        resource_type=resource_type,
        resource_id=one.resource_id,
        ticket_id=one.ticket_id,
        occurred_at=received_at,
        event_time=None,
        received_at=received_at,
        path="/listener",
        headers=(),
        drift=(),
        digest=hashlib.sha256(one.body).hexdigest(),
        body=one.body,
    )


@dataclass(frozen=True)
class Style:
    """How a sender tells a life."""

    dated: bool = True
    """Whether status events carry statusChangeDate."""
    history: str = "statusChangeHistory"
    """Where they carry all changes so far; empty: nowhere."""
    milliseconds: bool = True
    resolved: str = "beside"
    """Resolved `beside` StatusChange, `instead` of it, or `never`."""
    full: bool = True
    """Whether attribute events carry the whole resource, status included."""
    occurred: bool = True
    """Whether the envelope has timeOccurred, or eventTime alone."""
    delay: int = 0
    """Milliseconds between a change and its telling."""


@dataclass(frozen=True)
class Life:
    """What happened to a ticket, and every notification of it."""

    style: Style
    truth: tuple[tuple[str, str], ...]
    """(status, since), UTC text in the precision that the sender tells."""
    sent: tuple[Sent, ...]


STYLES = st.builds(
    Style,
    dated=st.booleans(),
    history=st.sampled_from(["statusChangeHistory", "statusChange", ""]),
    milliseconds=st.booleans(),
    resolved=st.sampled_from(["beside", "instead", "never"]),
    full=st.booleans(),
    occurred=st.booleans(),
    delay=st.sampled_from([0, 0, 350, 2_000]),
)


@st.composite
def lives(draw: st.DrawFn, styles: st.SearchStrategy[Style] = STYLES, apart: int = 2) -> Life:
    """A coherent life: every transition notified, at least `apart` seconds between two."""
    style = draw(styles)
    path = ["acknowledged"]
    for step in draw(st.lists(st.integers(0, 5), min_size=1, max_size=7)):
        path.append([status for status in STATUSES if status != path[-1]][step])
    return tell(style, path, draw(st.integers(0, 2**20)), apart)


def tell(style: Style, path: list[str], seed: int, apart: int = 2) -> Life:
    """The life that goes through the statuses of `path`, told in `style`."""
    chance = random.Random(seed)
    return _Teller(style, chance, apart).life(path)


class _Teller:
    def __init__(self, style: Style, chance: random.Random, apart: int) -> None:
        self.style = style
        self.chance = chance
        self.apart = apart
        self.now = BASE + timedelta(milliseconds=chance.randrange(10**8))
        self.past: list[tuple[str, datetime]] = []
        self.told: list[Sent] = []
        self.severity = "1"

    def life(self, path: list[str]) -> Life:
        for number, status in enumerate(path):
            self.now += timedelta(seconds=self._pause(), milliseconds=self.chance.randrange(1000))
            if number and self.chance.random() < 0.3:
                # What explains the change is told first, with the status as it still is.
                self._tell_attributes(after=0)
            self.past.append((status, self.now))
            self._tell_change(number, status)
            for _ in range(self.chance.randrange(3)):
                self._tell_attributes()
        truth = tuple((status, clock(self._cut(at))) for status, at in self.past)
        return Life(self.style, truth, tuple(self.told))

    def _pause(self) -> int:
        return self.chance.choice([self.apart, 45, 200, 3_600, 90_000]) + self.apart

    def _cut(self, moment: datetime) -> datetime:
        return moment if self.style.milliseconds else moment.replace(microsecond=0)

    def _write(self, moment: datetime) -> str:
        text = clock(self._cut(moment))
        text = text if self.style.milliseconds else text.replace(".000Z", "Z")
        if self.chance.random() < 0.2:
            elsewhere = self._cut(moment).astimezone(timezone(timedelta(hours=2)))
            return elsewhere.isoformat(
                timespec="milliseconds" if self.style.milliseconds else "seconds"
            )
        return text

    def _status(self) -> dict[str, Any]:
        status, since = self.past[-1]
        return {"status": status} | (
            {"statusChangeDate": self._write(since)} if self.style.dated else {}
        )

    def _tell_change(self, number: int, status: str) -> None:
        members = self._status()
        if self.style.history:
            date = (
                "statusChangeDate" if self.style.history == "statusChangeHistory" else "changeDate"
            )
            members[self.style.history] = [
                {"status": one, date: self._write(at)} for one, at in self.past
            ]
        kinds = [CREATE if number == 0 else STATUS_CHANGE]
        if status == "resolved" and number:
            kinds = {
                "beside": [STATUS_CHANGE, RESOLVED],
                "instead": [RESOLVED],
                "never": [STATUS_CHANGE],
            }[self.style.resolved]
        if number == 0:
            members |= {
                "creationDate": self._write(self.now),
                "severity": self.severity,
                "name": "line",
            }
        for kind in kinds:
            self._post(kind, members, number)

    def _tell_attributes(self, after: int | None = None) -> None:
        later = self.chance.choice([0, 40, 1_700, 40_000]) if after is None else after
        self.now += timedelta(milliseconds=later)
        self.severity = str(int(self.severity) % 3 + 1)
        members = {"severity": self.severity} | (self._status() if self.style.full else {})
        self._post(ATTRIBUTES, members, None)

    def _post(self, kind: str, members: dict[str, Any], transition: int | None) -> None:
        at = clock(self.now + timedelta(milliseconds=self.style.delay))
        envelope = {"timeOccurred": at} if self.style.occurred else {}
        one = sent(kind, f"e{len(self.told)}", members, eventTime=at, **envelope)
        self.told.append(replace(one, transition=transition))


def dropping(life: Life, seed: int, share: float = 0.3) -> tuple[list[Sent], set[int]]:
    """The life without a share of its status events (never the last, never the create), and which
    transitions were not told by any event that is left.
    """
    chance = random.Random(seed)
    last = max(n for n, one in enumerate(life.sent) if one.transition is not None)
    kept = [
        one
        for number, one in enumerate(life.sent)
        if not one.transition or number == last or chance.random() >= share
    ]
    told = {one.transition for one in kept}
    return kept, {number for number in range(len(life.truth)) if number not in told}
