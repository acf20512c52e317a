"""What we hold of a provider's resources: out of history.db, as our mirror would serve it.

Every question has a connection of its own that only reads, because a rebuild may put another file
in place at any time. No history.db is one that holds nothing.
"""

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from store.history.asking import HISTORY_FILE
from store.log.protocol import LogUnavailable
from store.payload import Json

PAGE = 500


class Gap(NamedTuple):
    """A transition that is proven, and that no event told."""

    status: str | None
    at: str


@dataclass(frozen=True, slots=True)
class Held:
    """One resource as we hold it."""

    state: Json
    status: str | None
    """Of the status lane, which may know better than the members."""
    deleted_at: str | None
    last_event_at: str | None
    """When the latest happened that we know of it."""
    received_at: str | None
    """When we last heard of it."""
    gaps: tuple[Gap, ...] = ()


_TICKET = """
SELECT k.id, s.state, k.status, k.deleted_at, k.last_event_at, k.last_received_at, k.ticket
FROM tickets AS k JOIN states AS s ON s.ticket = k.ticket WHERE k.ticket IN ({})
"""
_SPECIFICATION = """
SELECT k.id, k.state, k.lifecycle_status, k.deleted_at, k.last_event_at,
  (SELECT max(received_at) FROM events AS e WHERE e.specification = k.specification), NULL
FROM specifications AS k WHERE k.specification IN ({})
"""
_TASK = """
SELECT k.id, k.state_json, k.state, NULL,
  (SELECT max(occurred_at) FROM events AS e WHERE e.task = k.task),
  (SELECT max(received_at) FROM events AS e WHERE e.task = k.task), NULL
FROM tasks AS k WHERE k.task IN ({})
"""
_GAPS = "SELECT status, at FROM gaps WHERE ticket = ? ORDER BY at"
_OPEN = """
SELECT id FROM tickets WHERE source = ? AND is_open = 1 AND deleted_at IS NULL AND id > ?
ORDER BY id LIMIT ?
"""


class Holdings:
    """What one data directory holds of one source. From any thread."""

    def __init__(self, directory: Path, source: str) -> None:
        self._path = directory / HISTORY_FILE
        self._source = source

    def of(self, resource_type: str, ids: Sequence[str]) -> dict[str, Held]:
        """What is held of these, by id; what is not is missing. Raises LogUnavailable."""
        if not ids or not self._path.exists():
            return {}
        prefix = f"{self._source}/"
        select = {"TroubleTicket": _TICKET, "TroubleTicketSpecification": _SPECIFICATION}.get(
            resource_type, _TASK
        )
        if select is _TASK:
            prefix += f"{resource_type}/"
        found: dict[str, Held] = {}
        with self._asking() as connection:
            places = ", ".join("?" * len(ids))
            keys = [f"{prefix}{one}" for one in ids]
            for row in connection.execute(select.format(places), keys).fetchall():
                gaps = connection.execute(_GAPS, (row[6],)).fetchall() if row[6] else ()
                told = tuple(Gap(*gap) for gap in gaps)
                state = json.loads(row[1] or "{}")
                found[row[0]] = Held(state, row[2], row[3], row[4], row[5], told)
        return found

    def open_tickets(self) -> Iterator[str]:
        """Ids of the tickets that are open with us. Raises LogUnavailable."""
        after = ""
        while self._path.exists():
            with self._asking() as connection:
                page = [one for (one,) in connection.execute(_OPEN, (self._source, after, PAGE))]
            if not page:
                return
            yield from page
            after = page[-1]

    @contextmanager
    def _asking(self) -> Generator[sqlite3.Connection]:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise LogUnavailable(f"history.db cannot be read: {error}.") from error
