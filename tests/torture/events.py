"""What the tortured listener is sent: bytes that follow from their number, so that none need be kept."""

import json
import random
from datetime import UTC, datetime

PATH = "/listener/troubleTicketStatusChangeEvent"
EVENTS_OF_A_TICKET = 20
STATUSES = ("acknowledged", "inProgress", "pending", "held", "inProgress", "resolved", "closed")
START = 1_790_000_000


def event_id(number: int) -> str:
    return f"event-{number}"


def number_of(identity: str) -> int:
    return int(identity.removeprefix("event-"))


def body_of(number: int) -> bytes:
    """A status change of 0.5 to 6 KB."""
    chance = random.Random(number)
    ticket, step = divmod(number, EVENTS_OF_A_TICKET)
    when = _time(START + ticket + step * 600)
    resource = {
        "@type": "TroubleTicket",
        "id": f"TT-{ticket}",
        "status": STATUSES[step % len(STATUSES)],
        "statusChangeDate": when,
        "severity": chance.choice(("low", "high", "critical")),
        "description": chance.randbytes(chance.randrange(50, 2_900)).hex(),
    }
    envelope = {
        "@type": "TroubleTicketStatusChangeEvent",
        "eventId": event_id(number),
        "eventType": "TroubleTicketStatusChangeEvent",
        "eventTime": when,
        "event": {"troubleTicket": resource},
    }
    return json.dumps(envelope).encode()


def broken_body_of(number: int) -> bytes:
    """Bytes that cannot be placed and must be kept apart."""
    return body_of(number)[: -1 - number % 40]


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
