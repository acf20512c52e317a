"""A ticket's history as the pages see it: rows of the tables of history.db, wherever they come from.

The pages know nothing but a History. It is read from history.db, or made from what the store
folded for another time (`dashboards.axes`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import store

Row = dict[str, Any]
"""One row: column name to value, as in store.history.tables."""

Ask = Callable[[str, Sequence[Any] | Mapping[str, Any]], Awaitable[list[Row]]]
"""SQL and its values (in order, or by name) to rows."""

_ORDER: dict[str, str] = {
    "timeline": "at, rank, entry",
    "status_periods": "n",
    "tasks": "requested_at, task",
    "task_states": "at, task_state",
    "milestones": "at, milestone",
    "jeopardy_alerts": "at, alert",
    "information_requests": "at, request",
    "notes": "at, note",
    "parties": "role, party",
    "relations": "role, relation",
    "external_ids": "external_id",
    "promises": "told_at, promise",
    "gaps": "at, gap",
    "notices": "at, notice",
}


@dataclass(frozen=True, slots=True)
class History:
    """All that is derived about one ticket, except what each entry changed."""

    ticket: Row
    timeline: tuple[Row, ...]
    status_periods: tuple[Row, ...]
    tasks: tuple[Row, ...]
    task_states: tuple[Row, ...]
    milestones: tuple[Row, ...]
    jeopardy_alerts: tuple[Row, ...]
    information_requests: tuple[Row, ...]
    notes: tuple[Row, ...]
    parties: tuple[Row, ...]
    relations: tuple[Row, ...]
    external_ids: tuple[Row, ...]
    promises: tuple[Row, ...]
    gaps: tuple[Row, ...]
    notices: tuple[Row, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON wants it."""
        return asdict(self)


Changes = Mapping[str, Sequence[Row]]
"""What each entry changed: entry to rows of `changes`."""


def of_tables(ticket: Row, tables: Mapping[str, Sequence[Row]]) -> History:
    """A History from rows by table name, in the order in which they are to be told."""
    return History(ticket=ticket, **{name: tuple(tables.get(name, ())) for name in _ORDER})


def of_fold(folded: store.History) -> tuple[History, Changes]:
    """A History from the rows of a fold that has a ticket, and what its entries changed."""
    tables = {name: [row._asdict() for row in rows] for name, rows in folded._asdict().items()}
    for name, order in _ORDER.items():
        tables[name].sort(key=partial(_sort_key, order.split(", ")))
    changes: dict[str, list[Row]] = {}
    for change in sorted(tables["changes"], key=lambda row: row["change"]):
        changes.setdefault(change["entry"], []).append(change)
    return of_tables(tables["tickets"][0], tables), changes


def _sort_key(columns: Sequence[str], row: Row) -> list[tuple[bool, Any]]:
    """As SQLite orders: what is unknown comes first."""
    return [(row[column] is not None, row[column]) for column in columns]


async def read(ask: Ask, ticket: Row) -> History:
    """Read the history of a row of `tickets`."""
    key = ticket["ticket"]
    tables = {
        name: await ask(f"select * from {name} where ticket = ? order by {order}", [key])
        for name, order in _ORDER.items()
    }
    return of_tables(ticket, tables)


async def read_changes(ask: Ask, entries: Sequence[Row]) -> Changes:
    """Read what these rows of `timeline` changed."""
    changes: dict[str, list[Row]] = {}
    keys = [entry["entry"] for entry in entries]
    for start in range(0, len(keys), 500):  # SQLite before 3.32 allows 999 values at once
        some = keys[start : start + 500]
        marks = ", ".join("?" * len(some))
        rows = await ask(f"select * from changes where entry in ({marks}) order by change", some)
        for row in rows:
            changes.setdefault(row["entry"], []).append(row)
    return changes


async def tickets_with_id(ask: Ask, number: str, source: str | None) -> list[Row]:
    """The tickets that a provider calls `number`: one a source."""
    if source is not None:
        return await ask("select * from tickets where source = ? and id = ?", [source, number])
    return await ask("select * from tickets where id = ? order by source", [number])
