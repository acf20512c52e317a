"""Registrations: each POST /hub of ours, from before it is sent until the provider has ended it.

    asked ──── registered ──── ended
      └─ refused, never sent: ended at once

`asked` is on disk before a byte leaves. A process that is killed before it has kept the answer
leaves one that is neither registered nor ended: the provider may know it.
"""

import sqlite3
from typing import NamedTuple

from store.hub.file import HubFile

_COLUMNS = (
    "number, source, base_url, callback, query, asked_at, registered_at, hub_id, is_probed, "
    "is_listed, ended_at, end"
)
_ASK = (
    "INSERT INTO registrations (source, base_url, callback, query, asked_at) VALUES (?, ?, ?, ?, ?)"
)
_OPEN = (
    f"SELECT {_COLUMNS} FROM registrations WHERE source = ? AND ended_at IS NULL ORDER BY number"
)


class Wanted(NamedTuple):
    """What is registered, and where."""

    base_url: str
    callback: str
    query: str
    """Empty: every event."""


class Registration(NamedTuple):
    """One of ours at a provider."""

    number: int
    source: str
    base_url: str
    callback: str
    query: str
    asked_at: str
    registered_at: str | None
    """None: asked for; what became of it nobody kept."""
    hub_id: str | None
    """The provider's id; None where it told none."""
    is_probed: int | None
    """1: GET /hub/{id} told it, so that a 404 later says something."""
    is_listed: int | None
    """1: GET /hub named it when it was new."""
    ended_at: str | None
    end: str | None
    """How it ended."""

    @property
    def wanted(self) -> Wanted:
        """What was asked for."""
        return Wanted(self.base_url, self.callback, self.query)

    @property
    def is_known(self) -> bool:
        """Whether the provider said that it has it."""
        return self.registered_at is not None


def unended(file: HubFile, source: str) -> list[Registration]:
    """Those of a source that may still be there, the oldest first."""
    with file.reading() as connection:
        if connection is None:
            return []
        return [Registration(*row) for row in connection.execute(_OPEN, (source,))]


class Serves(NamedTuple):
    """What a provider showed so far that it can be asked about ours."""

    one: bool
    """GET /hub/{id} told one of ours: a 404 there says that it is not there."""
    all: bool
    """GET /hub named one of ours."""


def serves(file: HubFile, source: str, base_url: str) -> Serves:
    """By all that was ever registered there, so that a new one begins with what is known."""
    with file.reading() as connection:
        if connection is None:
            return Serves(one=False, all=False)
        select = (
            "SELECT coalesce(max(is_probed), 0), coalesce(max(is_listed), 0) "
            "FROM registrations WHERE source = ? AND base_url = ?"
        )
        is_probed, is_listed = connection.execute(select, (source, base_url)).fetchone()
        return Serves(one=bool(is_probed), all=bool(is_listed))


def asked(file: HubFile, source: str, wanted: Wanted, *, now: str) -> Registration:
    """On disk before it is sent."""
    with file.writing() as connection:
        number = connection.execute(_ASK, (source, *wanted, now)).lastrowid
        return _one(connection, number)


def registered(
    file: HubFile,
    number: int,
    hub_id: str | None,
    *,
    now: str,
    is_probed: bool,
    is_listed: bool,
) -> None:
    """The provider has it, under this id."""
    with file.writing() as connection:
        connection.execute(
            "UPDATE registrations SET registered_at = coalesce(registered_at, ?), hub_id = ?, "
            "is_probed = ?, is_listed = ? WHERE number = ?",
            (now, hub_id, is_probed, is_listed, number),
        )


def ended(file: HubFile, number: int, end: str, *, now: str) -> None:
    """It is there no more, or never was; `end` says how we know."""
    with file.writing() as connection:
        connection.execute(
            "UPDATE registrations SET ended_at = ?, end = ? WHERE number = ? AND ended_at IS NULL",
            (now, end, number),
        )


def _one(connection: sqlite3.Connection, number: int | None) -> Registration:
    select = f"SELECT {_COLUMNS} FROM registrations WHERE number = ?"
    return Registration(*connection.execute(select, (number,)).fetchone())
