"""Heard: what a source sent lately, out of history.db: its rhythm, and whether it tells all twice.

Only what the source itself sent counts, not what we read there or asked for.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from store.history.asking import HISTORY_FILE
from store.own_events import OWN_TYPES
from store.progress import progress
from store.times import moment, utc_text

LATEST = 200
"""Events that are looked at for doubles."""
WEEK, DAY = timedelta(days=7), timedelta(days=1)

_SENT = f"source = :source AND event_type NOT IN ({', '.join(map(repr, OWN_TYPES))})"
_LAST = f"SELECT received_at FROM events WHERE {_SENT} ORDER BY received_at DESC LIMIT 1"
_USUAL = "SELECT usual_gap_seconds, first_received_at FROM sources WHERE source = :source"
_WITHIN = f"SELECT EXISTS (SELECT 1 FROM events WHERE {_SENT} AND received_at BETWEEN :begin AND :end)"  # fmt: skip
_TWICE = f"""
SELECT count(timeline.entry), coalesce(sum(timeline.flags LIKE '%"alias"%'), 0)
FROM (SELECT position FROM events WHERE {_SENT} AND received_at >= :since
      ORDER BY received_at DESC LIMIT {LATEST}) AS latest
JOIN timeline ON timeline.position = latest.position
"""


class Patience(NamedTuple):
    """How long a silence is not unusual: the longer of both."""

    seconds: float
    times: float
    """Of the pause that 95 % of the source's pauses do not exceed."""


class Heard(NamedTuple):
    """One source, by now."""

    last_at: str | None
    """When its last event was received."""
    patience_seconds: float | None
    """A silence that is not longer is never unusual; None: no rhythm is known."""
    is_usual: bool
    """Whether it was as silent in the same hours a week ago (of a younger source: a day ago)."""
    told: int
    """Entries of histories that its latest events tell."""
    told_twice: int
    """Of these: told by events of different ids with the same content."""


def heard(
    directory: Path, source: str, *, now: str, since: str, patience: Patience
) -> Heard | None:
    """What was received until `now`; doubles of what was received from `since` on.

    None where history.db cannot say it: there is none, it is behind the log, or is being made anew.
    """
    at = progress(directory)
    if at.head is None or at.checkpoint is None or at.checkpoint < at.head:
        return None
    path = directory / HISTORY_FILE
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as history:
            return _heard(history, source, now, since, patience)
    except sqlite3.Error:
        return None


def _heard(
    history: sqlite3.Connection, source: str, now: str, since: str, patience: Patience
) -> Heard:
    named = {"source": source}
    (last_at,) = history.execute(_LAST, named).fetchone() or (None,)
    usual_gap, first_at = history.execute(_USUAL, named).fetchone() or (None, None)
    told, twice = history.execute(_TWICE, named | {"since": since}).fetchone()
    if usual_gap is None or first_at is None or last_at is None:
        return Heard(last_at, None, False, told, twice)
    seconds = max(patience.seconds, patience.times * usual_gap)
    stretch = _earlier(first_at, last_at, now, seconds)
    is_usual = stretch is not None and not _was_heard(history, named, stretch)
    return Heard(last_at, seconds, is_usual, told, twice)


def _was_heard(
    history: sqlite3.Connection, named: dict[str, str], stretch: tuple[str, str]
) -> bool:
    begin, end = stretch
    (found,) = history.execute(_WITHIN, named | {"begin": begin, "end": end}).fetchone()
    return bool(found)


def _earlier(first_at: str, last_at: str, now: str, patience: float) -> tuple[str, str] | None:
    """What is behind our patience, a week earlier, else a day; None: the source is younger.

    Not the silence from its very beginning: no evening ends to the minute when the last one did.
    """
    for back in (WEEK, DAY):
        if moment(last_at) - back >= moment(first_at):
            begin = moment(last_at) - back + timedelta(seconds=patience)
            return utc_text(begin), utc_text(moment(now) - back)
    return None


def now_text() -> str:
    """The present moment, as UTC text."""
    return utc_text(datetime.now(UTC))
