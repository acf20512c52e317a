"""Bodies from the command line: what was typed, as the document that a provider understands."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from store.times import utc_text

Json = dict[str, Any]


def ticket(base: Json, told: Mapping[str, Any]) -> Json:
    """A new ticket: `base` (a file's), changed by what was told beside it."""
    found = {"@type": "TroubleTicket", **base}
    for name in ("name", "description", "severity", "ticketType", "priority"):
        if told.get(name):
            found[name] = told[name]
    if told.get("requestedResolutionDate"):
        found["requestedResolutionDate"] = told["requestedResolutionDate"]
    if told.get("specification"):
        found["troubleTicketSpecification"] = {
            "@type": "TroubleTicketSpecificationRef",
            "id": told["specification"],
        }
    if told.get("external_id"):
        named = {"@type": "ExternalIdentifier", "id": told["external_id"]}
        found["externalIdentifier"] = [*found.get("externalIdentifier", []), named]
    return _with_notes(found, told)


def cancellation(base: Json, number: str, told: Mapping[str, Any]) -> Json:
    """A wish to cancel a ticket."""
    found = _task("CancelTroubleTicket", base, number)
    if told.get("reason"):
        found["cancellationReason"] = told["reason"]
    return found


def change(base: Json, number: str, told: Mapping[str, Any]) -> Json:
    """A wish to change a ticket while it is worked on."""
    found = _task("InflightChangeTroubleTicket", base, number)
    if told.get("category"):
        found["category"] = list(told["category"])
    if told.get("message"):
        found["buyerMessage"] = {"@type": "Message", "text": told["message"]}
    if told.get("requestedResolutionDate"):
        found["requestedResolutionDate"] = told["requestedResolutionDate"]
    return _with_notes(found, told)


def written(document: Json) -> bytes:
    """As it is sent."""
    return json.dumps(document, ensure_ascii=False).encode()


def _task(kind: str, base: Json, number: str) -> Json:
    """FIT's tasks name the ticket in `troubleTicket` and in `entity`."""
    return {
        "@type": kind,
        "requestDate": _now(),
        "troubleTicket": _reference("TroubleTicketRef", number),
        "entity": _reference("EntityRef", number),
        **base,
    }


def _reference(kind: str, number: str) -> Json:
    return {"@type": kind, "id": number, "@referredType": "TroubleTicket"}


def _with_notes(found: Json, told: Mapping[str, Any]) -> Json:
    notes = [{"@type": "Note", "text": text} for text in told.get("note", ())]
    return found | {"note": [*found.get("note", []), *notes]} if notes else found


def _now() -> str:
    return utc_text(datetime.now(UTC))
