"""consumers.db: its tables, and a connection to it."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlite_utils

from store.log.lock import lock
from store.log.protocol import LogError, LogLocked, LogUnavailable

CONSUMERS_FILE = "consumers.db"
VERSION = 1


class ConsumersFile:
    """The file in a data directory; made when it is first written. From any thread."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / CONSUMERS_FILE

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection | None]:
        """A connection that only reads; None where nothing was ever written.

        Raises LogUnavailable.
        """
        if not self._path.exists():
            yield None
            return
        with _said_plainly(), closing(self._connect("ro")) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """One transaction, on disk when the block has ended. Raises LogUnavailable."""
        with _said_plainly(), closing(self._connect("rwc")) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                _make(connection)
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.rollback()

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=5.0,
            isolation_level=None,
            check_same_thread=False,
        )


@contextmanager
def only_deliverer(directory: Path, seconds: float = 2.0) -> Generator[None]:
    """Be the only process that delivers. Raises LogLocked when another does after `seconds`."""
    try:
        descriptor = lock(directory / CONSUMERS_FILE, seconds)
    except LogLocked as error:
        raise LogLocked("Another process already delivers to those who subscribed.") from error
    try:
        yield
    finally:
        os.close(descriptor)


def _make(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return
    if version > VERSION:
        raise LogError(f"{CONSUMERS_FILE} was made by a later version of the listener.")
    db = sqlite_utils.Database(connection)
    db.table("checkpoints").create(
        {"owner": str, "consumer": str, "position": int, "updated_at": str},
        pk=("owner", "consumer"),
        not_null={"position", "updated_at"},
    )
    db.table("subscriptions").create(
        {
            "id": str,
            "owner": str,
            "callback": str,
            "query": str,
            "created_at": str,
            "position": int,
            "delivered": int,
            "delivered_at": str,
            "failing_since": str,
            "failures": int,
            "failing_position": int,
            "error": str,
        },
        pk="id",
        not_null={"owner", "callback", "created_at", "position", "delivered", "failures"},
    )
    connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _said_plainly() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LogUnavailable(f"{CONSUMERS_FILE} cannot be used: {error}.") from error
