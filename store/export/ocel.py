"""OCEL 2.0: events, the objects they touch, and what these have to do with each other.

    ticket ── specification, party (by role), product (by role), related (by role), ticket
    task   ── ticket
    event  ── ticket, task, specification; a ticket's first event also all that the ticket names

Objects are named `type/source/id`, because a ticket and a specification may share an id, and two
sources any. With a pseudonymiser, persons and lines are known by pseudonyms and free text is gone.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from store.export.activities import Activities
from store.export.histories import Histories
from store.export.xes import moment_of
from store.history.rows import Entry

BEGINNING = "1970-01-01T00:00:00.000Z"
"""When an attribute has always had its value (OCEL 2.0, 3.2)."""

Relation = tuple[str, str]
"""Id of an object, qualifier."""

EVENT_ATTRIBUTES: Mapping[str, str] = {
    "source": "string",
    "title": "string",
    "provenance": "string",
    "status_before": "string",
    "status_after": "string",
    "reason": "string",
    "event_type": "string",
    "event_id": "string",
    "position": "integer",
    "received_at": "time",
}
OBJECT_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "ticket": dict.fromkeys(
        ("source", "status", "severity", "priority", "ticket_type", "channel"), "string"
    ),
    "task": {"source": "string", "kind": "string", "state": "string"},
    "specification": {"source": "string", "name": "string", "lifecycle_status": "string"},
    "party": {"source": "string", "name": "string", "party_type": "string"},
    "product": {"source": "string", "name": "string", "referred_type": "string"},
    "related": {"source": "string", "name": "string", "referred_type": "string"},
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    id: str
    type: str
    time: str
    attributes: dict[str, Any]
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """Something that it happened to."""

    id: str
    type: str
    attributes: tuple[tuple[str, str, Any], ...]
    """(name, since when, value)."""
    relations: tuple[Relation, ...] = field(default=())


class Names:
    """Names as they are, or pseudonyms that nobody can follow from one export to the next."""

    def __init__(self, *, pseudonymise: bool) -> None:
        self._key = secrets.token_bytes(32) if pseudonymise else None

    @property
    def are_told(self) -> bool:
        return self._key is None

    def of(self, name: str) -> str:
        """The same for the same name."""
        if self._key is None:
            return name
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:24]


def objects(histories: Histories, names: Names) -> Iterator[Object]:
    """Every object once: those that are related to before those that relate to them."""
    yield from _specifications(histories)
    yield from _parties(histories, names)
    yield from _related(histories, names)
    yield from _tickets(histories, names)
    yield from _tasks(histories)


def events(histories: Histories, names: Names) -> Iterator[Event]:
    """Every selected entry, ticket by ticket, in the order in which they happened.

    What a ticket names (parties, products) no event tells of by itself; it goes with the ticket's
    first event, because tools forget objects that no event touches.
    """
    activities = Activities()
    ticket = None
    for entry in histories.entries("ticket, at, rank, entry"):
        relations = [(f"{kind}/{name}", kind) for name, kind in _touched(entry) if name]
        if entry.ticket and entry.ticket != ticket:
            relations += _named(histories, names, entry.ticket)
        ticket = entry.ticket
        yield Event(
            entry.entry,
            activities.of(entry),
            moment_of(entry),
            _of_event(entry, names),
            tuple(dict.fromkeys(relations)),
        )


def _touched(entry: Entry) -> tuple[tuple[str | None, str], ...]:
    return (
        (entry.ticket, "ticket"),
        (entry.task, "task"),
        (entry.specification, "specification"),
    )


def _of_event(entry: Entry, names: Names) -> dict[str, Any]:
    source = next((name for name, _ in _touched(entry) if name), "").partition("/")[0]
    told = {name: getattr(entry, name, None) for name in EVENT_ATTRIBUTES}
    told["source"] = source or None
    if not names.are_told:
        told["reason"] = None
    return {name: value for name, value in told.items() if value is not None}


def _specifications(histories: Histories) -> Iterator[Object]:
    query = (
        "SELECT specification, source, name, lifecycle_status FROM specifications "
        "WHERE specification IN (SELECT specification FROM timeline WHERE {selected}) OR "
        "specification IN (SELECT specification FROM tickets WHERE {touched}) ORDER BY 1"
    )
    for key, *told in histories.ask(query):
        yield Object(f"specification/{key}", "specification", _told("specification", told))


def _parties(histories: Histories, names: Names) -> Iterator[Object]:
    query = (
        f"SELECT {_SOURCE}, coalesce(id, name, ''), max(name), max(party_type) FROM parties "
        "WHERE {touched} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    for source, key, name, kind in histories.ask(query):
        told = (source, name if names.are_told else None, kind)
        yield Object(f"party/{source}/{names.of(key)}", "party", _told("party", told))


def _related(histories: Histories, names: Names) -> Iterator[Object]:
    query = (
        f"SELECT {_KIND} AS kind, {_SOURCE}, coalesce(id, name, ''), max(name), max(referred_type) "
        "FROM relations WHERE {touched} AND other_ticket IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    for kind, source, key, name, referred_type in histories.ask(query):
        shown = name if names.are_told or kind == "product" else None
        told = _told(kind, (source, shown, referred_type))
        yield Object(f"{kind}/{source}/{names.of(key)}", kind, told)


def _tickets(histories: Histories, names: Names) -> Iterator[Object]:
    query = (
        "SELECT ticket, source, status, severity, priority, ticket_type, channel FROM tickets "
        "WHERE {touched} ORDER BY ticket"
    )
    periods = (
        "SELECT started_at, status FROM status_periods "
        "WHERE ticket = ? AND started_at IS NOT NULL AND status IS NOT NULL ORDER BY n"
    )
    for ticket, source, status, *more in histories.ask(query):
        since = [("status", at, name) for at, name in histories.ask(periods, ticket)]
        told = _told("ticket", (source, None if since else status, *more))
        relations = _named(histories, names, ticket)
        yield Object(f"ticket/{ticket}", "ticket", (*told, *since), tuple(relations))


def _named(histories: Histories, names: Names, ticket: str) -> list[Relation]:
    """What a ticket names, each with its role."""
    source = ticket.partition("/")[0]
    specification = (
        "SELECT one.specification FROM specifications AS one JOIN tickets USING (specification) "
        "WHERE ticket = ?"
    )
    found = [(f"specification/{key}", "specification") for (key,) in histories.ask(specification, ticket)]  # fmt: skip
    parties = "SELECT coalesce(id, name, ''), role FROM parties WHERE ticket = ? ORDER BY 1, 2"
    for key, role in histories.ask(parties, ticket):
        found.append((f"party/{source}/{names.of(key)}", role or "party"))
    others = (
        f"SELECT {_KIND}, coalesce(id, name, ''), role, other_ticket FROM relations "
        "WHERE ticket = ? ORDER BY 1, 2, 3"
    )
    for kind, key, role, other in histories.ask(others, ticket):
        if other is None:
            found.append((f"{kind}/{source}/{names.of(key)}", role or "related"))
        elif _is_told(histories, other):
            found.append((f"ticket/{other}", role or "related"))
    return list(dict.fromkeys(found))


def _is_told(histories: Histories, ticket: str) -> bool:
    query = "SELECT 1 FROM tickets WHERE ticket = ? AND {touched}"
    return next(histories.ask(query, ticket), None) is not None


def _tasks(histories: Histories) -> Iterator[Object]:
    query = (
        "SELECT task, source, resource_type, state, ticket FROM tasks "
        "WHERE task IN (SELECT task FROM timeline WHERE {selected}) ORDER BY task"
    )
    states = (
        "SELECT at, state FROM task_states WHERE task = ? AND at IS NOT NULL AND state IS NOT NULL "
        "ORDER BY at, task_state"
    )
    for task, source, kind, state, ticket in histories.ask(query):
        since = [("state", at, name) for at, name in histories.ask(states, task)]
        told = _told("task", (source, kind, None if since else state))
        about: tuple[Relation, ...] = ()
        if ticket and _is_told(histories, ticket):
            about = ((f"ticket/{ticket}", "about"),)
        yield Object(f"task/{task}", "task", told + tuple(since), about)


def _told(kind: str, values: Any) -> tuple[tuple[str, str, Any], ...]:
    return tuple(
        (name, BEGINNING, value)
        for name, value in zip(OBJECT_ATTRIBUTES[kind], values, strict=True)
        if value is not None
    )


# A row's ticket begins with its source, and no source's name has a slash.
_SOURCE = "substr(ticket, 1, instr(ticket, '/') - 1)"
_KIND = "CASE WHEN referred_type LIKE 'Product%' THEN 'product' ELSE 'related' END"
