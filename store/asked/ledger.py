"""AskedLedger: each request to a provider, from before it is sent until its answer is in the log.

                 ┌─ withdrawn: nothing was done, the key is as new
    begin ─ asking ─ answered ─ recorded
                 └─ unknown ──┘

A request is on disk as `asking` before a byte of it leaves. Whoever asks holds a lock that the
operating system lets go of when its process ends, so a request that nobody asks any more is told
from one that is under way, in whatever process. Its bytes are here until the log has them.
"""

import json
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import sqlite_utils

from store.log.lock import lock
from store.log.protocol import LogLocked
from store.small_file import SmallFile

ASKED_FILE = "asked.db"
ASKING, ANSWERED, UNKNOWN = "asking", "answered", "unknown"

Headers = tuple[tuple[str, str], ...]


class Question(NamedTuple):
    """What somebody wants us to ask a provider for."""

    owner: str
    """Who wants it; keys of two owners never meet."""
    key: str
    """The same key stands for the same request, for ever."""
    digest: str
    """Of what is asked for: whether the same key comes with the same request."""
    resource_type: str
    source: str
    """Whose provider is asked."""
    request_id: str
    asked_at: str
    body: bytes


class Given(NamedTuple):
    """What a provider answered."""

    status: int
    headers: Headers
    body: bytes
    answered_at: str
    is_json: bool = True
    """Whether the body reads as JSON: what the log has of it is told by that."""


class Entry(NamedTuple):
    """A request, and how far it has come."""

    number: int
    question: Question
    """Without its bytes once it is recorded."""
    state: str
    given: Given | None
    """Without the bytes of its body once it is recorded."""
    position: int | None
    """Of its event in the log; None until it has one."""
    in_flight: bool = False
    """Whether some process waits for its answer at this moment."""


class Begun(NamedTuple):
    """A request that is ours to send. End it by `withdraw`, `answered` or `unknown`, then `release`."""

    entry: Entry
    lock: Path
    descriptor: int


class AskedLedger(SmallFile):
    """The ledger of one data directory; from any thread and any process. Raises LogUnavailable."""

    name = ASKED_FILE
    version = 1

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._locks = directory / "asking"

    def make(self, connection: sqlite3.Connection) -> None:
        """The one table."""
        sqlite_utils.Database(connection).table("asked").create(
            {
                "number": int,
                **dict.fromkeys(("owner", "key", "digest", "resource_type", "source"), str),
                **dict.fromkeys(("request_id", "asked_at", "asker"), str),
                "body": bytes,
                "state": str,
                "status": int,
                "headers": str,
                "answer": bytes,
                "answered_at": str,
                "is_json": int,
                "position": int,
            },
            pk="number",
            not_null={"owner", "key", "digest", "resource_type", "source", "asked_at", "state"},
        ).create_index(["owner", "key"], unique=True)

    def begin(self, question: Question, *, again: bool = False) -> Begun | Entry:
        """Write down that this will be asked, on disk; or what is known under its key already.

        `again`: the same request whose outcome is unknown is ours to send once more.
        """
        token = secrets.token_hex(8)
        path, descriptor = self._locked(token)
        try:
            with self.writing() as connection:
                known = self._of(connection, question.owner, question.key)
                if known is None:
                    values = (*question[:7], token, question.body, ASKING)
                    number = connection.execute(_ADD, values).lastrowid or 0
                    return Begun(Entry(number, question, ASKING, None, None), path, descriptor)
                if again and (known.state, known.question.digest) == (UNKNOWN, question.digest):
                    connection.execute(_AGAIN, (token, question.body, known.number))
                    entry = Entry(known.number, question, ASKING, None, None)
                    return Begun(entry, path, descriptor)
            _let_go(path, descriptor)
        except BaseException:
            _let_go(path, descriptor)
            raise
        return known

    def withdraw(self, number: int) -> None:
        """Nothing was done: its key is as good as new."""
        with self.writing() as connection:
            connection.execute("DELETE FROM asked WHERE number = ?", (number,))

    def answered(self, number: int, given: Given) -> None:
        """Keep an answer until the log has it."""
        told = (given.status, json.dumps(given.headers), given.body, given.answered_at)
        with self.writing() as connection:
            connection.execute(_ANSWER, (*told, given.is_json, number))

    def unknown(self, number: int) -> None:
        """It was sent, and no answer came."""
        with self.writing() as connection:
            connection.execute(_UNKNOWN, (number,))

    def recorded(self, number: int, position: int) -> None:
        """The log has it: its bytes need not be here any more."""
        with self.writing() as connection:
            connection.execute(_RECORDED, (position, number))

    def release(self, begun: Begun) -> None:
        """Nobody waits for it any more."""
        _let_go(begun.lock, begun.descriptor)

    def unrecorded(self) -> list[Entry]:
        """What the log does not have yet, the oldest first. What was asked by a process that has
        ended is `unknown` from now on.
        """
        with self.reading() as connection:
            if connection is None:
                return []
        with self.writing() as connection:
            rows = connection.execute(f"{_SELECT} WHERE position IS NULL ORDER BY number")
            found = [self._entry(connection, row) for row in rows.fetchall()]
        return [one for one in found if one.state != ASKING]

    def _of(self, connection: sqlite3.Connection, owner: str, key: str) -> Entry | None:
        row = connection.execute(f"{_SELECT} WHERE owner = ? AND key = ?", (owner, key)).fetchone()
        return self._entry(connection, row) if row else None

    def _entry(self, connection: sqlite3.Connection, row: tuple[Any, ...]) -> Entry:
        entry, asker = _entry_of(*row)
        if entry.state != ASKING:
            return entry
        # Within a transaction that keeps other writers out: an asker that still lives has its lock,
        # and one that has ended cannot have written its answer meanwhile.
        if not self._is_free(asker):
            return entry._replace(in_flight=True)
        connection.execute(_UNKNOWN, (entry.number,))
        return entry._replace(state=UNKNOWN)

    def _locked(self, token: str) -> tuple[Path, int]:
        self._locks.mkdir(parents=True, exist_ok=True)
        path = self._locks / token
        return path, lock(path, 0)

    def _is_free(self, token: str) -> bool:
        try:
            path, descriptor = self._locked(token)
        except LogLocked:
            return False
        _let_go(path, descriptor)
        return True


def _let_go(path: Path, descriptor: int) -> None:
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    os.close(descriptor)


def _entry_of(
    number: int,
    owner: str,
    key: str,
    digest: str,
    resource_type: str,
    source: str,
    request_id: str,
    asked_at: str,
    asker: str,
    body: bytes | None,
    state: str,
    status: int | None,
    headers: str | None,
    answer: bytes | None,
    answered_at: str | None,
    is_json: int | None,
    position: int | None,
) -> tuple[Entry, str]:
    question = Question(
        owner, key, digest, resource_type, source, request_id, asked_at, body or b""
    )
    given = None
    if status is not None:
        told = tuple((str(name), str(value)) for name, value in json.loads(headers or "[]"))
        given = Given(status, told, answer or b"", answered_at or "", bool(is_json))
    return Entry(number, question, state, given, position), asker


_COLUMNS = (
    "number, owner, key, digest, resource_type, source, request_id, asked_at, asker, body, state, "
    "status, headers, answer, answered_at, is_json, position"
)
_SELECT = f"SELECT {_COLUMNS} FROM asked"
_ADD = (
    "INSERT INTO asked (owner, key, digest, resource_type, source, request_id, asked_at, asker, "
    "body, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ANSWER = (
    f"UPDATE asked SET state = '{ANSWERED}', status = ?, headers = ?, answer = ?, answered_at = ?, "
    "is_json = ? WHERE number = ?"
)
_UNKNOWN = f"UPDATE asked SET state = '{UNKNOWN}' WHERE number = ? AND state = '{ASKING}'"
_RECORDED = "UPDATE asked SET position = ?, body = NULL, answer = NULL WHERE number = ?"
_AGAIN = (
    f"UPDATE asked SET state = '{ASKING}', asker = ?, body = ?, position = NULL WHERE number = ?"
)
