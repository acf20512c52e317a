"""Datasette on history.db, in this process: settings, words, and a database that may be replaced."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from datasette.app import Datasette
from datasette.database import Database

from store.history.tables import VERSION

DATABASE = "history"


class ReplaceableDatabase(Database):
    """A database whose file may be renamed over while it is served (`listener rebuild` does).

    Datasette keeps a connection a thread for ever, and an open connection goes on reading the
    file it opened. Here each query first looks whether the path still leads to that file.
    """

    def __init__(self, datasette: Any, path: str) -> None:
        super().__init__(datasette, path, is_mutable=True)
        self._open = threading.local()

    async def execute_fn(self, fn: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run a function with a connection to the present file, in one of the query threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.ds.executor, lambda: fn(self._connection()))

    def _connection(self) -> sqlite3.Connection:
        present = self._file()
        opened, connection = getattr(self._open, "pair", (None, None))
        if connection is not None and present in (opened, None):
            return connection
        if connection is not None:
            self._all_file_connections.remove(connection)
            connection.close()
        connection = self.connect()
        self.ds._prepare_connection(connection, self.name)  # noqa: SLF001 - as Database does itself
        self._open.pair = (present, connection)
        return connection

    def _file(self) -> tuple[int, int] | None:
        """Which file the path leads to; None while there is none, between two."""
        try:
            found = Path(self.path).stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


def is_ready(path: Path) -> bool:
    """Whether history.db exists with all its tables (its version is stamped last)."""
    if not path.exists():
        return False
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
        finally:
            connection.close()
    except sqlite3.Error:
        return False


def configuration() -> dict[str, Any]:
    """datasette.yaml: settings, and the words of every table, column and query."""
    text = files("dashboards").joinpath("datasette.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def build(path: Path) -> Datasette:
    """A Datasette that serves this history.db and nothing else."""
    words = configuration()
    datasette = Datasette(
        files=[],
        settings=words.pop("settings"),
        metadata=words,
        secret=os.environ.get("DATASETTE_SECRET"),
    )
    datasette.remove_database("_memory")  # made when no files are given
    datasette.add_database(ReplaceableDatabase(datasette, str(path)), name=DATABASE)
    return datasette


def serve(path: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Port 0 takes a free one; uvicorn's log says which."""
    datasette = build(path)
    config = uvicorn.Config(
        datasette.app(), host=host, port=port, log_level="info", access_log=False, lifespan="on"
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        # Before the first request: Datasette would otherwise start up inside it, and a second
        # request that came meanwhile would find it half started.
        await datasette.invoke_startup()
        await server.serve()

    asyncio.run(run())
