"""Rows into history.db: a ticket's rows replace what was there, and only what changed is written."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from store.history.fold import History
from store.history.tables import TABLES

OWNED: dict[str, frozenset[str]] = {
    "ticket": frozenset(History._fields) - {"specifications"},
    "specification": frozenset({"specifications", "timeline", "changes"}),
    "task": frozenset({"tasks", "task_states"}),
}
"""The tables whose rows belong to a ticket, specification or task (other columns only point)."""


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows, or replace those of the same key."""
    connection.executemany(_INSERT[table], rows)


def replace(connection: sqlite3.Connection, owner: str, key: str, history: History) -> None:
    """Make the rows of one ticket, specification or task (`owner`) exactly those of `history`."""
    for table, rows in zip(History._fields, history, strict=True):
        if table not in OWNED[owner]:
            continue
        present = _present(connection, table, owner, key, rows)
        wanted = {row[_PLACE[table]]: row for row in rows}
        changed = [row for name, row in wanted.items() if present.get(name) != row]
        gone = [(name,) for name in present.keys() - wanted.keys()]
        if gone:
            connection.executemany(_DELETE[table], gone)
        if changed:
            connection.executemany(_INSERT[table], changed)


def _present(
    connection: sqlite3.Connection,
    table: str,
    owner: str,
    key: str,
    rows: Sequence[tuple[Any, ...]],
) -> dict[Any, tuple[Any, ...]]:
    """The rows now in a table that belong to the owner, or carry a key it is about to write."""
    place = _PLACE[table]
    select = f"SELECT * FROM {table} WHERE {owner} = ?"
    found = {row[place]: tuple(row) for row in connection.execute(select, (key,))}
    if table in {"tasks", "task_states"}:
        # A task may have stood alone before an event named its ticket.
        select = f"SELECT * FROM {table} WHERE task = ?"
        for task in {row[TABLES[table].place_of("task")] for row in rows}:
            found |= {row[place]: tuple(row) for row in connection.execute(select, (task,))}
    return found


_PLACE = {name: table.place_of(table.pk) for name, table in TABLES.items()}
_INSERT = {
    name: f"INSERT OR REPLACE INTO {name} ({', '.join(table.columns)}) "
    f"VALUES ({', '.join('?' * len(table.columns))})"
    for name, table in TABLES.items()
}
_DELETE = {name: f"DELETE FROM {name} WHERE {table.pk} = ?" for name, table in TABLES.items()}
