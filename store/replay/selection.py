"""Selection: which of the log's events are meant, and reading just those.

A selection is a function of an event's columns alone, so the same selection of the same log is the
same events for ever: what a job needs to go on where it stopped. `where` is somebody's SQL
expression: it may name the columns of an event and some functions that always answer alike, and
nothing else. Bodies are not among the columns: old ones lie in the archive, outside SQL.
"""

import json
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from store.events import RecordedEvent
from store.log import rows
from store.log.packing import Damaged, Packing
from store.log.protocol import LogError, LogUnavailable
from store.log.reader import DamagedBody, open_read_only
from store.log.segments import ARCHIVE, Archive
from store.log.sqlite import LOG_FILE

COLUMNS = tuple(
    name for name in rows.EVENT_COLUMNS.split(", ") if name not in {"chain", "body"}
)  # fmt: skip
"""What `where` may name."""
FUNCTIONS = frozenset(
    {"->", "->>", "abs", "coalesce", "glob", "hex", "ifnull", "iif", "instr"}
    | {"json_array_length", "json_extract", "json_type", "json_valid", "length", "like", "lower"}
    | {"ltrim", "max", "min", "nullif", "replace", "round", "rtrim", "substr", "substring", "trim"}
    | {"typeof", "unicode", "upper"}
)
"""What `where` may call: nothing that answers differently tomorrow."""
PAGE_POSITIONS = 5_000
"""Positions looked at in one transaction."""
PAGE_EVENTS = 500
PAGE_BYTES = 4_194_304
"""A page of events ends at whichever comes first."""
PAGE_SECONDS = 10.0
"""An expression that takes longer for one page is stopped."""
LONGEST_WHERE = 4_000

Row = tuple[Any, ...]
"""An event in the order of rows.EVENT_COLUMNS, its body in place wherever it lies."""

_WORD = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]]*\] | -- | /\* | \w+ | .""",
    re.DOTALL | re.VERBOSE,
)
_REFUSED = frozenset({"--", "/*", ";", "'", '"', "`", "[", "?", ":", "@", "$", "select"})
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, 67_108_864),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 100),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
)
_READABLE = frozenset({*COLUMNS, "", "ROWID"})
"""SQLite calls the position ROWID, and asks for "" where no other column is read."""
_BEHIND = frozenset({*rows.EVENT_TABLES, "contexts"})
_STEPS = 10_000
"""Of SQLite's machine, between two looks at the clock."""


class UnusableSelection(LogError):
    """What was asked for cannot be evaluated."""

    hint = f"The columns are {', '.join(COLUMNS)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events. What is empty does not limit; all that is given must hold."""

    after: int = 0
    """Positions greater than this."""
    until: int | None = None
    """Positions up to this one."""
    received_from: str | None = None
    """UTC text: received then or later. A released event counts by the time it was received."""
    received_until: str | None = None
    """UTC text: received then or earlier."""
    event_types: tuple[str, ...] = ()
    """In any case, by name or by path."""
    tickets: tuple[str, ...] = ()
    """Ids of tickets, whosever they are."""
    sources: tuple[str, ...] = ()
    where: str | None = None
    """An SQL expression over COLUMNS."""

    def told(self) -> str:
        """As JSON text, to be kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, told: str) -> "Selection":
        """From what `told` gave."""
        found: dict[str, Any] = json.loads(told)
        for name in ("event_types", "tickets", "sources"):
            found[name] = tuple(found[name])
        return cls(**found)

    def to(self, head: int) -> "Selection":
        """The same, but of nothing behind `head`."""
        return replace(self, until=head if self.until is None else min(self.until, head))


class Selected:
    """The events of one log that a selection means. From any thread, one thread at a time.

    Holds no transaction between two pages, so the log can grow, and be emptied, meanwhile.
    Raises LogMissing, LogUnavailable, UnusableSelection.
    """

    def __init__(self, directory: Path, selection: Selection) -> None:
        self.selection = selection
        condition, self._values = _condition(selection)
        self._choose = _CHOOSE.format(condition=condition)
        self._is_plain = condition == "1"
        self._choosing = open_read_only(directory / LOG_FILE)
        self._reading = open_read_only(directory / LOG_FILE)
        self._archive = Archive(directory / ARCHIVE, self._reading)
        self._packing = Packing(self._reading)
        _confine(self._choosing)
        try:
            self._chosen(0, 0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._choosing.close()
        self._reading.close()

    def head(self) -> int:
        """Position of the log's last event now."""
        try:
            return self._reading.execute(_HEAD).fetchone()[0]
        except sqlite3.Error as error:
            raise LogUnavailable(f"The log cannot be read: {error}.") from error

    def pages(self, after: int = 0) -> Iterator[tuple[list[Row], int]]:
        """Rows by position ascending, behind `after` and up to the log's present end.

        With each page the position up to which everything has been looked at; a page may be empty.
        """
        at, end = self._range(after)
        while at < end:
            to = min(at + PAGE_POSITIONS, end)
            left = self._chosen(at, to)
            while left:
                page = self.rows(left[:PAGE_EVENTS], PAGE_BYTES)
                left = left[len(page) :]
                at = page[-1][0] if left else to
                yield page, at
            if at < to:
                at = to
                yield [], at

    def events(self, after: int = 0) -> Iterator[RecordedEvent]:
        """The same as events, one by one."""
        for page, _ in self.pages(after):
            for row in page:
                yield rows.recorded_event(row, row[-1])

    def count(self, after: int = 0) -> int:
        """How many there are at present; reads no bodies."""
        at, end = self._range(after)
        if self._is_plain:
            return max(0, end - at)
        found = 0
        while at < end:
            to = min(at + PAGE_POSITIONS, end)
            found += len(self._chosen(at, to))
            at = to
        return found

    def rows(self, positions: Sequence[int], most_bytes: int | None = None) -> list[Row]:
        """The rows of these events, by position, selected or not.

        With `most_bytes` those of the first positions, until so many bytes of bodies are read.
        """
        found: list[Row] = []
        size = 0
        wanted: tuple[object, ...] = (json.dumps([*positions]),)
        query = f"{_ROWS} IN (SELECT value FROM json_each(?)) ORDER BY position"
        if positions and positions[-1] - positions[0] + 1 == len(positions):
            query, wanted = f"{_ROWS} BETWEEN ? AND ? ORDER BY position", (positions[0], positions[-1])  # fmt: skip
        try:
            with closing(self._reading.execute(query, wanted)) as cursor:
                for row in cursor:
                    body = self._body(row[0], row[-1])
                    found.append((*row[:-1], body))
                    size += len(body)
                    if most_bytes is not None and size >= most_bytes:
                        break
        except sqlite3.Error as error:
            raise LogUnavailable(f"The log cannot be read: {error}.") from error
        return found

    def _body(self, position: int, kept: bytes) -> bytes:
        if not kept:
            return self._archive.body(position) or b""
        try:
            return self._packing.unpack(kept)
        except Damaged as error:
            raise DamagedBody(position, error) from error

    def _range(self, after: int) -> tuple[int, int]:
        """Behind which position to begin, and where to end at present."""
        head, until = self.head(), self.selection.until
        return max(after, self.selection.after), head if until is None else min(head, until)

    def _chosen(self, after: int, to: int) -> list[int]:
        """Positions within (after, to]."""
        if self._is_plain and to > after:
            return list(range(after + 1, to + 1))
        deadline = time.monotonic() + PAGE_SECONDS
        self._choosing.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            with closing(self._choosing.execute(self._choose, (after, to, *self._values))) as found:
                return [position for (position,) in found]
        except sqlite3.Error as error:
            raise self._why(error) from error

    def _why(self, error: sqlite3.Error) -> LogError:
        where = self.selection.where
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_INTERRUPT:
            return UnusableSelection(f"--where {where!r} takes too long.")
        if where is None or code not in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_AUTH}:
            return LogUnavailable(f"The log cannot be read: {error}.")
        return UnusableSelection(f"--where {where!r} cannot be evaluated: {error}.")


_HEAD = "SELECT coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)"
_CHOOSE = (
    "SELECT position FROM events"
    " WHERE position > ? AND position <= ? AND {condition} ORDER BY position"
)
_ROWS = f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE position"


def _condition(selection: Selection) -> tuple[str, list[object]]:
    parts: list[str] = []
    values: list[object] = []
    for column, chosen in (
        ("lower(event_type)", [one.lower() for one in selection.event_types]),
        ("ticket_id", selection.tickets),
        ("source", selection.sources),
    ):
        if chosen:
            parts.append(f"{column} IN ({', '.join('?' * len(chosen))})")
            values += chosen
    for comparison, at in ((">=", selection.received_from), ("<=", selection.received_until)):
        if at is not None:
            parts.append(f"received_at {comparison} ?")
            values.append(at)
    if selection.where is not None:
        parts.append(f"({_expression(selection.where)})")
    return " AND ".join(parts) or "1", values


def _expression(text: str) -> str:
    """The text, which is one expression: it cannot end the brackets that are put around it."""
    depth = 0
    for word in _WORD.findall(text):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0 or word.lower() in _REFUSED:
            raise UnusableSelection(f"--where {text!r} is no expression: look at {word!r}.")
    if depth or not text.strip() or len(text) > LONGEST_WHERE:
        raise UnusableSelection(
            f"--where {text[:80]!r} is no expression: it is empty, not closed, or too long."
        )
    return text


def _confine(connection: sqlite3.Connection) -> None:
    """Let statements on this connection read the columns of an event, call FUNCTIONS, and no more."""
    for limit, most in _LIMITS:
        connection.setlimit(limit, most)

    def allowed(
        action: int, one: str | None, two: str | None, _database: str | None, by: str | None
    ) -> int:
        known = (
            action == sqlite3.SQLITE_SELECT
            # What the view itself reads and calls, and its tables where no column is wanted.
            or by == "events"
            or (action == sqlite3.SQLITE_READ and one in _BEHIND and two == "")
            or (action == sqlite3.SQLITE_READ and one == "events" and two in _READABLE)
            or (action == sqlite3.SQLITE_FUNCTION and two in FUNCTIONS)
        )
        return sqlite3.SQLITE_OK if known else sqlite3.SQLITE_DENY

    connection.set_authorizer(allowed)
