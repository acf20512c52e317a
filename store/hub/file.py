"""hub.db: its tables, and the right to act on a source's registration, which one process has at a time."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import sqlite_utils

from store.log.lock import lock
from store.log.protocol import LogLocked
from store.small_file import SmallFile

HUB_FILE = "hub.db"


class HubFile(SmallFile):
    """The file in a data directory; made when it is first written. From any thread or process."""

    name = HUB_FILE
    version = 1

    def make(self, connection: sqlite3.Connection) -> None:
        """Both tables."""
        db = sqlite_utils.Database(connection)
        db.table("registrations").create(
            {
                "number": int,
                "source": str,
                "base_url": str,
                "callback": str,
                "query": str,
                "asked_at": str,
                "registered_at": str,
                "hub_id": str,
                "is_probed": int,
                "is_listed": int,
                "ended_at": str,
                "end": str,
            },
            pk="number",
            not_null={"source", "base_url", "callback", "query", "asked_at"},
        )
        db.table("standings").create(
            {
                "source": str,
                "looked_at": str,
                "well_at": str,
                "problem": str,
                "problem_since": str,
                "advice": str,
                "silent_since": str,
                "silence_heals": int,
                "heals": int,
                "healed_at": str,
                "healed": str,
                "reconcile_since": str,
                "unwanted_since": str,
            },
            pk="source",
            not_null={"silence_heals", "heals"},
            defaults={"silence_heals": 0, "heals": 0},
        )


@contextmanager
def only_one(directory: Path, source: str, seconds: float) -> Generator[None]:
    """Be the only process on this machine that acts on a source's registration, in the block.

    Two that acted at once would register twice. The system lets go of it however a process ends.
    Raises LogLocked when another still acts after `seconds`.
    """
    try:
        descriptor = lock(directory / f"hub.{source}", seconds)
    except LogLocked:
        raise LogLocked(f"Another process is at work on the registration of {source}.") from None
    try:
        yield
    finally:
        os.close(descriptor)
