"""The Appender over a stream: what the receiver answers, a quorum of the servers has on disk.

    append ─┐
    append ─┼─▶ waiting, at most WINDOW of them under way ──▶ stream ──▶ an answer for each
    append ─┘

Nothing waits for a group: the servers make groups of what arrives together. Within the stream's
memory (two minutes) the same event again is not stored as the first was; it is published once more
under a name of its own, so that every node counts the redelivery, as it counts a later one. A
position is given where the stream is copied, so nobody knows it yet: an answer has the sequence in
the stream instead.
"""

import asyncio
import time
import uuid
from contextlib import suppress
from pathlib import Path

from store.events import Accepted, NewEvent, Refused
from store.log import entries
from store.log.group_commit import Entry, OnCommit
from store.log.jetstream import Stream
from store.log.jetstream_answers import Published, StreamUnavailable
from store.log.origin import copied
from store.log.place import Place
from store.log.protocol import LogError, LogUnavailable, Overloaded
from store.log.sqlite import LOG_FILE

WINDOW = 1_000
"""Messages under way at once: enough to fill a sync of three servers (measured: 512 were), few
enough that the servers never refuse for want of room to wait in."""
LOOK_SECONDS = 1.0
"""How often the stream is asked whether it could acknowledge."""
START_SECONDS, CONNECT_SECONDS = 30.0, 5.0
ROOM_BYTES = 65_536
"""What a message has beside its body, at most: what the edge keeps of headers is far less."""


class JetStreamAppender:
    """An Appender; make it with `open_jetstream_appender`."""

    def __init__(
        self,
        stream: Stream,
        copier: "CopierSeen",
        *,
        queue_events: int,
        queue_bytes: int,
        on_commit: OnCommit | None,
    ) -> None:
        self._stream = stream
        self._copier = copier
        self._queue_events = queue_events
        self._queue_bytes = queue_bytes
        self._on_commit = on_commit
        self._window = asyncio.Semaphore(WINDOW)
        self._unanswered = 0
        self._unanswered_bytes = 0
        self._answered = asyncio.Event()
        self._closed = False
        self._problem = "it was not asked yet"
        self._well_at = time.monotonic()
        self._looking: asyncio.Task[None] | None = None

    async def start(self, seconds: float) -> None:
        """Look until somebody answers, then again and again. Raises as Stream.state."""
        until = time.monotonic() + seconds
        while True:
            try:
                await self._look()
                break
            except StreamUnavailable:  # while a leader is elected nobody answers
                if time.monotonic() > until:
                    raise
        self._looking = asyncio.create_task(self._look_on())

    async def append(self, event: NewEvent) -> Accepted:
        kept = await self._enter(event, entries.name_of(event))
        return Accepted(kept.sequence, kept.duplicate)

    async def quarantine(self, refused: Refused) -> None:
        await self._enter(refused, uuid.uuid4().hex)

    def is_ready(self) -> bool:
        return not self._closed and not self._problem

    def why_not_ready(self) -> str:
        if self._closed:
            return "log: it is closed"
        return f"log: {self._problem}" if self._problem else self._copier.problem

    def waiting(self) -> tuple[int, int]:
        return self._unanswered, self._unanswered_bytes

    def is_full(self) -> bool:
        return self._unanswered >= self._queue_events or self._unanswered_bytes >= self._queue_bytes

    async def close(self) -> None:
        self._closed = True
        while self._unanswered:
            self._answered.clear()
            await self._answered.wait()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self._stream.close()

    async def _enter(self, entry: Entry, name: str) -> Published:
        size = len(entry.body)
        self._must_have_room(size)
        payload = entries.encode(entries.alone(entry))
        self._unanswered += 1
        self._unanswered_bytes += size
        began = time.perf_counter()
        try:
            async with self._window:
                self._must_have_a_chance()
                return await self._publish(entry, payload, name)
        finally:
            self._unanswered -= 1
            self._unanswered_bytes -= size
            self._answered.set()
            if self._on_commit is not None:
                self._on_commit(1, time.perf_counter() - began)

    def _must_have_room(self, size: int) -> None:
        if self._closed:
            raise LogUnavailable("The log is closed.")
        if self._unanswered >= self._queue_events:
            raise Overloaded(f"{self._unanswered} events wait for their quorum.")
        if self._unanswered and self._unanswered_bytes + size > self._queue_bytes:
            raise Overloaded(f"{self._unanswered_bytes} bytes wait for their quorum.")
        self._must_have_a_chance()

    def _must_have_a_chance(self) -> None:
        since = time.monotonic() - self._well_at
        if self._problem and since > self._stream.place.timeout_seconds:
            # Whoever waits as long again hears the same; the queue is for what has a chance.
            raise StreamUnavailable(f"The stream cannot acknowledge: {self._problem}.")

    async def _publish(self, entry: Entry, payload: bytes, name: str) -> Published:
        subject = _subject(entry)
        kept = await self._stream.publish(subject, payload, name)
        if not kept.duplicate or await self._is_this_one(kept, payload):
            return kept._replace(duplicate=False)
        await self._stream.publish(subject, payload, uuid.uuid4().hex)
        return kept

    async def _is_this_one(self, kept: Published, payload: bytes) -> bool:
        """Whether the message that the stream knows by this name is our own first attempt."""
        if kept.attempts == 1:
            return False
        found = await self._stream.read(kept.sequence - 1, 1)
        return bool(found) and found[0].payload == payload

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(LogError):
                # The library gives up for good where it is refused often enough, by a login say.
                if self._stream.is_closed:
                    await self._stream.connect(CONNECT_SECONDS)
                await self._look()

    async def _look(self) -> None:
        try:
            state = await self._stream.state()
        except LogError as error:
            self._problem = str(error).rstrip(".")
            raise
        await self._copier.look(state.last)
        if state.has_quorum:
            self._problem, self._well_at = "", time.monotonic()
        else:
            missing = "" if state.leader else ", no leader"
            there = f"{state.online} of {state.replicas} servers are there"
            self._problem = f"the stream has no quorum ({there}{missing})"


class CopierSeen:
    """Notices when this node does not copy although the stream has more."""

    def __init__(self, path: Path, patience_seconds: float) -> None:
        self._path = path
        self._patience = patience_seconds
        self._sequence: int = -1
        self._moved_at = time.monotonic()
        self.problem = ""

    async def look(self, last: int) -> None:
        """Compare with the stream's last sequence."""
        # In a thread: a disk in trouble answers late, and deliveries must not wait for it.
        sequence = await asyncio.to_thread(copied, self._path)
        if sequence != self._sequence or sequence >= last:
            self._sequence, self._moved_at = sequence, time.monotonic()
        still = time.monotonic() - self._moved_at
        behind = f"behind the stream by {last - sequence}"
        is_stalled = still > self._patience
        self.problem = f"copier: {behind}, and not moving for {still:.0f} s" if is_stalled else ""


def _subject(entry: Entry) -> str:
    """`events.SOURCE.TYPE` or `refused.SOURCE`, for those who listen to the stream besides us."""
    kind = ("events", entry.source, entry.event_type) if isinstance(entry, NewEvent) else ("refused", entry.source)  # fmt: skip
    return ".".join(_token(one) for one in kind)


def _token(text: str) -> str:
    # What NATS gives a meaning: dots part, * and > match, spaces end.
    return "".join(one if one.isalnum() or one in "-_" else "_" for one in text) or "_"


async def open_jetstream_appender(
    place: Place,
    *,
    queue_events: int,
    queue_bytes: int,
    largest_body: int,
    copied_to: Path,
    patience_seconds: float,
    on_commit: OnCommit | None = None,
) -> JetStreamAppender:
    """Return when the stream is reached. It is not ready while the copy in the data directory
    `copied_to` is behind and did not move for `patience_seconds`.

    Raises LogUnavailable when no server answers within START_SECONDS, NoStream, and LogError where the servers do not take bodies of `largest_body` bytes.
    """
    stream = Stream(place)
    await stream.connect(START_SECONDS)
    appender = JetStreamAppender(
        stream,
        CopierSeen(copied_to / LOG_FILE, patience_seconds),
        queue_events=queue_events,
        queue_bytes=queue_bytes,
        on_commit=on_commit,
    )
    try:
        _must_fit(stream, largest_body)
        await appender.start(START_SECONDS)
    except BaseException:
        await stream.close()
        raise
    return appender


def _must_fit(stream: Stream, largest_body: int) -> None:
    least = largest_body + ROOM_BYTES
    if stream.largest < least:
        raise LogError(
            f"The NATS servers take {stream.largest} bytes, and a body may have {largest_body} "
            f"(max_body_bytes): set their max_payload to {least} or more."
        )
