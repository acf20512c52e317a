"""Quarantine, worked with: refusals of one kind together, and what is decided about each, once.

A decision is a row beside the entry, never a change of it: its bytes stay until they are erased.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.events import Appended, NewEvent, Reason
from store.keeping.opening import read_only
from store.log.protocol import LogError
from store.log.sqlite import LOG_FILE, SqliteLog

_KINDS = """
SELECT kinds.fingerprint, kinds.count, kinds.first, kinds.last, sample.id, sample.source,
       sample.path, sample.status, sample.reasons
FROM (
  SELECT fingerprint, count(*) AS count, min(received_at) AS first, max(received_at) AS last,
         max(id) AS sample
  FROM quarantine WHERE id NOT IN (SELECT entry FROM decisions) GROUP BY fingerprint
) AS kinds
JOIN quarantine AS sample ON sample.id = kinds.sample
ORDER BY kinds.last DESC, kinds.fingerprint
"""
_WAITING = """
SELECT id FROM quarantine
WHERE fingerprint = ? AND id NOT IN (SELECT entry FROM decisions) ORDER BY id
"""
_DECIDE = """
INSERT INTO decisions (entry, decision, reason, position, decided_at, decided_by)
VALUES (?, ?, ?, ?, ?, ?)
"""


class Kind(NamedTuple):
    """Refusals of one kind that nothing was decided about yet."""

    fingerprint: str
    refusals: int
    first_received_at: str
    last_received_at: str
    sample: int
    """The latest entry."""
    source: str
    path: str
    status: int
    reasons: tuple[Reason, ...]


class UnknownEntry(LogError):
    """The quarantine has no such entry."""

    hint = "See: listener quarantine list --all"


class AlreadyDecided(LogError):
    """It was decided before; a decision stays."""


def kinds(directory: Path) -> list[Kind]:
    """What waits for a decision, by fingerprint, the latest kind first. Raises LogMissing."""
    with closing(read_only(directory / LOG_FILE)) as connection:
        return [
            Kind(*row[:8], reasons=tuple(Reason(*why) for why in json.loads(row[8])))
            for row in connection.execute(_KINDS)
        ]


def waiting(directory: Path, fingerprint: str) -> list[int]:
    """Entries of one kind that nothing was decided about, oldest first. Raises LogMissing."""
    with closing(read_only(directory / LOG_FILE)) as connection:
        return [number for (number,) in connection.execute(_WAITING, (fingerprint,))]


def release(log: SqliteLog, entry: int, event: NewEvent, at: str, by: str) -> Appended:
    """Append the event an entry turned out to be, and note where it went, in one transaction.

    It stands at today's position, with the time at which it was received. Where the log has it
    already, it is a redelivery of that. Raises UnknownEntry, AlreadyDecided, LogUnavailable.
    """
    with log.transaction() as connection:
        _must_wait(connection, entry)
        appended = log.add(event)
        connection.execute(_DECIDE, (entry, "released", None, appended.position, at, by))
    return appended


def drop(directory: Path, entries: list[int], reason: str, at: str, by: str) -> None:
    """Note that these entries are of no use, and why. Raises as release; then none was dropped."""
    with (
        closing(SqliteLog(directory / LOG_FILE, as_guest=True)) as log,
        log.transaction() as connection,
    ):
        for entry in entries:
            _must_wait(connection, entry)
            connection.execute(_DECIDE, (entry, "dropped", reason, None, at, by))


def _must_wait(connection: sqlite3.Connection, entry: int) -> None:
    if not connection.execute("SELECT 1 FROM quarantine WHERE id = ?", (entry,)).fetchone():
        raise UnknownEntry(f"No quarantine entry {entry}.")
    select = "SELECT decision, decided_at, decided_by FROM decisions WHERE entry = ?"
    for decision, at, by in connection.execute(select, (entry,)):
        raise AlreadyDecided(f"Quarantine entry {entry} was {decision} on {at} by {by}.")
