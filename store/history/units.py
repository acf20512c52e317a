"""Units of folding: which events make one history.

A ticket's history is made of its own events and those of its tasks; a specification has its own.
A task belongs to the ticket that its events name (the first by name, should they differ); one that
never names a ticket stands alone. So a unit is a function of the set of events, not of arrival.
"""

import sqlite3
from functools import lru_cache
from typing import NamedTuple

from store.events import EventHead
from store.history import rows
from store.history.fold import History, fold_specification, fold_task_alone, fold_ticket
from store.history.members import text
from store.history.rules import Rules
from store.history.view import View
from store.payload import TASK_TYPES
from store.times import seconds_between

KINDS = ("ticket", "specification", "task")
"""In the order a rebuild folds them."""


class Unit(NamedTuple):
    """What is folded as one: `kind` is the column of `events` (and of its rows) that names it."""

    kind: str
    """ticket, specification or task"""
    source: str
    key: str
    """source/id"""

    @property
    def id(self) -> str:
        return self.key[len(self.source) + 1 :]


def event_row(event: EventHead) -> rows.EventRow:
    """An event as a row of `events`."""
    source, resource_type, resource_id = event.source, event.resource_type, event.resource_id
    occurred_at, sent_at, received_at = event.occurred_at, event.event_time, event.received_at
    is_task = resource_type in TASK_TYPES
    is_specification = resource_type == "TroubleTicketSpecification"
    redeliveries = 0
    return rows.EventRow(
        event.position,
        source,
        event.event_type,
        event.event_id,
        resource_type,
        resource_id,
        f"{source}/{event.ticket_id}" if event.ticket_id is not None else None,
        f"{source}/{resource_id}" if is_specification else None,
        f"{source}/{resource_type}/{resource_id}" if is_task else None,
        occurred_at,
        sent_at,
        received_at,
        seconds_between(sent_at or occurred_at, received_at),
        redeliveries,
        event.conflict_of,
        _drift(event.drift) if event.drift else None,
        event.size,
        event.digest,
    )


@lru_cache(maxsize=1_024)  # what a sender does once it does in most of its events
def _drift(codes: tuple[str, ...]) -> str:
    return text(codes)


def touched(connection: sqlite3.Connection, row: rows.EventRow) -> set[Unit]:
    """The units to fold anew because of one event, already a row of `events`."""
    source = row.source or ""
    if row.task is None:
        if row.ticket is not None:
            return {Unit("ticket", source, row.ticket)}
        # A request for a new ticket that got none belongs to no history.
        alone = row.specification
        return {Unit("specification", source, alone)} if alone is not None else set()
    tickets = _tickets_of(connection, row.task)
    return {Unit("ticket", source, ticket) for ticket in tickets} or {
        Unit("task", source, row.task)
    }


def positions(connection: sqlite3.Connection, unit: Unit) -> list[int]:
    """Positions of all events of a unit, ascending."""
    if unit.kind != "ticket":
        select = f"SELECT position FROM events WHERE {unit.kind} = ? ORDER BY position"
        return [position for (position,) in connection.execute(select, (unit.key,))]
    own = "SELECT position, task FROM events WHERE ticket = ?"
    found: set[int] = set()
    task_keys: set[str] = set()
    for position, task in connection.execute(own, (unit.key,)):
        if task is None:
            found.add(position)
        else:
            task_keys.add(task)
    for task in task_keys:
        if _tickets_of(connection, task)[0] == unit.key:
            select = "SELECT position FROM events WHERE task = ?"
            found |= {position for (position,) in connection.execute(select, (task,))}
    return sorted(found)


def fold(unit: Unit, views: list[View], rules: Rules, as_of: str | None = None) -> History:
    """The history of a unit from its events."""
    match unit.kind:
        case "ticket":
            return fold_ticket(unit.source, unit.id, views, rules, as_of)
        case "specification":
            return fold_specification(unit.source, unit.id, views, rules)
        case _:
            return fold_task_alone(unit.source, views, rules)


def _tickets_of(connection: sqlite3.Connection, task: str) -> list[str]:
    select = (
        "SELECT DISTINCT ticket FROM events WHERE task = ? AND ticket IS NOT NULL ORDER BY ticket"
    )
    return [ticket for (ticket,) in connection.execute(select, (task,))]
