"""A database that somebody else reads: one table, upserted by the event's key.

    events   key (primary key), position, source, event_type, event_id, resource_type,
             resource_id, ticket_id, occurred_at, event_time, received_at, conflict_of, digest,
             body (the JSON text as received; NULL when it was erased)

Delivered again, an event is the same row: effects are exactly once, whoever was killed when.
Times are UTC text, as everywhere here.
"""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from store.replay.selection import Row
from store.replay.targets.protocol import Unwritable, key_of_row

_TABLE = """
CREATE TABLE IF NOT EXISTS events (
  key           TEXT PRIMARY KEY,
  position      INTEGER NOT NULL,
  source        TEXT NOT NULL,
  event_type    TEXT NOT NULL,
  event_id      TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  ticket_id     TEXT,
  occurred_at   TEXT NOT NULL,
  event_time    TEXT,
  received_at   TEXT NOT NULL,
  conflict_of   INTEGER,
  digest        TEXT NOT NULL,
  body          TEXT
) STRICT
"""
_INDEX = "CREATE INDEX IF NOT EXISTS events_ticket ON events (source, ticket_id, occurred_at)"
_COLUMNS = (
    "key, position, source, event_type, event_id, resource_type, resource_id, ticket_id,"
    " occurred_at, event_time, received_at, conflict_of, digest, body"
)
_UPSERT = f"""
INSERT INTO events ({_COLUMNS}) VALUES ({", ".join("?" * len(_COLUMNS.split(",")))})
ON CONFLICT (key) DO UPDATE SET position = excluded.position, received_at = excluded.received_at,
  conflict_of = excluded.conflict_of, digest = excluded.digest, body = excluded.body
"""


class Database:
    """A Stream into a SQLite file, made with its table where they are missing. Raises Unwritable."""

    def __init__(self, path: Path) -> None:
        with _told():
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        try:
            with _told():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(_TABLE)
                self._connection.execute(_INDEX)
        except BaseException:
            self._connection.close()
            raise

    def tail(self, most: int) -> list[int]:
        del most
        return []

    def write(self, page: Sequence[Row]) -> None:
        with _told():
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_UPSERT, map(_values, page))

    def sync(self) -> None:
        with _told():
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unwritable(str(error)) from error


def _values(row: Row) -> tuple[object, ...]:
    body: bytes = row[16]
    text = body.decode("utf-8", "replace") if body else None
    return (key_of_row(row), *row[:10], row[14], row[13].hex(), text)
