"""Lines: events of the log as JSON text, without making an object of each on the way.

    {"position": 1, "source": "default", "event_type": "…", …, "digest": "…", "body": {…}}

SQLite writes everything but the body, and the body is passed through as it came, which the edge
has proven to be a JSON object. Line ends inside it, which can only stand between its members,
become spaces: one event is one line. `digest` is that of the very bytes, which `event` gives.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from store.log.reader import SqliteReader

LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")
STRIDE = 10_000
"""Positions that one query looks at: no read transaction lasts longer, however rare the events."""

TOLD = (
    "json_object('position', position, 'source', source, 'event_type', event_type, 'event_id', "
    "event_id, 'resource_type', resource_type, 'resource_id', resource_id, 'ticket_id', ticket_id, "
    "'occurred_at', occurred_at, 'event_time', event_time, 'received_at', received_at, 'path', "
    "path, 'headers', json(headers), 'drift', json(drift), 'conflict_of', conflict_of, 'digest', "
    "lower(hex(digest)))"
)


class Line(NamedTuple):
    """One event."""

    position: int
    event_type: str
    text: bytes
    """A JSON object in UTF-8, without a line end. The body of an erased event is null."""


class Condition(NamedTuple):
    """Which events: an SQL expression over the columns of `events`, and the values in it."""

    sql: str = ""
    values: tuple[object, ...] = ()


class Page(NamedTuple):
    """Some lines, and how far was looked for them."""

    lines: list[Line]
    reached: int
    """Every event up to this position that was asked for is in here, or was before."""
    head: int


class LineReader(SqliteReader):
    """A reader of log.db that also tells events as lines. Raises as SqliteReader."""

    def page(
        self, after: int, condition: Condition, *, events: int, size: int, strides: int = 10
    ) -> Page:
        """Lines of events behind a position: at most so many, and no more once `size` bytes of
        bodies are read; found in at most `strides` times 10,000 positions.
        """
        head = self.head()
        found: list[Line] = []
        taken, reached = 0, min(after, head)
        for _ in range(strides):
            room = events - len(found)
            if reached >= head or room <= 0 or taken >= size:
                break
            until = min(reached + STRIDE, head)
            some, taken_now = self._lines(reached, until, condition, room, size - taken)
            found += some
            taken += taken_now
            is_whole = len(some) < room and taken < size
            reached = until if is_whole else some[-1].position
        return Page(found, reached, head)

    def lines(
        self, after: int, until: int, condition: Condition, *, events: int, size: int
    ) -> Iterator[tuple[int, list[Line]]]:
        """All lines behind one position and up to another, in pages; each with the position up to
        which everything is told.
        """
        while after < until:
            end = min(after + STRIDE, until)
            found, taken = self._lines(after, end, condition, events, size)
            is_whole = len(found) < events and taken < size
            after = end if is_whole else found[-1].position
            yield after, found

    def _lines(
        self, after: int, until: int, condition: Condition, events: int, size: int
    ) -> tuple[list[Line], int]:
        also = f" AND ({condition.sql})" if condition.sql else ""
        query = (
            f"SELECT position, event_type, {TOLD}, body FROM events "
            f"WHERE position > ? AND position <= ?{also} ORDER BY position LIMIT ?"
        )
        values: Sequence[object] = (after, until, *condition.values, events)
        rows = self._select(query, *values, page_bytes=size)
        lines: list[Line] = []
        taken = 0
        for position, event_type, told, kept in rows:
            body = kept or self._archived(position)
            taken += len(body)
            if b"\n" in body or b"\r" in body:
                body = body.translate(LINE_ENDS)
            text = b'%s,"body":%s}' % (told[:-1].encode(), body or b"null")
            lines.append(Line(position, event_type, text))
        return lines, taken
