"""Origin: where a stream takes a log up, and the note in log.db of which stream it follows.

A stream begins where one log ended: at its last event, refusal, redelivery and decision, each with
its seal where it has one. That is written into the stream when it is made, and compared by every
node that begins to copy it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.log.identity import FIRST_CHAIN
from store.log.protocol import LogError
from store.log.reader import open_read_only
from store.log.seals import FIRST_SEAL, last

_LAST = "SELECT position, chain FROM events ORDER BY position DESC LIMIT 1"
_FOLLOWED = "SELECT name, created, sequence, digest FROM stream"
_HAS_STREAM = "SELECT 1 FROM sqlite_schema WHERE name = 'stream'"
_NOTE = """
INSERT INTO stream (id, name, created, sequence, digest) VALUES (1, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest
"""


class Origin(NamedTuple):
    """Where a log ends."""

    position: int
    chain: str
    refused: int
    seal: str
    redeliveries: int
    decisions: int

    def as_metadata(self) -> dict[str, str]:
        """As a stream's metadata has it."""
        return {f"listener_{name}": str(value) for name, value in self._asdict().items()}


EMPTY = Origin(0, FIRST_CHAIN.hex(), 0, FIRST_SEAL.hex(), 0, 0)


class Follows(NamedTuple):
    """The stream that a log is a copy of, and how far."""

    name: str
    created: str
    sequence: int
    digest: bytes
    """SHA-256 of the message that was copied last."""


def origin_of(connection: sqlite3.Connection) -> Origin:
    """Where the log ends now."""
    position, chain = connection.execute(_LAST).fetchone() or (0, FIRST_CHAIN)
    refused = last(connection)
    counts = (
        connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        for table in ("redeliveries", "decisions")
    )
    return Origin(position, chain.hex(), refused.number, refused.chain.hex(), *counts)


def followed(connection: sqlite3.Connection) -> Follows | None:
    """None where the log stands alone."""
    if not connection.execute(_HAS_STREAM).fetchone():
        return None
    row = connection.execute(_FOLLOWED).fetchone()
    return Follows(*row) if row else None


def copied(path: Path) -> int:
    """The sequence up to which a log.db is a copy of its stream; 0 where it is none, or unreadable."""
    try:
        with closing(open_read_only(path)) as connection:
            found = followed(connection)
    except (LogError, sqlite3.Error):
        return 0
    return found.sequence if found else 0


def note_followed(connection: sqlite3.Connection, follows: Follows) -> None:
    """Within the transaction that keeps what was copied."""
    connection.execute(_NOTE, follows)


def forget_followed(connection: sqlite3.Connection) -> None:
    """From now on the log stands alone."""
    connection.execute("DELETE FROM stream")
