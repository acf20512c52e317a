"""Copying: the stream into this node's log.db, where identity, position and chain are given.

Every node applies the same messages in the same order by the same rules, so every node's rows and
chains are the same. What was copied last is noted in the transaction that keeps it: killed at any
instant, the next copier goes on behind it.

The stream is not believed blindly. Each read begins with the message that was copied last, which
must still be what it was; the sequences must have no hole; and the stream must be the one that this
log began with, at the point where the log began with it (Origin). Otherwise copying stops and says
why: a log that went on regardless would no longer be the same as its sisters, and nobody would know.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from store.events import Appended
from store.log.entries import Decided, Unreadable, decode
from store.log.jetstream import Stream
from store.log.jetstream_answers import Message, State, StreamUnavailable
from store.log.origin import Follows, followed, note_followed, origin_of
from store.log.protocol import LogError
from store.log.sqlite import SqliteLog

_ENTRY = "SELECT 1 FROM quarantine WHERE id = ?"
_DECISION = "SELECT 1 FROM decisions WHERE entry = ?"
_DECIDE = """
INSERT INTO decisions (entry, decision, reason, position, decided_at, decided_by)
VALUES (?, ?, ?, ?, ?, ?)
"""


class Parted(LogError):
    """Log and stream do not belong together, or not any more."""

    hint = "Nothing was copied. See the README: a node that cannot go on."


class Answers(NamedTuple):
    """What one message came to: as an EventLog answers."""

    appended: list[Appended]
    refused: list[int]


class Copier:
    """Copies a stream into a log; `begin` first. The log is locked by this process."""

    def __init__(self, log: SqliteLog, stream: Stream) -> None:
        self._log = log
        self._stream = stream
        self._follows: Follows | None = None

    @property
    def sequence(self) -> int:
        """Of what was copied last; 0 for nothing."""
        return self._follows.sequence if self._follows else 0

    async def begin(self) -> State:
        """See that log and stream belong together. Raises Parted, NoStream, LogUnavailable."""
        state = await self._stream.state()
        if not state.leader:
            raise StreamUnavailable(f"The stream {self._stream.place.stream} has no leader.")
        with self._log.transaction() as connection:
            known = followed(connection)
            if known is None:
                known = _first(self._stream.place.stream, state, connection)
                note_followed(connection, known)
        if (known.name, known.created) != (self._stream.place.stream, state.created):
            raise Parted(
                f"This log.db is a copy of the stream {known.name} made at {known.created}, not of "
                f"{self._stream.place.stream} made at {state.created}."
            )
        self._follows = known
        await self.must_reach(state)
        return state

    async def must_reach(self, state: State) -> None:
        """Raise Parted where the stream has lost what was copied, or dropped what was not.

        Only its leader knows; and one that was cut off believes for a while that it still leads, so
        a quorum is asked before anything is called lost. Raises LogUnavailable where none answers.
        """
        if not state.leader:
            return
        if state.last < self.sequence:
            ends = await self._stream.end()
            if ends <= self.sequence:
                raise Parted(
                    f"The stream ends at {ends}, but {self.sequence} was copied from it: it has "
                    "lost what it had acknowledged. This log.db still has that."
                )
        if state.first > self.sequence + 1:
            raise Parted(
                f"The stream begins at {state.first}, and only {self.sequence} was copied: what "
                "lies between is gone (keep_days). Restore a newer backup of another node."
            )

    async def step(self) -> list[Answers]:
        """Copy what comes next, one transaction; an answer for each message, none when there is none.

        Raises Parted, LogUnavailable; nothing was kept then.
        """
        after = self.sequence
        found = await self._stream.read(max(0, after - 1))
        fresh = self._behind_the_last(found)
        return self._keep(fresh) if fresh else []

    def _behind_the_last(self, found: Sequence[Message]) -> Sequence[Message]:
        follows = self._follows
        if follows is None:
            raise LogError("The copier has not begun.")
        if found and found[0].sequence == follows.sequence:
            if hashlib.sha256(found[0].payload).digest() != follows.digest:
                raise Parted(
                    f"The stream has another message {follows.sequence} than was copied from it."
                )
            found = found[1:]
        for expected, one in enumerate(found, start=follows.sequence + 1):
            if one.sequence != expected:
                raise Parted(
                    f"The stream has no message {expected}; the next one is {one.sequence}."
                )
        return found

    def _keep(self, fresh: Sequence[Message]) -> list[Answers]:
        follows = self._follows
        if follows is None:
            raise LogError("The copier has not begun.")
        last = fresh[-1]
        reached = follows._replace(
            sequence=last.sequence, digest=hashlib.sha256(last.payload).digest()
        )
        with self._log.transaction() as connection:
            answers = [self._apply(one, connection) for one in fresh]
            note_followed(connection, reached)
        self._follows = reached
        return answers

    def _apply(self, message: Message, connection: sqlite3.Connection) -> Answers:
        try:
            kept = decode(message.payload)
        except Unreadable as error:
            raise Parted(
                f"Message {message.sequence} of the stream is none that this version knows "
                f"({error}): a later version wrote it, or a stranger."
            ) from error
        appended = [self._log.add(event) for event in kept.events]
        refused = [self._log.refuse(entry) for entry in kept.refused]
        if _can_be_decided(kept.decided, connection):
            for one in kept.decided:
                self._decide(one, connection)
        return Answers(appended, refused)

    def _decide(self, decided: Decided, connection: sqlite3.Connection) -> None:
        position = self._log.add(decided.event).position if decided.event else None
        word = "released" if decided.event else "dropped"
        told = (decided.entry, word, decided.reason, position, decided.decided_at, decided.decided_by)  # fmt: skip
        connection.execute(_DECIDE, told)


def _can_be_decided(decided: Sequence[Decided], connection: sqlite3.Connection) -> bool:
    """Whether each is about an entry that nothing was decided about: all of a message counts, or
    nothing of it, on every node.
    """
    entries = {one.entry for one in decided}
    return len(entries) == len(decided) and all(
        connection.execute(_ENTRY, (entry,)).fetchone()
        and not connection.execute(_DECISION, (entry,)).fetchone()
        for entry in entries
    )


def _first(name: str, state: State, connection: sqlite3.Connection) -> Follows:
    """Where copying begins in a log that never copied: only one that ends where the stream begins."""
    told, here = state.metadata, origin_of(connection).as_metadata()
    if not here.items() <= told.items():
        ends, begins = here.get("listener_position"), told.get("listener_position", "?")
        raise Parted(
            f"This log.db ends at event {ends}; the stream begins behind event {begins} of another "
            "log. Restore a backup of a node first, or begin with an empty data directory where the "
            "stream began with one."
        )
    return Follows(name, state.created, 0, bytes(32))
