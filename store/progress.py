"""How far the log has come, and how far it is folded: cheap enough to ask every second."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.history.asking import HISTORY_FILE
from store.hub.standing import HubStanding, hub_standings
from store.log.sqlite import LOG_FILE
from store.replay.standing import Forwarding, forwardings


class Progress(NamedTuple):
    """Positions; None where there is no such file, or it cannot be read now."""

    head: int | None
    """Of the last event in the log."""
    checkpoint: int | None
    """Of the last event that is folded."""
    quarantined: int | None
    """Number of the last entry in quarantine."""
    forwardings: tuple[Forwarding, ...] = ()
    """How far every target is that new events are forwarded to."""
    hubs: tuple[HubStanding, ...] = ()
    """How our registration stands at each provider."""


def progress(directory: Path) -> Progress:
    """Where log and history of this data directory are. Never raises, never waits for a lock."""
    head = _one(
        directory / LOG_FILE,
        "SELECT coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)",
    )
    checkpoint = _one(
        directory / HISTORY_FILE,
        "SELECT coalesce((SELECT value FROM _follower WHERE name = 'events'), 0)",
    )
    quarantined = _one(directory / LOG_FILE, "SELECT coalesce(max(id), 0) FROM quarantine")
    return Progress(head, checkpoint, quarantined, forwardings(directory), hub_standings(directory))


def _one(path: Path, question: str) -> int | None:
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            found: int = file.execute(question).fetchone()[0]
            return found
    except sqlite3.Error:
        return None
