"""Archive: moves the bodies of old events out of log.db into compressed, checkable files.

The rows stay, with identity, seal and digest: redeliveries are still known, the chain still
verifies, and whoever reads an event is given its body from the file. A file is on disk, and read
back, before any body leaves log.db; killed in between, the next run goes on. A listener may run.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple

from store.events import RecordedEvent
from store.keeping.segment_files import SegmentFile, write_segment
from store.log import rows
from store.log.segments import ARCHIVE, Segment, segments
from store.log.sqlite import LOG_FILE, SqliteLog

SEGMENT_EVENTS = 20_000
"""Events of one file: an erasure writes the files anew in which it finds something."""
EMPTIED_AT_ONCE = 500
"""Bodies taken out of log.db in one transaction, so that no listener waits long for its turn."""

Progress = Callable[[int], None]

_ADD = """
INSERT INTO segments (segment, version, first_position, last_position, digest, made_at)
VALUES (?, ?, ?, ?, ?, ?)
"""
_EMPTY = tuple(
    f"UPDATE {table} SET body = x'' WHERE position BETWEEN ? AND ? AND body IS NOT x''"
    for table in rows.EVENT_TABLES
)
_UNARCHIVED = """
SELECT position FROM events WHERE position > ? AND received_at >= ? ORDER BY position LIMIT 1
"""


class Archived(NamedTuple):
    """What was moved."""

    events: int
    files: int
    size: int
    """Bytes of the files."""


def archive(directory: Path, before: str, at: str, progress: Progress) -> Archived:
    """Move the bodies of all events received before a moment (UTC text), oldest first, up to the
    first event that is younger.

    `progress` hears how many events more are done. Raises LogMissing, LogUnavailable, OSError.
    """
    with closing(SqliteLog(directory / LOG_FILE, as_guest=True, follows=True)) as log:
        known = _known(log)
        for segment in known:
            _empty(log, segment.first, segment.last)  # what an archive that was killed left
        last = known[-1].last if known else 0
        number = known[-1].number if known else 0
        files: list[SegmentFile] = []
        while events := _next(log, last, _end(log, last, before)):
            number += 1
            made = write_segment(directory / ARCHIVE, number, 1, events)
            _note(log, number, 1, made, at)
            _empty(log, made.first, made.last)
            files.append(made)
            last = made.last
            progress(made.last - made.first + 1)
        if files:
            log.checkpoint()
    events_moved = sum(one.last - one.first + 1 for one in files)
    return Archived(events_moved, len(files), sum(one.size for one in files))


def count(directory: Path, before: str) -> int:
    """How many events `archive` would move. Raises LogMissing."""
    with closing(SqliteLog(directory / LOG_FILE, as_guest=True, follows=True)) as log:
        known = _known(log)
        last = known[-1].last if known else 0
        return max(0, _end(log, last, before) - last)


def _known(log: SqliteLog) -> list[Segment]:
    with log.transaction() as connection:
        return segments(connection)


def _end(log: SqliteLog, last: int, before: str) -> int:
    """The last position of those to archive."""
    with log.transaction() as connection:
        young = connection.execute(_UNARCHIVED, (last, before)).fetchone()
    return young[0] - 1 if young else log.head()


def _next(log: SqliteLog, last: int, end: int) -> Iterator[RecordedEvent] | None:
    if end <= last:
        return None
    found = takewhile(lambda event: event.position <= end, log.read(last))
    return islice(found, SEGMENT_EVENTS)


def _note(log: SqliteLog, number: int, version: int, made: SegmentFile, at: str) -> None:
    with log.transaction() as connection:
        row = (number, version, made.first, made.last, bytes.fromhex(made.digest), at)
        connection.execute(_ADD, row)


def _empty(log: SqliteLog, first: int, last: int) -> None:
    for start in range(first, last + 1, EMPTIED_AT_ONCE):
        began = time.monotonic()
        with log.transaction() as connection:
            some = (start, min(last, start + EMPTIED_AT_ONCE - 1))
            done = sum(connection.execute(empty, some).rowcount for empty in _EMPTY)
        if done:
            # Half of the time is the listener's, or it would seldom find the log free.
            time.sleep(time.monotonic() - began)
