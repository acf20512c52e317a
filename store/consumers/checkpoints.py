"""Checkpoints: how far each consumer says it has read. Kept per owner, so that names never clash.

Whoever reads acknowledges afterwards; what was read and not acknowledged is read again
(at-least-once). Acknowledging twice is acknowledging once, and an acknowledgement that comes late
does not take back a later one.
"""

import sqlite3
from typing import NamedTuple

from store.consumers.file import ConsumersFile

_ACKNOWLEDGE = """
INSERT INTO checkpoints (owner, consumer, position, updated_at) VALUES (:owner, :consumer, :position, :now)
ON CONFLICT (owner, consumer) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at
WHERE :rewind OR excluded.position > checkpoints.position
"""
_ONE = "SELECT consumer, position, updated_at FROM checkpoints WHERE owner = ? AND consumer = ?"
_ALL = "SELECT consumer, position, updated_at FROM checkpoints WHERE owner = ? ORDER BY consumer"
_FORGET = "DELETE FROM checkpoints WHERE owner = ? AND consumer = ?"


class Checkpoint(NamedTuple):
    """How far one consumer has read."""

    consumer: str
    position: int
    updated_at: str


def of(file: ConsumersFile, owner: str, consumer: str) -> Checkpoint | None:
    """None where nothing was ever acknowledged."""
    with file.reading() as connection:
        return _found(connection, owner, consumer) if connection else None


def every(file: ConsumersFile, owner: str) -> list[Checkpoint]:
    """All of an owner's, by name."""
    with file.reading() as connection:
        rows = connection.execute(_ALL, (owner,)) if connection else ()
        return [Checkpoint(*row) for row in rows]


def acknowledge(
    file: ConsumersFile, owner: str, consumer: str, position: int, *, now: str, rewind: bool = False
) -> Checkpoint:
    """Everything up to this position was read; where the checkpoint stands now, on disk.

    Moves back only with `rewind`.
    """
    values = {"owner": owner, "consumer": consumer, "position": position, "now": now}
    with file.writing() as connection:
        connection.execute(_ACKNOWLEDGE, values | {"rewind": rewind})
        found = _found(connection, owner, consumer)
    return found or Checkpoint(consumer, position, now)


def forget(file: ConsumersFile, owner: str, consumer: str) -> bool:
    """Whether there was one."""
    with file.writing() as connection:
        return connection.execute(_FORGET, (owner, consumer)).rowcount > 0


def _found(connection: sqlite3.Connection, owner: str, consumer: str) -> Checkpoint | None:
    row = connection.execute(_ONE, (owner, consumer)).fetchone()
    return Checkpoint(*row) if row else None
