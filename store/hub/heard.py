"""Heard: what a source sent lately, out of history.db: its rhythm, and whether it tells all twice.

Only what the source itself sent counts, not what we read there or asked for.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from store.history.asking import HISTORY_FILE
from store.progress import progress
from store.times import moment, utc_text

OURS = ("%ReconciledEvent", "%RequestedEvent")
"""Event types of our own making."""
LATEST = 200
"""Events that are looked at for doubles."""
WEEK, DAY = timedelta(days=7), timedelta(days=1)

_SENT = "source = :source AND event_type NOT LIKE :reconciled AND event_type NOT LIKE :requested"
_LAST = f"SELECT received_at FROM events WHERE {_SENT} ORDER BY received_at DESC LIMIT 1"
_USUAL = "SELECT usual_gap_seconds, first_received_at FROM sources WHERE source = :source"
_WITHIN = f"SELECT EXISTS (SELECT 1 FROM events WHERE {_SENT} AND received_at BETWEEN :begin AND :end)"  # fmt: skip
_TWICE = f"""
SELECT count(timeline.entry), coalesce(sum(timeline.flags LIKE '%"alias"%'), 0)
FROM (SELECT position FROM events WHERE {_SENT} AND received_at >= :since
      ORDER BY received_at DESC LIMIT {LATEST}) AS latest
JOIN timeline ON timeline.position = latest.position
"""


class Heard(NamedTuple):
    """One source, by now."""

    last_at: str | None
    """When its last event was received."""
    usual_gap_seconds: float | None
    """The pause that 95 % of its pauses do not exceed; None: no rhythm is known."""
    is_usual: bool
    """Whether it was silent in the same hours a week ago (of a younger source: a day ago)."""
    told: int
    """Entries of histories that its latest events tell."""
    told_twice: int
    """Of these: told by events of different ids with the same content."""


def heard(directory: Path, source: str, *, now: str, since: str) -> Heard | None:
    """What was received until `now`; doubles of what was received from `since` on.

    None where history.db cannot say it: there is none, it is behind the log, or is being made anew.
    """
    at = progress(directory)
    if at.head is None or at.checkpoint is None or at.checkpoint < at.head:
        return None
    path = directory / HISTORY_FILE
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as history:
            return _heard(history, source, now, since)
    except sqlite3.Error:
        return None


def _heard(history: sqlite3.Connection, source: str, now: str, since: str) -> Heard:
    named = {"source": source, "reconciled": OURS[0], "requested": OURS[1]}
    (last_at,) = history.execute(_LAST, named).fetchone() or (None,)
    usual_gap, first_at = history.execute(_USUAL, named).fetchone() or (None, None)
    told, twice = history.execute(_TWICE, named | {"since": since}).fetchone()
    is_usual = False
    earlier = _earlier(first_at, last_at, now)
    if earlier is not None:
        begin, end = earlier
        (was_heard,) = history.execute(_WITHIN, named | {"begin": begin, "end": end}).fetchone()
        is_usual = not was_heard
    return Heard(last_at, usual_gap, is_usual, told, twice)


def _earlier(first_at: str | None, last_at: str | None, now: str) -> tuple[str, str] | None:
    """The same stretch of silence a week earlier, else a day; None: the source is younger."""
    if first_at is None or last_at is None:
        return None
    for back in (WEEK, DAY):
        begin, end = moment(last_at) - back, moment(now) - back
        if begin >= moment(first_at):
            return utc_text(begin), utc_text(end)
    return None


def now_text() -> str:
    """The present moment, as UTC text."""
    return utc_text(datetime.now(UTC))
