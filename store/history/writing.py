"""Rows into history.db: a ticket's rows replace what was there, and only what changed is written."""

import sqlite3
from collections.abc import Iterable, Sequence
from operator import itemgetter
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
    # Bare tuples: of any other sequence sqlite3 asks every member by a call (measured: 2 µs a row).
    connection.executemany(_INSERT[table], map(tuple, rows))


def present(connection: sqlite3.Connection, owner: str, key: str) -> History:
    """The rows now in the tables that belong to one ticket, specification or task (`owner`)."""
    found = {
        table: connection.execute(f"SELECT * FROM {table} WHERE {owner} = ?", (key,)).fetchall()
        for table in OWNED[owner]
    }
    return History(**found)


class Changes:
    """What many folds change, gathered so that each table is written once, in the order of its keys."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._gone: dict[str, list[Row]] = {}
        self._changed: dict[str, list[Row]] = {}

    def replace(self, owner: str, before: History, after: History) -> None:
        """Make the rows of one owner those of `after`, where they were those of `before`."""
        for table in OWNED[owner]:
            had: Sequence[Row] = getattr(before, table)
            wants: Sequence[Row] = getattr(after, table)
            if table == "task_states":
                had = [*had, *self._states_elsewhere(before, after)]
            if had or wants:
                self._replace(table, had, wants)

    def write(self) -> None:
        """Write what was gathered. Before it, the tables are as they were."""
        for table, rows in self._gone.items():
            place, ticket = _PLACE[table], _TICKET[table]
            gone = [(row[place], row[ticket]) for row in rows]
            self._connection.executemany(_DELETE[table], gone)
        for table, rows in self._changed.items():
            rows.sort(key=_KEY[table])
            insert(self._connection, table, rows)
        self._gone.clear()
        self._changed.clear()

    def _replace(self, table: str, had: Sequence[Row], wants: Sequence[Row]) -> None:
        place = _PLACE[table]
        known = {row[place]: row for row in had}
        changed = [row for row in wants if known.pop(row[place], None) != row]
        if known:
            self._gone.setdefault(table, []).extend(known.values())
        if changed:
            self._changed.setdefault(table, []).extend(changed)

    def _states_elsewhere(self, before: History, after: History) -> list[Row]:
        """States of tasks that are new to this owner: they may have stood alone, or elsewhere."""
        new = {task.task for task in after.tasks} - {task[0] for task in before.tasks}
        if new:
            self.write()
        select = "SELECT * FROM task_states WHERE task = ?"
        return [row for task in new for row in self._connection.execute(select, (task,)).fetchall()]


_PLACE = {name: table.place_of(table.pk) for name, table in TABLES.items()}
_KEY = {name: itemgetter(place) for name, place in _PLACE.items()}
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
