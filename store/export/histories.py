"""Histories: what history.db tells of the selected events, of one moment, read row by row.

A timeline entry is selected by the event that tells it first. Of tickets, their periods, parties
and relations those are told of which an entry is selected. One read transaction lasts as long as
the export: the follower goes on meanwhile, and its write-ahead log is emptied afterwards.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from store.export.chosen import Chosen
from store.history import follower, rows, tables
from store.history.asking import HISTORY_FILE
from store.keeping.opening import read_only
from store.log.protocol import LogError
from store.replay.selection import Selection

Row = TypeVar("Row", bound=tuple[Any, ...])

ENTRY_COLUMNS = ", ".join(f"timeline.{name}" for name in rows.Entry._fields)


class NotFolded(LogError):
    """There is no history to export."""

    hint = "Fold it: run `listener follow` or `listener rebuild`."


class Histories:
    """A snapshot of history.db, narrowed to a selection. One thread at a time.

    Raises NotFolded where history.db is missing or of another version, and as Selected.
    """

    def __init__(self, directory: Path, selection: Selection) -> None:
        path = directory / HISTORY_FILE
        if not path.exists():
            raise NotFolded(f"{path} does not exist.")
        self._connection = read_only(path)
        try:
            _check(self._connection, path)
            self._connection.execute("BEGIN")
            self.checkpoint = follower.checkpoint(self._connection, "events")
            """Position of the last event that is folded in."""
            with closing(Chosen(directory, selection)) as chosen:
                self.head = chosen.head()
                self._narrow(chosen, narrowed=selection != Selection())
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def count(self, table: str) -> int:
        """How many rows `rows_of` gives."""
        return self._connection.execute(self._query(table, "count(*)")).fetchone()[0]

    def rows_of(self, table: str, row: type[Row], order: str) -> Iterator[Row]:
        """Rows of a table that belongs to tickets, or of the timeline."""
        columns = ", ".join(f"{table}.{name}" for name in tables.TABLES[table].columns)
        query = f"{self._query(table, columns)} ORDER BY {order}"
        return (row(*found) for found in self._connection.execute(query))

    def entries(self, order: str = "at, rank, entry") -> Iterator[rows.Entry]:
        """Selected entries."""
        return self.rows_of("timeline", rows.Entry, order)

    def entries_of(self, ticket: str) -> list[rows.Entry]:
        """Selected entries of one ticket, in its order."""
        query = f"{self._query('timeline', ENTRY_COLUMNS)} AND ticket = ? ORDER BY at, rank, entry"
        return [rows.Entry(*found) for found in self._connection.execute(query, (ticket,))]

    def ask(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Whatever else. In the query {touched} stands for the condition on the column ticket,
        {selected} for that on an entry.
        """
        asked = query.format(touched=self._touched, selected=self._selected)
        return self._connection.execute(asked, values)

    def _query(self, table: str, columns: str) -> str:
        condition = self._selected if table == "timeline" else self._touched
        return f"SELECT {columns} FROM {table} WHERE {condition}"

    def _narrow(self, chosen: Chosen, *, narrowed: bool) -> None:
        self._selected = self._touched = "1"
        if not narrowed:
            return
        after, end = chosen.range()
        end = min(end, self.checkpoint)
        if chosen.is_range:
            self._selected = f"position > {after} AND position <= {end}"
        else:
            # In SQLite's temporary file, not in memory.
            execute = self._connection.executemany
            self._connection.execute("CREATE TEMP TABLE chosen (position INTEGER PRIMARY KEY)")
            for _, positions in chosen.positions(end):
                execute("INSERT INTO temp.chosen VALUES (?)", ((one,) for one in positions))
            self._selected = "position IN (SELECT position FROM temp.chosen)"
        self._connection.execute("CREATE TEMP TABLE touched (ticket TEXT PRIMARY KEY)")
        self._connection.execute(
            "INSERT INTO temp.touched SELECT DISTINCT ticket FROM timeline "
            f"WHERE ticket IS NOT NULL AND {self._selected}"
        )
        self._touched = "ticket IN (SELECT ticket FROM temp.touched)"


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if follower.version(connection) != tables.VERSION:
        raise NotFolded(f"{path} was folded by another version.")
