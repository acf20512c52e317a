"""A history.db with real events: the simulated provider's, through the edge's parser, the log and
the follower, in this process, without HTTP."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from receiver.envelope import parse
from receiver.events import EVENT_TYPES, EventTypes
from receiver.gate import Arrival
from receiver.listener import fingerprint
from receiver.rejections import InvalidEvent
from receiver.sources import SourceRules
from store import NewEvent, Refused, open_log, open_reader
from store.history.follower import Follower, connect
from store.history.rules import RuleBook
from store.times import utc_text
from tests.provider.envelope import Delivery
from tests.provider.history import history

TYPES = EventTypes(EVENT_TYPES)
PREFIX = "/tmf-api/troubleTicketManagement/v5/listener/"


def event_of(delivery: Delivery, received_at: datetime, source: str = "default") -> NewEvent | None:
    """A delivery as the edge would place it; None for what it would refuse."""
    told = told_of(delivery, received_at, source)
    return told if isinstance(told, NewEvent) else None


def told_of(
    delivery: Delivery, received_at: datetime, source: str = "default"
) -> NewEvent | Refused:
    """A delivery as the edge would place it, or as it would keep it in quarantine."""
    arrival = Arrival(
        source=source,
        rules=SourceRules(),
        path=delivery.path,
        headers=(("content-type", "application/json"), ("user-agent", "provider/1")),
        received_at=utc_text(received_at),
        media_type_given=True,
        body=delivery.body,
    )
    try:
        return parse(arrival, TYPES, TYPES.by_path.get(delivery.path.rsplit("/", 1)[-1]))
    except InvalidEvent as error:
        return Refused(
            source=source,
            path=arrival.path,
            headers=arrival.headers,
            received_at=arrival.received_at,
            status=400,
            reasons=error.reasons,
            fingerprint=fingerprint(source, arrival.path, error.reasons),
            body=arrival.body,
        )


def posted(event_type: str, at: datetime, **payload: object) -> Delivery:
    """A notification made by hand."""
    body = {
        "@type": event_type,
        "eventType": event_type,
        "eventId": f"{event_type}-{at.isoformat()}",
        "eventTime": at.isoformat(),
        "event": payload,
    }
    path = f"{PREFIX}{event_type[0].lower()}{event_type[1:]}"
    return Delivery(at, path, json.dumps(body, ensure_ascii=False).encode(), event_type, "")


def provider_events(tickets: int, now: datetime) -> list[NewEvent | Refused]:
    """What the simulated provider sends, received a second later."""
    sent = history(tickets=tickets, now=now).deliveries
    return [told_of(one, one.at + timedelta(seconds=1)) for one in sent]


def fill(
    directory: Path, told: Sequence[NewEvent | Refused], rules: RuleBook | None = None
) -> None:
    """Append events to log.db, put what was refused into quarantine, and fold."""
    directory.mkdir(parents=True, exist_ok=True)
    append(directory, told)
    follow(directory, rules)


def append(directory: Path, told: Sequence[NewEvent | Refused]) -> None:
    """Keep in log.db, without folding."""
    with closing(open_log(directory)) as log:
        log.append([one for one in told if isinstance(one, NewEvent)])
        log.quarantine([one for one in told if isinstance(one, Refused)])


def follow(directory: Path, rules: RuleBook | None = None) -> None:
    """Fold what is not folded yet."""
    with (
        closing(open_reader(directory)) as reader,
        closing(connect(directory / "history.db")) as db,
    ):
        follower = Follower(reader, db, rules or RuleBook())
        while follower.step():
            pass


def two_sources(now: datetime) -> list[NewEvent]:
    """Ticket 3180 of two providers."""
    ticket = {"@type": "TroubleTicket", "id": "3180", "name": "Twin", "status": "pending"}
    post = posted("TroubleTicketCreateEvent", now, troubleTicket=ticket)
    found = [event_of(post, now, source) for source in ("north", "south")]
    return [event for event in found if event]


def long_life(number: str, entries: int, now: datetime) -> list[NewEvent]:
    """A ticket whose status changes every ten minutes, `entries` times."""
    start = now - timedelta(minutes=10 * entries)
    found: list[NewEvent | None] = []
    for step in range(entries):
        at = start + timedelta(minutes=10 * step)
        ticket = {
            "@type": "TroubleTicket",
            "id": number,
            "status": ("inProgress", "pending")[step % 2],
            "statusChangeDate": at.isoformat(),
        }
        post = posted("TroubleTicketStatusChangeEvent", at, troubleTicket=ticket)
        found.append(event_of(post, at + timedelta(seconds=1)))
    return [event for event in found if event]
