"""Datasette on history.db, in this process: settings, words, and a database that may be replaced."""

import asyncio
import logging
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import yaml
from datasette.app import Datasette
from datasette.database import Database

from store import RuleBook
from store.history.tables import VERSION

DATABASE = "history"
_BACKLOG = 128

log = logging.getLogger("listener.dashboards")


class ReplaceableDatabase(Database):
    """A database whose file may be deleted or renamed over while it is served, and made anew.

    Datasette keeps a connection a thread for ever, and an open connection goes on reading the
    file it opened. Here each query first looks whether the path still leads to that file.
    """

    def __init__(self, datasette: Any, path: str, rules: RuleBook) -> None:
        super().__init__(datasette, path, is_mutable=True)
        self.rules = rules
        """By which its histories are folded, for pages that fold one as of another time."""
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


def build(path: Path, rules: RuleBook) -> Datasette:
    """A Datasette that serves this history.db and nothing else."""
    words = configuration()
    datasette = Datasette(
        files=[],
        settings=words.pop("settings"),
        metadata=words,
        secret=os.environ.get("DATASETTE_SECRET"),
    )
    datasette.remove_database("_memory")  # made when no files are given
    datasette.add_database(ReplaceableDatabase(datasette, str(path), rules), name=DATABASE)
    return datasette


def serve(path: Path, listening: socket.socket, rules: RuleBook) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT."""
    _print_no_variables()
    datasette = build(path, rules)
    config = uvicorn.Config(
        datasette.app(), lifespan="on", log_config=None, access_log=False, log_level=logging.WARNING
    )
    server = uvicorn.Server(config)
    _stop_on_signals(server)

    async def run() -> None:
        # Before the first request: Datasette would otherwise start up inside it, and a second
        # request that came meanwhile would find it half started.
        await datasette.invoke_startup()
        listening.listen(_BACKLOG)
        log.info("pages on %s", _url(*listening.getsockname()[:2]))
        await server.serve(sockets=[listening])
        log.info("pages served no more")

    asyncio.run(run())


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Hear signals before uvicorn listens for them, and when it repeats them after it has shut
    down: by default they would end the process in the middle of that.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _print_no_variables() -> None:
    """Where rich is installed, Datasette prints every refused request with all local variables,
    and so what events say, into the log.
    """
    from datasette import handle_exception  # a plugin of Datasette's app, which must come first

    handle_exception.rich = None


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
