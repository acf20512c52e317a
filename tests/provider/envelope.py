"""From fact to notification: the envelope that every TMF event shares, and its way as bytes."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.provider.ticket import Fact

PREFIX = "/tmf-api/troubleTicketManagement/v5/listener/"
SYSTEM = {"@type": "ReportingResource", "@referredType": "LogicalResource"}


@dataclass(frozen=True, slots=True)
class Notification:
    """A fact in its envelope, not yet bytes."""

    at: datetime
    """When it is sent."""
    fact: Fact
    body: dict[str, Any]
    path: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST."""

    at: datetime
    path: str
    body: bytes
    event_type: str
    about: str
    note: str = ""
    """What is odd about it: duplicate, late, conflict, alias, drift, invalid."""
    headers: tuple[tuple[str, str], ...] = field(default=(("content-type", "application/json"),))


def wrap(fact: Fact, chance: Random) -> Notification:
    """Put a fact into its envelope, seconds after it happened."""
    sent = fact.at + timedelta(milliseconds=chance.randrange(120, 3_800))
    body = {
        "correlationId": identifier(chance)[:13],
        "description": f"{fact.event_type} of {fact.about}",
        "domain": "Assurance",
        "eventId": identifier(chance),
        "eventTime": utc(sent),
        "eventType": fact.event_type,
        "priority": str(chance.randrange(1, 6)),
        "timeOccurred": utc(fact.at),
        "title": fact.event_type,
        "event": fact.payload,
        "reportingSystem": {"id": "SYS-12", "name": "Wholesale Ticket Hub"} | SYSTEM,
        "source": {"id": "SYS-7", "name": "Entstörungssystem"} | SYSTEM,
        "@baseType": "Event",
        "@type": fact.event_type,
    }
    return Notification(sent, fact, body, path_of(fact.event_type))


def to_bytes(notification: Notification, note: str = "") -> Delivery:
    """The very bytes that are posted."""
    fact = notification.fact
    body = encode(notification.body)
    return Delivery(notification.at, notification.path, body, fact.event_type, fact.about, note)


def encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def path_of(event_type: str) -> str:
    return f"{PREFIX}{event_type[0].lower()}{event_type[1:]}"


def identifier(chance: Random) -> str:
    """A UUID of the simulation's own chance."""
    return str(UUID(int=chance.getrandbits(128), version=4))


def utc(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
