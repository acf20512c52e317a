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
_REACHED = """
UPDATE subscriptions SET position = max(position, :position), delivered = delivered + :delivered,
  delivered_at = CASE WHEN :delivered > 0 THEN :now ELSE delivered_at END,
  failing_since = NULL, failures = 0, failing_position = NULL, error = NULL
WHERE id = :id
"""
_FAILED = """
UPDATE subscriptions SET failing_since = coalesce(failing_since, :now), failures = failures + 1,
  failing_position = :position, error = :error
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


def reached(file: ConsumersFile, number: str, position: int, *, delivered: int, now: str) -> None:
    """Everything up to this position was answered; so many more were delivered."""
    values = {"id": number, "position": position, "delivered": delivered, "now": now}
    with file.writing() as connection:
        connection.execute(_REACHED, values)


def failed(file: ConsumersFile, number: str, position: int, error: str, *, now: str) -> None:
    """A delivery was not answered with a success; it will be tried again."""
    values = {"id": number, "position": position, "error": error, "now": now}
    with file.writing() as connection:
        connection.execute(_FAILED, values)


def _one(connection: sqlite3.Connection, number: str) -> Subscription:
    select = f"SELECT {_COLUMNS} FROM subscriptions WHERE id = ?"
    return Subscription(*connection.execute(select, (number,)).fetchone())
