"""history.db as Datasette reads it: a file that may be replaced, whole or with masks.

Datasette keeps a connection a thread for ever, and an open connection goes on reading the file it
opened. Here each query first looks whether the path still leads to that file.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasette.database import Database, QueryInterrupted
from datasette.utils import (
    detect_primary_keys,
    get_all_foreign_keys,
    get_outbound_foreign_keys,
    table_column_details,
    table_columns,
)

from dashboards import guard, personal
from store import RuleBook
from store.history.tables import TABLES

_COUNTING_SECONDS = 0.5
"""How long a page waits for the numbers of rows."""
_COUNTED_AT_ONCE = 2

Ask = Callable[[sqlite3.Connection], Any]
Connect = Callable[[], sqlite3.Connection]


class ReplaceableDatabase(Database):
    """A database whose file may be deleted or renamed over while it is served, and made anew."""

    sees_notifications = True
    """Whether the pages on it may show notifications as received."""
    is_masked = False

    def __init__(self, datasette: Any, path: str, rules: RuleBook) -> None:
        super().__init__(datasette, path, is_mutable=True)
        self.rules = rules
        """By which its histories are folded, for pages that fold one as of another time."""
        self._open = threading.local()
        self._counting: list[asyncio.Task[int | None]] = []

    def connect(self, write: bool = False) -> sqlite3.Connection:
        """A connection that reads. Raises PermissionError where one is to write."""
        if write:
            raise PermissionError("the pages never write to history.db")
        return super().connect()

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        """Run a query; one that asks for too much memory is refused like any other bad query."""
        options["log_sql_errors"] = False  # it would be with all its values
        try:
            return await super().execute(*arguments, **options)
        except MemoryError as error:
            raise sqlite3.OperationalError("the query needs more memory than one may") from error

    async def table_counts(self, limit: int = 10) -> dict[str, int | None]:
        """Rows of each table, counted side by side; None ("many rows") where that takes too long:
        right after a start, from a disk. What was begun is counted to its end, so that the next
        page has it.
        """
        # Not in all threads at once: the rest of the page needs one, too.
        turns = asyncio.Semaphore(_COUNTED_AT_ONCE)
        counting = {
            name: asyncio.create_task(self._count(name, limit, turns))
            for name in await self.table_names()
        }
        await asyncio.wait(counting.values(), timeout=_COUNTING_SECONDS)
        self._counting = [task for task in counting.values() if not task.done()]
        return {name: task.result() if task.done() else None for name, task in counting.items()}

    async def _count(self, table: str, limit: int, turns: asyncio.Semaphore) -> int | None:
        try:
            async with turns:
                select = f"select count(*) from [{table}]"
                found = await self.execute(select, custom_time_limit=limit)
        except (QueryInterrupted, sqlite3.DatabaseError):
            return None
        return found.rows[0][0]

    async def execute_fn(self, fn: Ask) -> Any:
        """Run a function with a connection to the present file, in one of the query threads."""
        return await self._in_thread("rows", self._prepared, fn)

    async def _in_thread(self, kind: str, connect: Connect, fn: Ask) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self.ds.executor, lambda: fn(self._connection(kind, connect))
        )

    def _connection(self, kind: str, connect: Connect) -> sqlite3.Connection:
        """A connection of a kind, this thread's own, to the file that is there now."""
        present = self._file()
        opened, connection = getattr(self._open, kind, (None, None))
        if connection is not None and present in (opened, None):
            return connection
        if connection is not None:
            self._all_file_connections.remove(connection)
            connection.close()
        connection = connect()
        setattr(self._open, kind, (present, connection))
        return connection

    def _prepared(self) -> sqlite3.Connection:
        connection = self.connect()
        self.ds._prepare_connection(connection, self.name)  # noqa: SLF001 - as Database does itself
        return connection

    def _file(self) -> tuple[int, int] | None:
        """Which file the path leads to; None while there is none, between two."""
        try:
            found = Path(str(self.path)).stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


class MaskedDatabase(ReplaceableDatabase):
    """What analysts read: on its connections views take the place of tables with personal data.

    Whoever asks, and however, gets what the views show: a table's name leads to its view, and the
    table itself (`main.notes`), what is indexed of its text, and tables that nobody has looked at
    are refused. Only what Datasette asks about the shape of a table is asked without the views.
    """

    sees_notifications = False
    is_masked = True

    def _prepared(self) -> sqlite3.Connection:
        connection = super()._prepared()
        for table in personal.MASKS:
            connection.execute(personal.view(table, list(TABLES[table].columns)))
        connection.set_authorizer(_authorize_masked)
        return connection

    async def table_columns(self, table: str) -> list[str]:
        """Names of columns."""
        return await self._shape(lambda connection: table_columns(connection, table))

    async def table_column_details(self, table: str) -> list[Any]:
        """Columns with their types."""
        return await self._shape(lambda connection: table_column_details(connection, table))

    async def primary_keys(self, table: str) -> list[str]:
        """Columns of the key."""
        return await self._shape(lambda connection: detect_primary_keys(connection, table))

    async def foreign_keys_for_table(self, table: str) -> list[dict[str, str]]:
        """Where its columns point."""
        return await self._shape(lambda connection: get_outbound_foreign_keys(connection, table))

    async def get_all_foreign_keys(self) -> dict[str, Any]:
        """Where all columns point."""
        return await self._shape(get_all_foreign_keys)

    async def fts_table(self, table: str) -> None:
        """None: an index of texts would find what is masked."""

    async def _shape(self, ask: Ask) -> Any:
        """Ask about the shape of tables, which a view does not have, on a connection without them."""
        return await self._in_thread("shape", self.connect, ask)


_OPEN = ("pragma_", *personal.INDEX_OF_TEXTS)
"""What FTS5 reads of its own index is asked for here, too; pages of it are refused in serve.py."""
_KNOWN = frozenset(TABLES) | {"sqlite_master", "sqlite_schema", "json_each", "json_tree"}


def _authorize_masked(
    action: int, first: str | None, second: str | None, database: str | None, by: str | None
) -> int:
    if action == sqlite3.SQLITE_READ and database == "main":
        table = first or ""
        # `by`: the view that reads it. Statistics, for instance, hold the very texts.
        unseen = second in personal.masked_columns(table) and by is None
        if unseen or not (table in _KNOWN or table.startswith(_OPEN)):
            return sqlite3.SQLITE_DENY
    return guard.authorize(action, first, second, database, by)
