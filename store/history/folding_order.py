"""The order in which a rebuild folds: all units by kind and key, in batches of about one size."""

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter

from store.history import units
from store.history.units import Unit

PAGE = 1_000
"""Units asked for at a time."""

Share = tuple[Unit, list[int]]
"""A unit and the positions of its events, ascending."""


def batches(
    connection: sqlite3.Connection, after: Mapping[str, str], size: int
) -> Iterator[list[Share]]:
    """The units whose key is greater than that of their kind in `after`, in batches of about
    `size` events, none of them of two kinds.
    """
    for kind in units.KINDS:
        batch: list[Share] = []
        events = 0
        for share in _shares(connection, kind, after[kind]):
            batch.append(share)
            events += len(share[1])
            if events >= size:
                yield batch
                batch, events = [], 0
        if batch:
            yield batch


def _shares(connection: sqlite3.Connection, kind: str, after: str) -> Iterator[Share]:
    if kind == "ticket":
        return _tickets(connection, after)
    return (
        (unit, units.positions(connection, unit))
        for source, key in _keys(connection, _ALONE[kind], after)
        for unit in (Unit(kind, source, key),)
    )


def _tickets(connection: sqlite3.Connection, after: str) -> Iterator[Share]:
    # Few tickets have tasks; the events of all others are those that name them, in one index.
    select = "SELECT DISTINCT ticket FROM events WHERE task IS NOT NULL AND ticket IS NOT NULL"
    with_tasks = {ticket for (ticket,) in connection.execute(select)}
    for page in _pages(connection, _TICKETS, after):
        first, last = page[0][1], page[-1][1]
        found = connection.execute(_POSITIONS, (first, last)).fetchall()
        positions = {
            ticket: [position for _, position in group]
            for ticket, group in groupby(found, itemgetter(0))
        }
        for source, ticket in page:
            unit = Unit("ticket", source, ticket)
            own = units.positions(connection, unit) if ticket in with_tasks else positions[ticket]
            yield unit, own


def _keys(connection: sqlite3.Connection, select: str, after: str) -> Iterator[tuple[str, str]]:
    for page in _pages(connection, select, after):
        yield from page


def _pages(
    connection: sqlite3.Connection, select: str, after: str
) -> Iterator[list[tuple[str, str]]]:
    while page := connection.execute(select, (after, PAGE)).fetchall():
        yield page
        after = page[-1][1]


# The source of a key is that of any of its events: keys begin with it.
_TICKETS = (
    "SELECT source, ticket FROM events WHERE ticket > ? GROUP BY ticket ORDER BY ticket LIMIT ?"
)
_POSITIONS = (
    "SELECT ticket, position FROM events WHERE ticket BETWEEN ? AND ? ORDER BY ticket, position"
)
_ALONE = {
    "specification": "SELECT source, specification FROM events WHERE specification > ? "
    "GROUP BY specification ORDER BY specification LIMIT ?",
    "task": "SELECT source, task FROM events WHERE task > ? GROUP BY task "
    "HAVING max(ticket) IS NULL ORDER BY task LIMIT ?",
}
