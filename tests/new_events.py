"""Events to append, made from what a test cares about."""

import hashlib
import json

from store import NewEvent, Reason, Refused

STATUS_CHANGE = "TroubleTicketStatusChangeEvent"
NOW = "2026-11-24T06:05:04.123Z"


def new_event(event_id: str = "1", body: bytes | None = None, **members) -> NewEvent:
    if body is None:
        body = json.dumps({"eventId": event_id}).encode()
    defaults = {
        "source": "default",
        "event_type": STATUS_CHANGE,
        "resource_type": "TroubleTicket",
        "resource_id": "3180",
        "ticket_id": "3180",
        "occurred_at": NOW,
        "event_time": NOW,
        "received_at": NOW,
        "path": "/listener/troubleTicketStatusChangeEvent",
        "headers": (("content-type", "application/json"), ("user-agent", "Prüfstand")),
        "drift": ("time-without-zone /eventTime",),
        "digest": hashlib.sha256(body).hexdigest(),
    }
    return NewEvent(event_id=event_id, body=body, **(defaults | members))


def refused(body: bytes = b"{", **members) -> Refused:
    defaults = {
        "source": "default",
        "path": "/listener/troubleTicketCreateEvent",
        "headers": (("content-type", "application/json"),),
        "received_at": NOW,
        "status": 400,
        "reasons": (Reason("not-json", "", "a JSON object"), Reason("missing", "/event", "it")),
        "fingerprint": "0123456789abcdef",
    }
    return Refused(body=body, **(defaults | members))
