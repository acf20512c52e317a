"""How forwarding stands, target by target, and what could not be delivered: read only, for others to show."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from store.replay.ledger import REPLAY_FILE

_FORWARDINGS = """
SELECT target, checkpoint, delivered, failures,
  (SELECT count(*) FROM deliveries WHERE job = jobs.job AND outcome IN ('waiting', 'dead')
     AND outcome = 'waiting'),
  (SELECT count(*) FROM deliveries WHERE job = jobs.job AND outcome IN ('waiting', 'dead')
     AND outcome = 'dead'),
  problem, updated_at
FROM jobs WHERE kind = 'forward' ORDER BY target
"""
_SETTLED = """
SELECT min(checkpoint, coalesce((SELECT min(position) - 1 FROM deliveries
     WHERE job = jobs.job AND outcome IN ('waiting', 'dead') AND outcome = 'waiting'), checkpoint))
FROM jobs WHERE name = ?
"""
_DEAD = """
SELECT jobs.name, jobs.target, position, ticket, attempts, error, at
FROM deliveries JOIN jobs USING (job)
WHERE outcome IN ('waiting', 'dead') AND outcome = 'dead' ORDER BY at DESC, position DESC LIMIT ?
"""
_REPLAYS = """
SELECT name, kind, target, state, checkpoint, delivered, problem, started_at, started_by, updated_at
FROM jobs WHERE kind <> 'forward' ORDER BY job DESC LIMIT ?
"""


class Forwarding(NamedTuple):
    """One target that new events go to."""

    target: str
    checkpoint: int
    """Every event up to here is delivered, waits, or is dead."""
    delivered: int
    """Since it was first forwarded to."""
    failures: int
    """Attempts that failed."""
    waiting: int
    """Events that are tried again, or wait behind one of their ticket."""
    dead: int
    """Dead letters: `listener deadletters`."""
    problem: str | None
    updated_at: str


def settled(directory: Path, job: str) -> int:
    """Position up to which nothing of this job waits: another may go on behind it. 0: unknown."""
    try:
        uri = f"{(directory / REPLAY_FILE).absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as file:
            found = file.execute(_SETTLED, (job,)).fetchone()
    except sqlite3.Error:
        return 0
    return int(found[0]) if found else 0


class DeadLetter(NamedTuple):
    """An event that a target would not take, and that nobody has decided about."""

    job: str
    target: str
    position: int
    ticket: str
    """source/id"""
    attempts: int
    error: str
    at: str


class Replay(NamedTuple):
    """One job, as it stood when it last wrote anything down."""

    name: str
    kind: str
    target: str
    state: str
    checkpoint: int
    delivered: int
    problem: str | None
    started_at: str
    started_by: str
    updated_at: str


def forwardings(directory: Path) -> tuple[Forwarding, ...]:
    """All of them; none where there is no replay.db, or it cannot be read now. Never raises."""
    return tuple(Forwarding(*row) for row in _rows(directory, _FORWARDINGS))


def dead_letters(directory: Path, limit: int) -> tuple[DeadLetter, ...]:
    """The latest of all jobs. Never raises."""
    return tuple(DeadLetter(*row) for row in _rows(directory, _DEAD, limit))


def replays(directory: Path, limit: int) -> tuple[Replay, ...]:
    """The latest jobs that do not forward. Never raises."""
    return tuple(Replay(*row) for row in _rows(directory, _REPLAYS, limit))


def _rows(directory: Path, query: str, *values: object) -> list[Any]:
    path = directory / REPLAY_FILE
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            return file.execute(query, values).fetchall()
    except sqlite3.Error:
        return []
