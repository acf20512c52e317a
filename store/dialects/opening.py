"""Opening: the TMF event that is inside another envelope, CloudEvents' or TMF688's. Pure.

An event that carries no such envelope is opened as it is: what a source sends in TMF621's own, and
what the log has of our own kind, read alike.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote

from store.dialects.dialect import Speech
from store.members import Json, id_text, sole_object, text_of

CLOUD_EVENT = "specversion"
"""The attribute that every CloudEvent has, in whatever mode."""

_NAME = re.compile(r"[A-Za-z]+(?:Event|Notification)(?=$|[./:#])", re.IGNORECASE)
"""The event type in a CloudEvents type: `org.example.TroubleTicketCreateEvent.v1`."""
_MEMBERS = ("eventId", "eventTime", "eventType", "timeOccurred", "timeOcurred", "correlationId")
"""What an outer envelope may tell of an inner one that does not tell it."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Context(NamedTuple):
    """What is known of an event outside its body; None where it is not."""

    event_id: str | None = None
    event_type: str | None = None
    event_time: str | None = None


class Opened(NamedTuple):
    """A TMF event, and where the sender had what."""

    document: Json
    place: str = ""
    """JSON pointer to what became the document."""
    elsewhere: Mapping[str, str] = _NOTHING
    """Members that were not there: their names, and the pointer to each."""

    def pointer(self, ours: str) -> str:
        """Where the sender has what a pointer into `document` names."""
        first, slash, rest = ours[1:].partition("/")
        if first in self.elsewhere:
            return f"{self.elsewhere[first]}{slash}{rest}"
        return f"{self.place}{ours}"


def opened(document: Json, speech: Speech, context: Context) -> Opened:
    """The TMF event in a document, the members of its envelope by our names."""
    if speech.envelope == "cloudevents":
        found = _cloud_event(document, context)
    elif speech.envelope == "tmf688":
        found = _notification(document)
    else:
        found = Opened(document)
    return _renamed(found, speech.envelope_names)


def context_of(headers: Mapping[str, str]) -> Context:
    """What CloudEvents' binary mode says in headers (lower-case names), percent-decoded."""
    names = ("id", "source", "type", "time")
    return _context({name: unquote(headers.get(f"ce-{name}", "")) for name in names})


def _cloud_event(document: Json, context: Context) -> Opened:
    told, place = document, ""
    elsewhere: dict[str, str] = {}
    if CLOUD_EVENT in document:
        context = _context(document)
        inside = sole_object(document.get("data"))
        told, place = (inside[1], f"/data{inside[0]}") if inside else ({}, "/data")
        elsewhere = {"eventId": "/id", "eventTime": "/time", "eventType": "/type"}
        if "@type" not in told:
            elsewhere["@type"] = "/type"
    filled: Json = told.copy()
    # An event without `event` is one nevertheless; the log has such of our own kind.
    if "event" not in told and "eventType" not in told:
        filled = {"event": told}
        elsewhere["event"] = place
    for name, value in zip(("eventId", "eventType", "eventTime"), context, strict=True):
        # By its id and source a CloudEvent is known; what else it says, its data may say better.
        if value and (name == "eventId" or not filled.get(name)):
            filled[name] = value
        elif name in filled:
            elsewhere.pop(name, None)
    return Opened(filled, place, elsewhere)


def _context(attributes: Mapping[str, object]) -> Context:
    number, source = id_text(attributes.get("id")), text_of(attributes.get("source"))
    kind, time = text_of(attributes.get("type")), text_of(attributes.get("time"))
    named = _NAME.findall(kind or "")
    return Context(
        # A URI has no space, so the two can be told apart.
        event_id=f"{source} {number}" if number and source else number,
        event_type=(named[-1] if named else kind) or None,
        event_time=time or None,
    )


def _notification(document: Json) -> Opened:
    place = ""
    outer: dict[str, tuple[object, str]] = {}
    while (inside := sole_object(document.get("event"))) and sole_object(inside[1].get("event")):
        outer |= {
            name: (document[name], f"{place}/{name}") for name in _MEMBERS if name in document
        }
        place += f"/event{inside[0]}"
        document = inside[1]
    untold = {name: told for name, told in outer.items() if name not in document}
    if not untold:
        return Opened(document, place)
    filled = {**document, **{name: value for name, (value, _) in untold.items()}}
    return Opened(filled, place, {name: pointer for name, (_, pointer) in untold.items()})


def _renamed(found: Opened, names: Mapping[str, str]) -> Opened:
    known = {
        theirs: ours
        for theirs, ours in names.items()
        if theirs in found.document and ours not in found.document
    }
    if not known:
        return found
    document = {known.get(name, name): value for name, value in found.document.items()}
    moved = {ours: found.pointer(f"/{theirs}") for theirs, ours in known.items()}
    return Opened(document, found.place, {**found.elsewhere, **moved})
