"""reconcile.db: how far a reconciliation has come, what it saw and found; who asked for one.

A working file: what matters ends in the log. It keeps lists of any length out of memory, lets a
reconciliation that was interrupted, or killed, go on where it was, and carries a wish for one from
process to process. Delete it at any time: the next reconciliation begins anew.
"""

import json
import os
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import sqlite_utils

from store.log.lock import lock
from store.log.protocol import LogLocked, LogUnavailable

RECONCILE_FILE = "reconcile.db"
VERSION = 1
PAGE = 100

SEEN, DIFFERS, WAITING, HEALED, UNEXPLAINED = (
    *("seen", "differs", "waiting", "healed", "unexplained"),
)
"""What notes are about; `waiting`: to be appended."""

Json = dict[str, Any]


class Note(NamedTuple):
    """What is noted about one resource."""

    resource_type: str
    id: str
    told: Json
    answer: bytes = b""
    """The provider's very bytes, of one that differs."""


class Wish(NamedTuple):
    """Somebody wants a source reconciled."""

    source: str
    why: str
    since: str | None
    """UTC text; None: since the last certificate."""


class Ledger:
    """The notes about one source. One thread; other processes may read and wish."""

    def __init__(self, directory: Path | None, source: str) -> None:
        """None keeps all in memory: nothing is left behind."""
        self._source = source
        with _said_plainly():
            self._connection = _open(directory)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def writing(self) -> Generator[None]:
        """One transaction: all of it is noted, or nothing."""
        with _said_plainly():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()

    def run(self) -> Json | None:
        """What was kept of the reconciliation at work, or of the one that was interrupted."""
        select = "SELECT told FROM runs WHERE source = ?"
        row = self._connection.execute(select, (self._source,)).fetchone()
        return json.loads(row[0]) if row else None

    def keep(self, told: Json) -> None:
        """Keep how far it is."""
        insert = "INSERT OR REPLACE INTO runs (source, told) VALUES (?, ?)"
        self._connection.execute(insert, (self._source, json.dumps(told)))

    def forget(self) -> None:
        """It is done, or begins anew: nothing of it is needed."""
        with self.writing():
            for table in ("runs", "notes"):
                self._connection.execute(f"DELETE FROM {table} WHERE source = ?", (self._source,))

    def note(self, about: str, note: Note) -> None:
        """Note something about a resource, in place of what was noted before."""
        self._connection.execute(
            "INSERT OR REPLACE INTO notes (source, about, resource_type, id, told, answer) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (self._source, about, *note[:2], json.dumps(note.told), note.answer),
        )

    def strike(self, about: str, resource_type: str, name: str) -> None:
        """It is so no more."""
        self._connection.execute(
            "DELETE FROM notes WHERE source = ? AND about = ? AND resource_type = ? AND id = ?",
            (self._source, about, resource_type, name),
        )

    def noted(self, about: str, resource_type: str, ids: Sequence[str]) -> dict[str, Json]:
        """What was noted of these, by id; what was not is missing."""
        select = (
            "SELECT id, told FROM notes WHERE source = ? AND about = ? AND resource_type = ? "
            "AND id IN (SELECT value FROM json_each(?))"
        )
        asked = (self._source, about, resource_type, json.dumps([*ids]))
        return {name: json.loads(told) for name, told in self._connection.execute(select, asked)}

    def count(self, about: str, resource_type: str) -> int:
        """How many are noted."""
        select = "SELECT count(*) FROM notes WHERE source = ? AND about = ? AND resource_type = ?"
        asked = (self._source, about, resource_type)
        return int(self._connection.execute(select, asked).fetchone()[0])

    def one(self, about: str, resource_type: str, name: str) -> Note | None:
        """What is noted about one resource."""
        select = (
            "SELECT told, answer FROM notes "
            "WHERE source = ? AND about = ? AND resource_type = ? AND id = ?"
        )
        asked = (self._source, about, resource_type, name)
        row = self._connection.execute(select, asked).fetchone()
        return Note(resource_type, name, json.loads(row[0]), bytes(row[1])) if row else None

    def every(self, about: str, resource_type: str) -> Iterator[Note]:
        """All of one kind, by id; what is noted meanwhile may or may not be among them."""
        select = (
            "SELECT resource_type, id, told, answer FROM notes "
            "WHERE source = ? AND about = ? AND resource_type = ? AND id > ? ORDER BY id LIMIT ?"
        )
        after = ""
        while True:
            asked = (self._source, about, resource_type, after, PAGE)
            page = self._connection.execute(select, asked).fetchall()
            for kind, name, told, answer in page:
                yield Note(kind, name, json.loads(told), bytes(answer))
            if len(page) < PAGE:
                return
            after = page[-1][1]


def wish(directory: Path, source: str, why: str, since: str | None = None) -> None:
    """Ask whoever reconciles in this data directory to do so soon; asked twice is asked once.

    Raises LogUnavailable.
    """
    with _said_plainly(), closing(_open(directory)) as connection:
        connection.execute(
            "INSERT INTO wishes (source, why, since) VALUES (?1, ?2, ?3) "
            "ON CONFLICT (source) DO UPDATE SET why = ?2, since = min(since, ?3)",
            (source, why, since),
        )


def take_wish(directory: Path, source: str) -> Wish | None:
    """The wish about a source, which is then none any more. Raises LogUnavailable."""
    if not (directory / RECONCILE_FILE).exists():
        return None
    with _said_plainly(), closing(_open(directory)) as connection:
        row = connection.execute(
            "DELETE FROM wishes WHERE source = ? RETURNING source, why, since", (source,)
        ).fetchone()
        return Wish(*row) if row else None


def mark(directory: Path, name: str) -> int | None:
    """The position that was kept under a name."""
    if not (directory / RECONCILE_FILE).exists():
        return None
    with _said_plainly(), closing(_open(directory)) as connection:
        row = connection.execute("SELECT position FROM marks WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None


def set_mark(directory: Path, name: str, position: int) -> None:
    """Keep a position under a name."""
    with _said_plainly(), closing(_open(directory)) as connection:
        insert = "INSERT OR REPLACE INTO marks (name, position) VALUES (?, ?)"
        connection.execute(insert, (name, position))


@contextmanager
def only_one(directory: Path, source: str) -> Generator[None]:
    """Be the only one who reconciles this source. Raises LogLocked when somebody else does."""
    try:
        descriptor = lock(directory / f"{RECONCILE_FILE}.{quote(source, safe='')}", 0)
    except LogLocked:
        raise LogLocked(f"{source} is being reconciled already: wait until it is done.") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _open(directory: Path | None) -> sqlite3.Connection:
    path = ":memory:" if directory is None else directory / RECONCILE_FILE
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    # It can always be begun anew.
    connection.execute("PRAGMA synchronous = NORMAL")
    # Answers name people: what is done with is not left in free pages.
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        _make(connection)
    return connection


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    db = sqlite_utils.Database(connection)
    for table in ("runs", "notes", "wishes", "marks"):
        db.table(table).drop(ignore=True)
    db.table("runs").create({"source": str, "told": str}, pk="source")
    db.table("notes").create(
        {
            "source": str,
            "about": str,
            "resource_type": str,
            "id": str,
            "told": str,
            "answer": bytes,
        },
        pk=("source", "about", "resource_type", "id"),
    )
    db.table("wishes").create({"source": str, "why": str, "since": str}, pk="source")
    db.table("marks").create({"name": str, "position": int}, pk="name")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


@contextmanager
def _said_plainly() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LogUnavailable(f"{RECONCILE_FILE} cannot be used: {error}.") from error
