"""Contexts: what many events have in common (source, types, path, headers, drift) is kept once.

An event's row has the number of its context. The writer remembers the contexts that it used; one
that it does not remember is written again rather than searched for, so no index has to grow.
"""

import sqlite3

from store.events import NewEvent
from store.log import rows

MOST_REMEMBERED = 2_000
"""A path with an id in it, or drift in a new place, makes a context that nobody else shares."""

_ADD = f"INSERT INTO contexts ({rows.CONTEXT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
_KNOWN = f"SELECT id, {rows.CONTEXT_COLUMNS} FROM contexts ORDER BY id DESC LIMIT 200"

Context = tuple[str, str, str, str, str, str]


class Contexts:
    """The contexts of one log that is written. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[Context, int] = {}

    def number_of(self, event: NewEvent) -> tuple[int, str | None]:
        """Within a transaction, the number of an event's context, and the headers that are its own."""
        context, headers = rows.context_of(event)
        if not self._numbers:
            self._remember()
        number = self._numbers.get(context)
        if number is None:
            if len(self._numbers) >= MOST_REMEMBERED:
                self._remember()
            number = self._connection.execute(_ADD, context).lastrowid or 0
            self._numbers[context] = number
        return number, headers

    def forget(self) -> None:
        """A transaction was taken back, and with it perhaps a context."""
        self._numbers.clear()

    def _remember(self) -> None:
        self._numbers = {tuple(row[1:]): row[0] for row in self._connection.execute(_KNOWN)}
