"""Subscriptions: who is notified of which events, and how far each was notified.

`position` is the last event that was looked at for it; everything behind it is still to be
delivered. It moves when the deliveries before it were answered, so a crash repeats, never skips.
"""

import secrets
import sqlite3
from typing import NamedTuple

from store.consumers.file import ConsumersFile

_COLUMNS = (
    "id, owner, callback, query, created_at, position, delivered, delivered_at, failing_since, "
    "failures, failing_position, error"
)
_ADD = (
    "INSERT INTO subscriptions (id, owner, callback, query, created_at, position, delivered, failures) "
    "VALUES (?, ?, ?, ?, ?, ?, 0, 0)"
)
_SAME = (
    f"SELECT {_COLUMNS} FROM subscriptions WHERE owner = ? AND callback = ? AND query IS ? LIMIT 1"
)
_NOTE = """
UPDATE subscriptions SET position = max(position, :position), delivered = delivered + :delivered,
  delivered_at = CASE WHEN :delivered > 0 THEN :now ELSE delivered_at END,
  failing_since = CASE WHEN :failing_position IS NOT NULL THEN coalesce(failing_since, :now) END,
  failures = CASE WHEN :failing_position IS NULL THEN 0 ELSE failures + :failures END,
  failing_position = :failing_position, error = :error
WHERE id = :id
"""


class Subscription(NamedTuple):
    """One subscriber, and how its deliveries go."""

    id: str
    owner: str
    """The source that subscribed; nobody else sees or ends it."""
    callback: str
    query: str | None
    created_at: str
    position: int
    delivered: int
    delivered_at: str | None
    failing_since: str | None
    failures: int
    """Attempts since then."""
    failing_position: int | None
    error: str | None


class Standing(NamedTuple):
    """How deliveries go."""

    position: int
    """Everything up to it is done with."""
    delivered: int
    """So many more."""
    failing_position: int | None
    """The first event that is not taken; None: nothing fails."""
    failures: int
    """So many more."""
    error: str | None


def every(file: ConsumersFile) -> list[Subscription]:
    """All of them, the oldest first."""
    with file.reading() as connection:
        if connection is None:
            return []
        rows = connection.execute(f"SELECT {_COLUMNS} FROM subscriptions ORDER BY created_at, id")
        return [Subscription(*row) for row in rows]


def of(file: ConsumersFile, owner: str, number: str) -> Subscription | None:
    """One of an owner's; None where it has no such one."""
    with file.reading() as connection:
        if connection is None:
            return None
        select = f"SELECT {_COLUMNS} FROM subscriptions WHERE id = ? AND owner = ?"
        row = connection.execute(select, (number, owner)).fetchone()
        return Subscription(*row) if row else None


def add(
    file: ConsumersFile, owner: str, callback: str, query: str | None, *, position: int, now: str
) -> tuple[Subscription, bool]:
    """A subscription to everything behind `position`, on disk, and whether it is new: the same
    owner, callback and query again are the one that is there.
    """
    with file.writing() as connection:
        row = connection.execute(_SAME, (owner, callback, query)).fetchone()
        if row:
            return Subscription(*row), False
        number = secrets.token_hex(16)
        connection.execute(_ADD, (number, owner, callback, query, now, position))
        return _one(connection, number), True


def end(file: ConsumersFile, owner: str, number: str) -> bool:
    """Whether there was one."""
    with file.writing() as connection:
        delete = "DELETE FROM subscriptions WHERE id = ? AND owner = ?"
        return connection.execute(delete, (number, owner)).rowcount > 0


def end_any(file: ConsumersFile, number: str) -> bool:
    """Whether there was one; for the operator, who need not be its owner."""
    with file.reading() as connection:
        if connection is None:
            return False
    with file.writing() as connection:
        return connection.execute("DELETE FROM subscriptions WHERE id = ?", (number,)).rowcount > 0


def note(file: ConsumersFile, number: str, standing: Standing, *, now: str) -> None:
    """How its deliveries go, since the last time. Nothing for one that has ended."""
    with file.writing() as connection:
        connection.execute(_NOTE, standing._asdict() | {"id": number, "now": now})


def _one(connection: sqlite3.Connection, number: str) -> Subscription:
    select = f"SELECT {_COLUMNS} FROM subscriptions WHERE id = ?"
    return Subscription(*connection.execute(select, (number,)).fetchone())
