"""consumers.db: its tables, and a connection to it."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import sqlite_utils

from store.log.lock import lock
from store.log.protocol import LogLocked
from store.small_file import SmallFile

CONSUMERS_FILE = "consumers.db"


class ConsumersFile(SmallFile):
    """The file in a data directory; made when it is first written. From any thread."""

    name = CONSUMERS_FILE
    version = 1

    def make(self, connection: sqlite3.Connection) -> None:
        """Both tables."""
        _make(connection)


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
