"""Jobs: carry events from their origin to a target, and know at any instant how far.

    origin ──rows──▶ stream      in a row; written down page by page
           ──events─▶ lanes ──▶ endpoint     tickets side by side

A replay ends where the log ended when it began; forwarding never ends.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self

from store.log import rows
from store.log.protocol import LogError
from store.replay.lanes import FLUSH_SECONDS, Lanes, Read
from store.replay.ledger import Batch, Job, Ledger
from store.replay.selection import Row
from store.replay.sending import Manner, Sender
from store.replay.targets.protocol import Endpoint, Stream, Unwritable
from store.times import utc_text

STREAM_ROWS = 5_000
STREAM_SECONDS = 0.5
"""A stream is synced, and the ledger written, after so many rows or so long."""
STOPPED = "stopped"
"""Why a job ends early when it was asked to."""
GRACE_SECONDS = 5.0
"""What attempts in flight are given when a job is stopped."""
LOOK_SECONDS = 1.0
"""How often the ledger is asked for what waits there: a dead letter may have been decided upon."""
KEPT_POSITIONS = 100_000
"""How far back a forwarding's ledger tells what was delivered."""

Told = Callable[[int, int], None]
"""Hears how far a job is: the position looked at, and how many events were delivered since the
start."""


class Origin(Protocol):
    """Where a job's events come from; the same ones whenever it is asked."""

    def pages(self, after: int = 0) -> Iterator[tuple[list[Row], int]]:
        """Rows by position, and with each page up to where everything has been looked at."""
        ...

    def rows(self, positions: Sequence[int]) -> list[Row]: ...


@dataclass(slots=True)
class Stopping:
    """Becomes `asked` when the job is to end as soon as it can."""

    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One job's work: what, from where, and who hears of it."""

    job: Job
    ledger: Ledger
    origin: Origin
    stopping: Stopping
    goes_on: bool = False
    """Whether it was at work before: what a stream has already may then be this job's."""
    told: Told = lambda _position, _delivered: None
    follow_seconds: float | None = None
    """Between two looks for new events; None: end at the end."""
    give_up_seconds: float | None = None
    """End when the target has served nobody for so long; None: never."""


def run_stream(work: Work, stream: Stream, rate: float | None = None) -> str | None:
    """Carry everything into the stream; why it ended early, or None.

    Raises what the stream raises; what it had taken is in the ledger, or is not taken again.
    """
    after = work.job.checkpoint
    forgetful = _Forgetful(work)
    with _Written(work, stream, _last_taken(work, stream)) as written:
        while True:
            for page, after in work.origin.pages(after):  # noqa: B020  the next round goes on there
                for part in [page] if rate is None else [[row] for row in page]:
                    written.add(part)
                    if rate is not None and not _rested(1 / rate, work.stopping):
                        return STOPPED
                written.reached(after)
                if work.stopping.asked:
                    return STOPPED
            written.keep()
            if work.follow_seconds is None:
                return None
            forgetful.at(after)
            if not _rested(work.follow_seconds, work.stopping):
                return STOPPED


async def run_endpoint(work: Work, endpoint: Endpoint, manner: Manner) -> str | None:
    """Deliver everything to the endpoint; why it ended early, or None.

    Raises what the log or the ledger raises.
    """
    sender = Sender(endpoint, manner)
    try:
        async with asyncio.TaskGroup() as group:
            lanes = Lanes(work.job, work.ledger, sender, _reading(work.origin), group, now)
            watching = group.create_task(_watch(work, lanes, sender))
            carrying = group.create_task(_carry(work, lanes))
            await asyncio.wait({watching, carrying}, return_when=asyncio.FIRST_COMPLETED)
            why = watching.result() if watching.done() else None
            carrying.cancel()
            watching.cancel()
            if why:
                await sender.stop(GRACE_SECONDS)
            await lanes.cancelled()
            work.told(lanes.seen, lanes.delivered)
            return why
    except BaseExceptionGroup as group_error:
        raise group_error.exceptions[0] from group_error
    finally:
        await endpoint.close()


async def _carry(work: Work, lanes: Lanes) -> None:
    """Offer event after event; return when all of a replay's are settled."""
    settled = work.ledger.settled_after(work.job, work.job.checkpoint)
    lanes.revive()
    after = work.job.checkpoint
    while True:
        for page, after in work.origin.pages(after):  # noqa: B020  the next round goes on there
            for row in page:
                if row[0] not in settled:
                    await lanes.offer(rows.recorded_event(row, row[-1]))
            lanes.looked_at(after)
            await asyncio.sleep(0)
        settled.clear()
        if work.follow_seconds is None:
            await lanes.drained()
            if not lanes.revive():
                return
        else:
            await asyncio.sleep(work.follow_seconds)


async def _watch(work: Work, lanes: Lanes, sender: Sender) -> str:
    """Write down what happens, look for what can go on; return why the job has to end."""
    looked_at = time.monotonic()
    forgetful = _Forgetful(work)
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        lanes.flush()
        work.told(lanes.seen, lanes.delivered)
        if work.stopping.asked:
            return STOPPED
        opened_at = sender.breaker.opened_at
        patience = work.give_up_seconds
        if patience and opened_at and time.monotonic() - opened_at > patience:
            return f"the target has served nobody for {patience:g} s"
        if time.monotonic() - looked_at > LOOK_SECONDS:
            looked_at = time.monotonic()
            lanes.decided()
            if work.follow_seconds is not None:
                forgetful.at(lanes.seen)


class _Written:
    """What a stream has taken and the ledger does not know yet."""

    def __init__(self, work: Work, stream: Stream, last: int) -> None:
        self._work = work
        self._stream = stream
        self._last = last
        self._batch = Batch(work.job.checkpoint)
        self._delivered = 0
        self._kept_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # What a failing stream took or did not take is found out when the job goes on.
        if kind is None or not issubclass(kind, (Unwritable, sqlite3.Error, LogError)):
            self.keep()

    def add(self, page: Sequence[Row]) -> None:
        if not page:
            return
        batch, last = self._batch, page[-1][0]
        new = page if page[0][0] > self._last else [row for row in page if row[0] > self._last]
        if new:
            self._stream.write(new)
        batch.span = (batch.span[0] if batch.span else page[0][0], last)
        batch.delivered += len(page)
        self.reached(last)

    def reached(self, position: int) -> None:
        self._batch.checkpoint = position
        full = self._batch.delivered >= STREAM_ROWS
        if full or time.monotonic() - self._kept_at > STREAM_SECONDS:
            self.keep()

    def keep(self) -> None:
        batch, self._batch = self._batch, Batch(self._batch.checkpoint)
        self._stream.sync()
        self._work.ledger.settle(self._work.job, batch, now())
        self._delivered += batch.delivered
        self._work.told(batch.checkpoint, self._delivered)
        self._kept_at = time.monotonic()


def now() -> str:
    """The present moment, as UTC text."""
    return utc_text(datetime.now(UTC))


def _last_taken(work: Work, stream: Stream) -> int:
    """Position of the last event that the stream took before a crash and the ledger does not know.

    What the stream ended with must be what the job would have written next: then it is there, in
    its place, whoever wrote it.
    """
    tail = stream.tail(2 * STREAM_ROWS) if work.goes_on else []
    if not tail:
        return 0
    expected: list[int] = []
    for page, at in work.origin.pages(work.job.checkpoint):
        expected += [row[0] for row in page if row[0] <= tail[-1]]
        if at >= tail[-1] or len(expected) > len(tail):
            break
    same = expected and len(expected) <= len(tail) and tail[-len(expected) :] == expected
    return tail[-1] if same else 0


def _rested(seconds: float, stopping: Stopping) -> bool:
    """Sleep so long; False when we were asked to stop meanwhile."""
    until = time.monotonic() + seconds
    while not stopping.asked and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
    return not stopping.asked


def _reading(origin: Origin) -> Read:
    return lambda positions: [rows.recorded_event(row, row[-1]) for row in origin.rows(positions)]


class _Forgetful:
    """Keeps the ledger of a forwarding from growing for ever."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._forgotten = 0

    def at(self, position: int) -> None:
        """Forget what is far behind this position, now and then."""
        before = position - KEPT_POSITIONS
        if before - self._forgotten >= KEPT_POSITIONS // 10:
            self._work.ledger.forget(self._work.job, before)
            self._forgotten = before
