"""Deciding about the quarantine of a log that several machines share: through the stream.

A decision is published, and made where it is copied, the same on every node; the first in the
stream counts. Whoever decides waits until this node has copied it, and hears what came of it.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from store.events import Decision, NewEvent
from store.keeping.quarantine import AlreadyDecided, UnknownEntry
from store.log.entries import Decided, Kept, encode
from store.log.jetstream import Stream
from store.log.place import Place
from store.log.protocol import LogError
from store.log.reader import SqliteReader
from store.log.sqlite import LOG_FILE

CONNECT_SECONDS = 10.0
COPY_SECONDS = 30.0
"""How long this node may take to copy what was decided."""
_PAUSE = 0.05


class NotCopied(LogError):
    """What was decided is kept, but this node has not copied it."""

    hint = "It is not lost. Is the listener running here (listener copy)?"


def decide(directory: Path, place: Place, decided: Sequence[Decided]) -> list[Decision]:
    """Publish decisions in one message and wait for them; each as this log has it now.

    Raises UnknownEntry and AlreadyDecided before anything is published, AlreadyDecided where
    another node was first, NotCopied, LogUnavailable, LogMissing.
    """
    with closing(SqliteReader(directory / LOG_FILE)) as reader:
        known = _decisions(reader)
        for one in decided:
            _must_wait(reader, one.entry, known)
        asyncio.run(_publish(place, Kept(decided=tuple(decided))))
        made = _wait(reader, decided)
    for one, decision in zip(decided, made, strict=True):
        if (decision.decided_at, decision.decided_by) != (one.decided_at, one.decided_by):
            raise _decided_before(decision)
    return made


def is_duplicate(directory: Path, decision: Decision, event: NewEvent) -> bool:
    """Whether the log had the released event already: then the one at its position is older."""
    with closing(SqliteReader(directory / LOG_FILE)) as reader:
        found = reader.event(decision.position or 0)
    return found is None or (found.received_at, found.digest) != (event.received_at, event.digest)


async def _publish(place: Place, kept: Kept) -> None:
    stream = Stream(place)
    await stream.connect(CONNECT_SECONDS)
    try:
        await stream.publish("decided", encode(kept), uuid.uuid4().hex)
    finally:
        await stream.close()


def _wait(reader: SqliteReader, decided: Sequence[Decided]) -> list[Decision]:
    until = time.monotonic() + COPY_SECONDS
    while time.monotonic() < until:
        known = _decisions(reader)
        if all(one.entry in known for one in decided):
            return [known[one.entry] for one in decided]
        time.sleep(_PAUSE)
    raise NotCopied(f"Not copied within {COPY_SECONDS:.0f} s.")


def _decisions(reader: SqliteReader) -> dict[int, Decision]:
    return {one.entry: one for one in reader.decisions()}


def _must_wait(reader: SqliteReader, entry: int, known: dict[int, Decision]) -> None:
    if reader.quarantine_entry(entry) is None:
        raise UnknownEntry(f"No quarantine entry {entry}.")
    if entry in known:
        raise _decided_before(known[entry])


def _decided_before(one: Decision) -> AlreadyDecided:
    return AlreadyDecided(
        f"Quarantine entry {one.entry} was {one.decision} on {one.decided_at} by {one.decided_by}."
    )
