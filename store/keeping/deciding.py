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
from store.log.origin import copied
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
    """Publish decisions in one message and wait until it is copied; each as this log has it now.

    Raises UnknownEntry, AlreadyDecided (also where another node was first), NotCopied,
    LogUnavailable, LogMissing; nothing was decided then, but for NotCopied and LogUnavailable,
    after which it may be.
    """
    with closing(SqliteReader(directory / LOG_FILE)) as reader:
        known = _decisions(reader)
        for one in decided:
            _must_wait(reader, one.entry, known)
        sequence = asyncio.run(_publish(place, Kept(decided=tuple(decided))))
        _wait(directory / LOG_FILE, sequence)
        known = _decisions(reader)
    made = [known[one.entry] for one in decided if one.entry in known]
    for one in decided:
        found = known.get(one.entry)
        if found and (found.decided_at, found.decided_by) != (one.decided_at, one.decided_by):
            raise _decided_before(found)
    return made


def is_duplicate(directory: Path, decision: Decision, event: NewEvent) -> bool:
    """Whether the log had the released event already: then the one at its position is older."""
    with closing(SqliteReader(directory / LOG_FILE)) as reader:
        found = reader.event(decision.position or 0)
    return found is None or (found.received_at, found.digest) != (event.received_at, event.digest)


async def _publish(place: Place, kept: Kept) -> int:
    stream = Stream(place)
    await stream.connect(CONNECT_SECONDS)
    try:
        published = await stream.publish("decided", encode(kept), uuid.uuid4().hex)
    finally:
        await stream.close()
    return published.sequence


def _wait(path: Path, sequence: int) -> None:
    until = time.monotonic() + COPY_SECONDS
    while copied(path) < sequence:
        if time.monotonic() > until:
            raise NotCopied(f"Not copied within {COPY_SECONDS:.0f} s.")
        time.sleep(_PAUSE)


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
