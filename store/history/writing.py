"""Rows into history.db: a ticket's rows replace what was there, and only what changed is written."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from store.history.fold import History
from store.history.tables import TABLES

Row = tuple[Any, ...]

OWNED: dict[str, frozenset[str]] = {
    "ticket": frozenset(History._fields) - {"specifications"},
    "specification": frozenset({"specifications", "timeline", "changes"}),
    "task": frozenset({"tasks", "task_states"}),
}
"""The tables whose rows belong to a ticket, specification or task (other columns only point)."""


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows, or replace those of the same key."""
    connection.executemany(_INSERT[table], rows)


def present(connection: sqlite3.Connection, owner: str, key: str) -> History:
    """The rows now in the tables that belong to one ticket, specification or task (`owner`)."""
    found = {
        table: connection.execute(f"SELECT * FROM {table} WHERE {owner} = ?", (key,)).fetchall()
        for table in OWNED[owner]
    }
    return History(**found)


def replace(connection: sqlite3.Connection, owner: str, before: History, after: History) -> None:
    """Make the rows of one owner those of `after`, where they were those of `before`."""
    for table in OWNED[owner]:
        had: Sequence[Row] = getattr(before, table)
        wants: Sequence[Row] = getattr(after, table)
        if table == "task_states":
            had = [*had, *_states_elsewhere(connection, before, after)]
        if had or wants:
            _replace_rows(connection, table, had, wants)


def _replace_rows(
    connection: sqlite3.Connection, table: str, had: Sequence[Row], wants: Sequence[Row]
) -> None:
    place = _PLACE[table]
    known = {row[place]: row for row in had}
    changed = [row for row in wants if known.pop(row[place], None) != row]
    if known:
        ticket = _TICKET[table]
        gone = [(row[place], row[ticket]) for row in known.values()]
        connection.executemany(_DELETE[table], gone)
    if changed:
        connection.executemany(_INSERT[table], changed)


def _states_elsewhere(connection: sqlite3.Connection, before: History, after: History) -> list[Row]:
    """States of tasks that are new to this owner: they may have stood alone, or elsewhere."""
    new = {task.task for task in after.tasks} - {task[0] for task in before.tasks}
    select = "SELECT * FROM task_states WHERE task = ?"
    return [row for task in new for row in connection.execute(select, (task,)).fetchall()]


_PLACE = {name: table.place_of(table.pk) for name, table in TABLES.items()}
_TICKET = {
    # A specification's rows have no ticket; a ticket's only row in `tickets` is its own.
    name: table.place_of("ticket") if "ticket" in table.columns else table.place_of(table.pk)
    for name, table in TABLES.items()
}
_INSERT = {
    name: f"INSERT OR REPLACE INTO {name} ({', '.join(table.columns)}) "
    f"VALUES ({', '.join('?' * len(table.columns))})"
    for name, table in TABLES.items()
}
_DELETE = {
    # Not a row that another ticket has taken over since.
    name: f"DELETE FROM {name} WHERE {table.pk} = ? "
    f"AND {'ticket' if 'ticket' in table.columns else table.pk} IS ?"
    for name, table in TABLES.items()
}
