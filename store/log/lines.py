"""Lines: events of the log as JSON text, without making an object of each on the way.

    {"position": 1, "source": "default", "event_type": "…", …, "digest": "…", "body": {…}}

SQLite writes everything but the body, and the body is passed through as it came, which the edge
has proven to be a JSON object. Line ends inside it, which can only stand between its members,
become spaces: one event is one line. `digest` is that of the very bytes, which `event` gives.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from store.log.reader import SqliteReader

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
        also = f" AND ({condition.sql})" if condition.sql else ""
        query = (
            f"SELECT event_type, position, {TOLD}, body FROM events WHERE position > ? "
            f"AND position <= ?{also} ORDER BY position LIMIT ?"
        )
        head = self.head()
        found: list[Line] = []
        taken, reached = 0, min(after, head)
        for _ in range(strides):
            room = events - len(found)
            if reached >= head or room <= 0 or taken >= size:
                break
            until = min(reached + STRIDE, head)
            values: Sequence[object] = (reached, until, *condition.values, room)
            rows = self._select(query, *values, page_bytes=size - taken)
            texts, more = self._written([row[1:] for row in rows], size - taken, end=b"")
            found += [Line(row[1], row[0], text) for row, text in zip(rows, texts, strict=False)]
            taken += more
            is_whole = len(texts) < room and taken < size
            reached = until if is_whole else found[-1].position
        return Page(found, reached, head)

    def lines(
        self, after: int, until: int, *, events: int, size: int
    ) -> Iterator[tuple[int, list[bytes]]]:
        """All events behind one position and up to another, as lines with their ends, in pages;
        each with the position up to which everything is told.
        """
        query = f"SELECT position, {TOLD}, body FROM events WHERE position > ? AND position <= ? "
        query += f"ORDER BY position LIMIT {events:d}"
        while after < until:
            end = min(after + STRIDE, until)
            rows = self._select(query, after, end, page_bytes=size)
            texts, taken = self._written(rows, size)
            is_whole = len(texts) < events and taken < size
            after = end if is_whole else rows[len(texts) - 1][0]
            yield after, texts

    def lines_at(self, positions: Sequence[int], *, size: int) -> list[bytes]:
        """Events at these positions, ascending, as lines with their ends; of the first ones only,
        once `size` bytes of bodies are read.
        """
        query = f"SELECT position, {TOLD}, body FROM events WHERE position IN "
        query += "(SELECT value FROM json_each(?)) ORDER BY position"
        return self._written(self._select(query, json.dumps([*positions]), page_bytes=size), size)[
            0
        ]

    def _written(
        self, rows: Sequence[tuple[int, str, bytes]], size: int, end: bytes = b"\n"
    ) -> tuple[list[bytes], int]:
        """Position, what SQLite wrote, and body of each, as text; until `size` bytes of bodies are
        read, and how many that were. What is kept of a body may be much smaller than the body.
        """
        lines: list[bytes] = []
        taken = 0
        for position, told, kept in rows:
            body = self._body_of(position, kept) or b"null"
            taken += len(body)
            # Few senders write more than one line, and looking is cheaper than replacing.
            if b"\n" in body:
                body = body.replace(b"\n", b" ")
            if b"\r" in body:
                body = body.replace(b"\r", b" ")
            lines.append(b"".join((told[:-1].encode(), _BODY, body, b"}", end)))
            if taken >= size:
                break
        return lines, taken


_BODY = b',"body":'
