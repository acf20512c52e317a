"""ResourceReader: answers questions about resources out of history.db, and never writes.

Every question has a connection of its own that only reads, so that a rebuild may put another file in
place at any time, and one moment's state: what it tells belongs together. A question that takes too
long is ended.
"""

import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

from store.history import follower, tables
from store.history.asking import HISTORY_FILE
from store.history.rules import RuleBook
from store.log.protocol import LogError
from store.resources.conditions import Conditions, Sql
from store.resources.expressions import NONE, Matcher, matchers
from store.resources.kinds import KINDS, Kind
from store.resources.question import Path, Question
from store.times import read_time

LOOK_EVERY = 20_000
"""Steps of SQLite between two looks at the clock: some milliseconds."""


class ResourcesUnavailable(LogError):
    """history.db cannot be read at the moment."""

    hint = "`listener follow` or `listener rebuild` makes it."


class TookTooLong(LogError):
    """The question would cost more than one question may."""

    hint = "Ask for fewer: by id, by source, with fewer attributes in filter and sort."


class Stored(NamedTuple):
    """One resource."""

    source: str
    id: str
    state: bytes
    """JSON, as all its events together tell it."""
    deleted_at: str | None = None


class Found(NamedTuple):
    """A page; shorter than its limit where its resources are very large."""

    resources: Sequence[Stored]
    total: int
    """How many there are without offset and limit."""
    checkpoint: int
    """Position of the last event that is folded in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceReader:
    """Reads one data directory. From any thread."""

    directory: FilePath
    rules: RuleBook
    seconds: float = 5.0
    """How long a question may take."""

    def checkpoint(self) -> int:
        """Position of the last event that is folded in. Raises ResourcesUnavailable, as all do."""
        with self._asking() as connection:
            return follower.checkpoint(connection, "events")

    def page(self, resource_type: str, question: Question) -> Found:
        """What is not deleted and answers the question.

        Raises TookTooLong, NoExpression, NoRegularExpressions; ValueError for a path that is none.
        """
        kind = KINDS[resource_type]
        conditions = Conditions(kind)
        clause = f"FROM {kind.rows} AND {kind.state} IS NOT NULL AND {kind.deleted_at} IS NULL"
        if question.source is not None:
            clause += f" AND {kind.source} = ?"
            conditions.values.append(question.source)
        clause += conditions.where(question.conditions)
        keys = f"SELECT {kind.key} {clause} ORDER BY {conditions.order(question.order)}"
        wanted = Sql(keys, tuple(conditions.values))
        find = _searched if question.conditions or question.order else _counted
        with self._asking(matchers(question)) as connection:
            page, total = find(connection, wanted, question)
            found = list(_until(question.most_bytes, _each(connection, kind, page)))
            return Found(found, total, follower.checkpoint(connection, "events"))

    def one(self, resource_type: str, resource_id: str, source: str | None = None) -> list[Stored]:
        """The resources of this id, one a source at most; deleted ones too."""
        kind = KINDS[resource_type]
        select = (
            f"SELECT {kind.key} FROM {kind.rows} AND {kind.id} = ? AND {kind.state} IS NOT NULL"
        )
        values = [resource_id]
        if source is not None:
            select += f" AND {kind.source} = ?"
            values.append(source)
        with self._asking() as connection:
            rows = connection.execute(f"{select} ORDER BY {kind.source}", values).fetchall()
            return list(_each(connection, kind, (key for (key,) in rows)))

    def is_told(self, resource_type: str, path: Path) -> bool:
        """Whether any resource of this type has a member there. ValueError for a path that is none."""
        kind = KINDS[resource_type]
        there = Conditions(kind).there(path)
        with self._asking() as connection:
            select = f"SELECT 1 FROM {kind.rows} AND {there} LIMIT 1"
            return connection.execute(select).fetchone() is not None

    def ticket_of(self, task: Stored, resource_type: str) -> str | None:
        """The id of the ticket that a task is about; None where it never named one."""
        with self._asking() as connection:
            key = f"{task.source}/{resource_type}/{task.id}"
            select = "SELECT ticket FROM tasks WHERE task = ?"
            row = connection.execute(select, (key,)).fetchone()
        return row[0].decode()[len(task.source) + 1 :] if row and row[0] else None

    @contextmanager
    def _asking(self, known: Mapping[str, Matcher] = NONE) -> Generator[sqlite3.Connection]:
        until = time.monotonic() + self.seconds
        try:
            with closing(_connect(self.directory / HISTORY_FILE)) as connection:
                if follower.version(connection) != tables.VERSION:
                    raise ResourcesUnavailable("history.db is of another version.")
                connection.set_progress_handler(lambda: time.monotonic() > until, LOOK_EVERY)
                self._teach(connection, known)
                connection.execute("BEGIN")
                yield connection
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                raise TookTooLong(f"It took longer than {self.seconds:g} s.") from error
            raise ResourcesUnavailable(f"history.db cannot be read: {error}.") from error

    def _teach(self, connection: sqlite3.Connection, known: Mapping[str, Matcher]) -> None:
        """The two things that SQLite cannot do by itself."""

        def zoned(text: str, source: str) -> str | None:
            return read_time(text, self.rules.of(source).zone)

        def matches(expression: str, text: str) -> bool:
            return known[expression].search(text) is not None

        connection.create_function("zoned", 2, zoned, deterministic=True)
        connection.create_function("matches", 2, matches, deterministic=True)


def _searched(
    connection: sqlite3.Connection, wanted: Sql, question: Question
) -> tuple[list[bytes], int]:
    """The keys of a page, and how many keys there are; what is searched is read once for both."""
    connection.execute(f"CREATE TEMP TABLE found AS {wanted.text}", wanted.values)
    page = connection.execute(
        "SELECT * FROM temp.found WHERE rowid > ? ORDER BY rowid LIMIT ?",
        (question.offset, question.limit),
    )
    keys = [key for (key,) in page]
    return keys, connection.execute("SELECT count(*) FROM temp.found").fetchone()[0]


def _counted(
    connection: sqlite3.Connection, wanted: Sql, question: Question
) -> tuple[list[bytes], int]:
    """The same where nothing is searched for: a page is then found by an index, without the others."""
    page = f"{wanted.text} LIMIT ? OFFSET ?"
    rows = connection.execute(page, (*wanted.values, question.limit, question.offset))
    keys = [key for (key,) in rows]
    count = f"SELECT count(*) FROM ({wanted.text})"
    return keys, connection.execute(count, wanted.values).fetchone()[0]


def _connect(path: FilePath) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None)
    # What is kept is passed on as it is.
    connection.text_factory = bytes
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _each(connection: sqlite3.Connection, kind: Kind, keys: Iterable[bytes]) -> Iterator[Stored]:
    columns = f"{kind.source}, {kind.id}, {kind.state}, {kind.deleted_at}"
    select = f"SELECT {columns} FROM {kind.rows} AND {kind.key} = ?"
    for key in keys:
        source, name, state, deleted_at = connection.execute(select, (key.decode(),)).fetchone()
        gone = deleted_at.decode() if deleted_at else None
        yield Stored(source.decode(), name.decode(), state, gone)


def _until(most_bytes: int, resources: Iterable[Stored]) -> Iterator[Stored]:
    size = 0
    for one in resources:
        yield one
        size += len(one.state)
        if size > most_bytes:
            return
