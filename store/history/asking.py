"""Asking for one ticket's history: as we know it now, as of a moment, as it was known at one.

Folds the ticket's events from the log; history.db only says which they are. Where the follower
is behind, or history.db is missing, the rest of the log is looked through.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from store.history import follower, tables, units
from store.history.fold import History
from store.history.rules import RuleBook
from store.history.units import Unit
from store.history.view import view
from store.log.protocol import LogError, LogReader

HISTORY_FILE = "history.db"


class UnknownTicket(LogError):
    """No event names this ticket."""

    hint = "Ids are the provider's own, case and all. `listener tail` shows what arrived."


class AmbiguousTicket(LogError):
    """Several sources have a ticket of this id."""

    hint = "Say which one with --source."


def ticket_history(
    directory: Path,
    reader: LogReader,
    ticket_id: str,
    rules: RuleBook,
    *,
    source: str | None = None,
    as_of: str | None = None,
    known_at: str | None = None,
) -> History:
    """A ticket's history. `as_of`: what was true then. `known_at`: from what we had received by
    then. UTC texts. Raises UnknownTicket, AmbiguousTicket.
    """
    with closing(_index(directory / HISTORY_FILE, reader, known_at)) as connection:
        unit = Unit("ticket", *_key(connection, ticket_id, source))
        told = reader.told(units.positions(connection, unit))
    own = rules.of(unit.source)
    views = [view(event, body, own.zone, own.speech) for event, body in told]
    return units.fold(unit, views, own, as_of)


def _key(connection: sqlite3.Connection, ticket_id: str, source: str | None) -> tuple[str, str]:
    sources = [source] if source else _sources(connection)
    found = [
        one
        for one in sources
        if connection.execute(
            "SELECT 1 FROM events WHERE ticket = ? LIMIT 1", (f"{one}/{ticket_id}",)
        ).fetchone()
    ]
    if not found:
        raise UnknownTicket(f"No event names ticket {ticket_id}.")
    if len(found) > 1:
        raise AmbiguousTicket(f"Ticket {ticket_id} is known from {', '.join(found)}.")
    return found[0], f"{found[0]}/{ticket_id}"


def _sources(connection: sqlite3.Connection) -> list[str]:
    select = (
        "SELECT source FROM main.sources UNION SELECT source FROM temp.unfolded_events ORDER BY 1"
    )
    return [source for (source,) in connection.execute(select)]


def _index(history: Path, reader: LogReader, known_at: str | None) -> sqlite3.Connection:
    """The events known then, under the name `events`: folded ones, and those not folded yet."""
    connection = _open(history)
    connection.execute("CREATE TEMP TABLE unfolded_events AS SELECT * FROM main.events WHERE 0")
    columns = ", ".join(tables.TABLES["events"].columns)
    marks = ", ".join("?" * len(tables.TABLES["events"].columns))
    connection.executemany(
        f"INSERT INTO temp.unfolded_events ({columns}) VALUES ({marks})",
        _unfolded(reader, follower.checkpoint(connection, "events")),
    )
    until = f" WHERE received_at <= '{_quoted(known_at)}'" if known_at else ""
    connection.execute(
        f"CREATE TEMP VIEW events AS SELECT {columns} FROM main.events{until} "
        f"UNION ALL SELECT {columns} FROM temp.unfolded_events{until}"
    )
    return connection


def _unfolded(reader: LogReader, after: int) -> Iterable[tuple[object, ...]]:
    return map(units.event_row, reader.heads(after))


def _open(history: Path) -> sqlite3.Connection:
    if history.exists():
        connection = sqlite3.connect(f"{history.absolute().as_uri()}?mode=ro", uri=True)
        if follower.version(connection) == tables.VERSION:
            return connection
        connection.close()
    connection = sqlite3.connect(":memory:")
    tables.create(connection)
    return connection


def _quoted(text: str) -> str:
    return text.replace("'", "''")
