"""Events of a command's own in a log that several machines share: through the stream.

They are published, and kept where it is copied, the same on every node. Whoever
appends waits until this node has copied it, and finds there what became of each.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from store.events import Appended, NewEvent
from store.log.entries import Kept, encode
from store.log.jetstream import Stream
from store.log.origin import copied
from store.log.place import Place
from store.log.protocol import LogError, LogUnavailable
from store.log.reader import open_read_only
from store.log.sqlite import LOG_FILE

CONNECT_SECONDS = 10.0
COPY_SECONDS = 30.0
"""How long this node may take to copy what was published."""
PART_BYTES, ROOM_BYTES = 524_288, 2_048
"""Of bodies in one message, and what an event has beside its body, roughly."""
_PAUSE = 0.02
_AT = """
SELECT position, received_at FROM events
WHERE source = ? AND event_type = ? AND event_id = ? AND digest = ? ORDER BY position
"""
_FIRST = """
SELECT min(position) FROM events WHERE source = ? AND event_type = ? AND event_id = ?
"""


class NotCopied(LogError):
    """It is kept, but this node has not copied it."""

    hint = "It is not lost. Is the listener running here (listener copy)?"


def append_through(directory: Path, place: Place, events: Sequence[NewEvent]) -> list[Appended]:
    """Publish events and wait until this node has copied them; what became of each.

    In messages that every server takes: interrupted, some are kept and some are not. Raises NotCopied, and LogUnavailable, after which they may be
    kept or not.
    """
    if not events:
        return []
    # In a thread of its own: whoever appends may be within an event loop, which a commit holds up too.
    with ThreadPoolExecutor(1) as thread:
        sequence = thread.submit(asyncio.run, _publish(place, events)).result()
    return wait_for_copies(directory, sequence, events)


def wait_for_copies(directory: Path, sequence: int, events: Sequence[NewEvent]) -> list[Appended]:
    """What became of events that the stream has by this sequence, once they are copied here.

    Raises NotCopied, LogUnavailable.
    """
    path = directory / LOG_FILE
    until = time.monotonic() + COPY_SECONDS
    while copied(path) < sequence:
        if time.monotonic() > until:
            raise NotCopied(f"Not copied within {COPY_SECONDS:.0f} s.")
        time.sleep(_PAUSE)
    return [_found(path, event) for event in events]


def _found(path: Path, event: NewEvent) -> Appended:
    key = (event.source, event.event_type, event.event_id)
    with closing(open_read_only(path)) as connection:
        row = connection.execute(_AT, (*key, bytes.fromhex(event.digest))).fetchone()
        first = connection.execute(_FIRST, key).fetchone()[0]
    if first is None:
        raise LogUnavailable(f"{path} was changed meanwhile.")
    # The same JSON in other bytes is the event that is there.
    position, received_at = row or (first, "")
    conflict = None if position == first else first
    return Appended(position, duplicate=received_at != event.received_at, conflict_of=conflict)


async def _publish(place: Place, events: Sequence[NewEvent]) -> int:
    sequence = 0
    stream = Stream(place)
    await stream.connect(CONNECT_SECONDS)
    try:
        for part in _parts(events):
            payload = encode(Kept(events=part))
            sequence = (await stream.publish("own", payload, uuid.uuid4().hex)).sequence
    finally:
        await stream.close()
    return sequence


def _parts(events: Sequence[NewEvent]) -> Iterator[tuple[NewEvent, ...]]:
    part: list[NewEvent] = []
    size = 0
    for event in events:
        if part and size + len(event.body) > PART_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(event)
        size += len(event.body) + ROOM_BYTES
    yield tuple(part)
