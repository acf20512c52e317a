"""Datasette on history.db, in this process: settings and words, one for each role that somebody has."""

import asyncio
import logging
import os
import signal
import socket
import sqlite3
from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

import uvicorn
import yaml
from datasette.app import Datasette

from dashboards import personal
from dashboards.database import MaskedDatabase, ReplaceableDatabase
from dashboards.door import Door
from dashboards.front import Front
from dashboards.people import Role
from store import RuleBook
from store.history.tables import VERSION

DATABASE = "history"
_SHARE_OF_MEMORY = 4
"""Of the machine's memory, what history.db may take: a quarter."""
_BACKLOG = 128

log = logging.getLogger("listener.dashboards")


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


def build(path: Path, rules: RuleBook, role: Role = "power", beside: int = 0) -> Datasette:
    """A Datasette that serves this history.db and nothing else, as much of it as a role may see.

    `beside`: how many others there are in this process. They share the memory for page caches,
    which must leave room below `guard.LARGEST_HEAP`.
    """
    words = configuration()
    settings = words.pop("settings")
    settings["cache_size_kb"] //= 1 + beside
    kind = ReplaceableDatabase
    if role == "analyst":
        settings["default_allow_sql"] = False
        kind = MaskedDatabase
        _say_what_is_masked(words["databases"][DATABASE]["tables"])
    datasette = Datasette(files=[], settings=settings, metadata=words)
    datasette.remove_database("_memory")  # made when no files are given
    datasette.add_database(kind(datasette, str(path), rules), name=DATABASE)
    return datasette


def _say_what_is_masked(tables: dict[str, Any]) -> None:
    """In the words of columns; and no facets of what is masked."""
    for name, mask in personal.MASKS.items():
        words = tables[name]
        for column in mask.columns:
            words["columns"][column] += f" - masked for analysts: {mask.reason}"
        if mask.key:
            words["columns"][mask.key] = "Number of the row; another one when the ticket changes"
        words["facets"] = [one for one in words.get("facets", []) if one not in mask.columns]
    for name in personal.INDEX_OF_TEXTS:
        # What FTS5 keeps beside it, too (sqlite.org/fts5.html#fts5_data_structures).
        for part in ("", "_data", "_idx", "_docsize", "_config", "_content"):
            tables[name + part] = {"hidden": True, "allow": False}


def serve(
    path: Path,
    listening: socket.socket,
    rules: RuleBook,
    door: Door,
    roles: Collection[Role],
    proxies: Sequence[str] = (),
) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT.

    `proxies`: addresses and networks whose word counts about who asks, and whether by https.
    """
    _print_no_variables()
    Thread(target=_read_ahead, args=(path,), daemon=True).start()
    datasettes = {role: build(path, rules, role, len(roles) - 1) for role in sorted(roles)}
    front = Front(door, {role: one.app() for role, one in datasettes.items()})
    config = uvicorn.Config(
        front,
        lifespan="off",
        log_config=None,
        access_log=False,
        log_level=logging.WARNING,
        ws="none",
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
    )
    server = uvicorn.Server(config)
    _stop_on_signals(server)

    async def run() -> None:
        # Before the first request: Datasette would otherwise start up inside it, and a second
        # request that came meanwhile would find it half started.
        for one in datasettes.values():
            await one.invoke_startup()
        listening.listen(_BACKLOG)
        log.info("pages on %s", _url(*listening.getsockname()[:2]))
        await server.serve(sockets=[listening])
        log.info("pages served no more")

    asyncio.run(run())


def _read_ahead(path: Path) -> None:
    """Have the system read history.db into its memory, where that has room for it.

    The first pages read thousands of places all over the file; read in order they come many times
    faster (measured: a database page of 2 GB 0.5 s instead of 1.9).
    """
    if not hasattr(os, "posix_fadvise") or not path.exists():
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size <= memory // _SHARE_OF_MEMORY:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


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
