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
    # Page by page what `units.positions` finds ticket by ticket; for most it is in one index.
    for page in _pages(connection, _TICKETS, after):
        ends = page[0][1], page[-1][1]
        found = connection.execute(_OWN_POSITIONS, ends).fetchall()
        positions = {
            ticket: [position for _, position in group]
            for ticket, group in groupby(found, itemgetter(0))
        }
        with_tasks: set[str] = set()
        for ticket, position in connection.execute(_TASK_POSITIONS, ends).fetchall():
            positions.setdefault(ticket, []).append(position)
            with_tasks.add(ticket)
        for source, ticket in page:
            own = positions.get(ticket, [])
            yield Unit("ticket", source, ticket), sorted(own) if ticket in with_tasks else own


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
_OWN_POSITIONS = (
    "SELECT ticket, position FROM events WHERE ticket BETWEEN ? AND ? AND task IS NULL "
    "ORDER BY ticket, task, position"
)
# Of the tasks that name one of these tickets; each belongs to the first that its events name.
_TASK_POSITIONS = (
    "SELECT owner, position FROM (SELECT task AS owned, min(ticket) AS owner FROM events "
    "WHERE ticket IS NOT NULL AND task IN (SELECT task FROM events "
    "WHERE ticket BETWEEN ?1 AND ?2 AND task IS NOT NULL) GROUP BY task) "
    "JOIN events ON task = owned WHERE owner BETWEEN ?1 AND ?2"
)
_ALONE = {
    "specification": "SELECT source, specification FROM events WHERE specification > ? "
    "GROUP BY specification ORDER BY specification LIMIT ?",
    "task": "SELECT source, task FROM events WHERE task > ? GROUP BY task "
    "HAVING max(ticket) IS NULL ORDER BY task LIMIT ?",
}
