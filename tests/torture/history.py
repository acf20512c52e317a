"""Whether history.db is what a fresh fold of the log makes of it."""

import functools
import sqlite3
from contextlib import closing
from pathlib import Path

from config.settings import load
from store import HISTORY_FILE, open_reader
from store.__main__ import rule_book
from store.history.rebuild import rebuild
from store.history.tables import ARRIVAL, ARRIVAL_TABLES, TABLES


def differences(data: Path, scratch: Path) -> list[str]:
    """Tables whose rows are others than those of a rebuild; the order of arrival left aside."""
    fresh = scratch / "fresh.db"
    rules = rule_book(load(data=data))
    rebuild(fresh, functools.partial(open_reader, data), rules, lambda _done, _total: None)
    found = []
    with closing(sqlite3.connect(data / HISTORY_FILE)) as connection:
        connection.execute("ATTACH ? AS fresh", (str(fresh),))
        for name, table in TABLES.items():
            if name not in ARRIVAL_TABLES:
                names = ", ".join(
                    column for column in table.columns if column not in ARRIVAL.get(name, ())
                )
                found += _difference(connection, name, names)
    return found


def _difference(connection: sqlite3.Connection, table: str, columns: str) -> list[str]:
    ours, theirs = f"main.{table}", f"fresh.{table}"
    counts = [
        connection.execute(
            f"SELECT count(*) FROM (SELECT {columns} FROM {one} EXCEPT SELECT {columns} FROM {other})"
        ).fetchone()[0]
        for one, other in ((ours, theirs), (theirs, ours))
    ]
    if not any(counts):
        return []
    return [f"history.db, {table}: {counts[0]} rows too many, {counts[1]} missing"]
