"""The query of a subscription: which events a subscriber wants (TMF630, attribute filtering).

    eventType=TroubleTicketCreateEvent,TroubleTicketStatusChangeEvent
    eventType=TroubleTicketStatusChangeEvent&event.troubleTicket.severity=Major
    troubleTicket.status.ne=closed&eventTime.gte=2026-11-01T00:00:00Z

Values by comma or under the same name mean any of them; other names mean all of them. A path goes
through every element of an array. What is not understood is refused: a subscription that delivers
nothing because of a slip would be found out too late.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from receiver.events import EventTypes
from receiver.rejections import InvalidRequest
from store import RecordedEvent
from store.own_events import OWN_TYPES
from store.times import parse_time

EVENT_TYPE = "eventType"
MOST_CHARACTERS = 2_000
MOST_TERMS = 20

_ENVELOPE = frozenset(
    {"@type", "@baseType", "eventId", "eventTime", "timeOccurred", "correlationId", "domain"}
    | {"title", "priority", "description", "source", "reportingSystem", "relatedParty", "event"}
)
_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda one, other: one > other,
    "gte": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "lte": lambda one, other: one <= other,
}
_NOT_SERVED = {
    "fields": "nothing: events are passed on as they came",
    "filter": "attributes, as event.troubleTicket.severity=Major; no JSONPath",
}


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on one member."""

    path: tuple[str, ...]
    operator: str
    values: tuple[str, ...]

    def holds(self, document: Any) -> bool:
        """Whether the member says so; `ne` holds where it is missing."""
        found = list(_values(document, self.path))
        if self.operator == "ne":
            return not any(_is(one, value) for one in found for value in self.values)
        if self.operator == "eq":
            return any(_is(one, value) for one in found for value in self.values)
        compare = _ORDERED[self.operator]
        return any(_ordered(one, value, compare) for one in found for value in self.values)


@dataclass(frozen=True, slots=True)
class Query:
    """What a subscriber wants."""

    types: frozenset[str] | None
    """Canonical names; None is any."""
    terms: tuple[Term, ...]

    def wants(self, event: RecordedEvent) -> bool:
        """Whether the event is to be delivered."""
        if self.types is not None and event.event_type not in self.types:
            return False
        if event.event_type in OWN_TYPES:
            return False  # a listener has no path for it
        if not self.terms:
            return True
        document = json.loads(event.body)
        return all(term.holds(document) for term in self.terms)


def read(text: str | None, types: EventTypes) -> Query:
    """A query as it was sent. Raises InvalidRequest, which names the part."""
    text = (text or "").strip().removeprefix("?")
    if len(text) > MOST_CHARACTERS:
        raise InvalidRequest("query", f"at most {MOST_CHARACTERS} characters")
    given: dict[str, list[str]] = {}
    for part in text.split("&") if text else ():
        name, values = _part(part)
        given.setdefault(name, []).extend(values)
    if len(given) > MOST_TERMS:
        raise InvalidRequest("query", f"at most {MOST_TERMS} attributes")
    wanted = [_event_type(one, types) for one in given.pop(EVENT_TYPE, ())]
    members = frozenset(line.member for line in types.lines) | {"informationRequired"}
    terms = tuple(_term(name, values, members) for name, values in given.items())
    return Query(frozenset(wanted) if wanted else None, terms)


def _part(part: str) -> tuple[str, list[str]]:
    try:
        pairs = parse_qsl(part, keep_blank_values=True, strict_parsing=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        pairs = []
    if len(pairs) != 1 or not pairs[0][0]:
        raise InvalidRequest(f"query {part[:64]!r}", "attribute=value")
    name, value = pairs[0]
    if name in _NOT_SERVED:
        raise InvalidRequest(f"query {name}", _NOT_SERVED[name])
    values = value.split(",")
    if "" in values:
        raise InvalidRequest(f"query {name[:64]}", "a value")
    return name, values


def _event_type(text: str, types: EventTypes) -> str:
    line = types.called(text)
    if line is None:
        known = ", ".join(types.by_name)
        raise InvalidRequest(f"query {EVENT_TYPE}", f"one of {known}")
    return line.name


def _term(name: str, values: list[str], members: frozenset[str]) -> Term:
    *path, last = name.split(".")
    operator = "eq"
    if path and last in (*_ORDERED, "eq", "ne"):
        operator = last
    elif path and last == "regex":
        raise InvalidRequest(f"query {name[:64]}", "another operator: no regular expressions")
    else:
        path.append(last)
    if path[0] in members:
        path.insert(0, "event")
    if path[0] not in _ENVELOPE or "" in path:
        raise InvalidRequest(
            f"query {name[:64]}", "a member of an event, as troubleTicket.severity"
        )
    return Term(tuple(path), operator, tuple(values))


def _values(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(node, list):
        for element in cast("list[Any]", node):
            yield from _values(element, path)
    elif not path:
        yield node
    elif isinstance(node, dict):
        inside = cast("dict[str, Any]", node)
        if path[0] in inside:
            yield from _values(inside[path[0]], path[1:])


def _is(found: Any, value: str) -> bool:
    if isinstance(found, str):
        if found == value:
            return True
        one, other = parse_time(found), parse_time(value)
        # The same instant may be written in many ways.
        return one is not None and other is not None and one[0] == other[0]
    return not isinstance(found, dict) and json.dumps(found) == value


def _ordered(found: Any, value: str, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(found, str):
        one, other = parse_time(found), parse_time(value)
        if one and other:
            return compare(one[0], other[0])
        return compare(found, value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    try:
        return compare(found, float(value))
    except ValueError:
        return False
