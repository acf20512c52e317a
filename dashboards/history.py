"""A ticket's history as the pages see it: rows of the tables of history.db, wherever they come from.

The pages ask one question form, SQL. What answers is history.db, or a small database in memory that
holds what the store folded for another time (`dashboards.axes`).
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import store
from store.history.tables import TABLES

Row = dict[str, Any]
"""One row: column name to value, as in store.history.tables."""

Ask = Callable[[str, Sequence[Any] | Mapping[str, Any]], Awaitable[list[Row]]]
"""SQL and its values, in order or by name, to rows."""

ORDER = "at, rank, entry"
"""In which a timeline is told."""

_BESIDE: dict[str, str] = {
    "tasks": "requested_at, task",
    "task_states": "at, task_state",
    "milestones": "at, milestone",
    "jeopardy_alerts": "at, alert",
    "information_requests": "at, request",
    "parties": "role, party",
    "relations": "role, relation",
    "external_ids": "external_id",
    "promises": "told_at, promise",
    "gaps": "at, gap",
    "notices": "at, notice",
}
_LONG: dict[str, str] = {"timeline": ORDER, "status_periods": "n", "notes": "at, note"}
"""Tables that grow with a ticket's life: pages read them in parts (`dashboards.parts`)."""

_MOST = 500
"""Rows of each table beside the timeline that a page reads."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A ticket, and what is known of it beside its timeline, periods and notes."""

    ticket: Row
    tasks: tuple[Row, ...] = ()
    task_states: tuple[Row, ...] = ()
    milestones: tuple[Row, ...] = ()
    jeopardy_alerts: tuple[Row, ...] = ()
    information_requests: tuple[Row, ...] = ()
    parties: tuple[Row, ...] = ()
    relations: tuple[Row, ...] = ()
    external_ids: tuple[Row, ...] = ()
    promises: tuple[Row, ...] = ()
    gaps: tuple[Row, ...] = ()
    notices: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class History(Beside):
    """All that is derived about one ticket, except what each entry changed."""

    timeline: tuple[Row, ...] = ()
    status_periods: tuple[Row, ...] = ()
    notes: tuple[Row, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON wants it."""
        return asdict(self)


Changes = Mapping[str, Sequence[Row]]
"""What each entry changed: entry to rows of `changes`."""


async def read(ask: Ask, ticket: Row) -> History:
    """Read the whole history of a row of `tickets`."""
    return History(ticket=ticket, **await _tables(ask, ticket, _BESIDE | _LONG, -1))


async def read_beside(ask: Ask, ticket: Row) -> Beside:
    """Read what a page shows beside the timeline, at most some hundreds of rows of each table."""
    return Beside(ticket=ticket, **await _tables(ask, ticket, _BESIDE, _MOST))


async def _tables(
    ask: Ask, ticket: Row, orders: Mapping[str, str], most: int
) -> dict[str, tuple[Row, ...]]:
    return {
        name: tuple(
            await ask(
                f"select * from {name} where ticket = ? order by {order} limit ?",
                [ticket["ticket"], most],
            )
        )
        for name, order in orders.items()
    }


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


Shown = Callable[[str, Sequence[Row]], Sequence[Row]]
"""A table's name and its rows to those that whoever asks may see."""


class Folded:
    """The rows of a fold, or what `shown` makes of them, to be asked as if they were those of
    history.db. Close it.
    """

    def __init__(self, folded: store.History, shown: Shown | None = None) -> None:
        # One thread at a time asks, but not always the same one.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        for name, rows in folded._asdict().items():
            columns = TABLES[name].columns
            self._database.execute(f"create table {name} ({', '.join(columns)})")
            told = [row._asdict() for row in rows]
            names = ", ".join(f":{column}" for column in columns)
            self._database.executemany(
                f"insert into {name} values ({names})", shown(name, told) if shown else told
            )

    async def ask(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        """Rows of a query, as `Site.ask`."""
        return await asyncio.to_thread(self._answer, sql, values)

    def _answer(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        return [dict(row) for row in self._database.execute(sql, values)]

    def close(self) -> None:
        self._database.close()
