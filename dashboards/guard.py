"""What a query may cost and may touch, on every connection that the pages read with.

Datasette's time limit bounds neither memory nor a single step. The limits here do, also in a plain
Datasette that has loaded the plugin.
"""

import sqlite3
import weakref
from collections.abc import Callable
from typing import Any

LONGEST_VALUE = 10_000_000
"""Bytes of one value (SQLITE_LIMIT_LENGTH)."""

LARGEST_RESULT = 64_000_000
"""Bytes of text and blobs that one statement may return."""

LARGEST_HEAP = 512 * 1024 * 1024
"""Bytes that SQLite may hold in this process, all connections and page caches together
(sqlite.org/c3ref/hard_heap_limit64.html). Beyond it the statement fails, the process lives."""

_PATHS = frozenset({"pragma_database_list"})
"""Tables that name files of this machine."""

_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})

Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


def bound(connection: sqlite3.Connection) -> None:
    """Bound what each statement on this connection may cost, and refuse what tells of the machine."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.execute(f"PRAGMA hard_heap_limit = {LARGEST_HEAP}")
    connection.row_factory = _Rows()
    connection.set_authorizer(authorize)


def authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _by: str | None
) -> int:
    """SQLite's question about each thing a statement does (sqlite.org/c3ref/set_authorizer.html)."""
    if action == sqlite3.SQLITE_READ and (first or "").lower() in _PATHS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


class _Rows:
    """Makes rows of a cursor, and counts what they hold."""

    def __init__(self) -> None:
        self._cursor: Callable[[], sqlite3.Cursor | None] = lambda: None
        self._spent = 0

    def __call__(self, cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> sqlite3.Row:
        if self._cursor() is not cursor:
            # Held weakly: a cursor that lives on keeps its read transaction, and the log grows.
            self._cursor, self._spent = weakref.ref(cursor), 0
        for value in values:
            if value.__class__ is str or value.__class__ is bytes:
                self._spent += len(value)
        if self._spent > LARGEST_RESULT:
            raise sqlite3.OperationalError(
                f"result too big: more than {LARGEST_RESULT // 1_000_000} MB; select less of it"
            )
        return sqlite3.Row(cursor, values)
