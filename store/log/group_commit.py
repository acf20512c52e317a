"""Group commit: everybody who waits shares one commit, and nobody waits for company.

    append ─┐
    append ─┼─▶ waiting ──▶ commit (one transaction, one fsync) ──▶ an answer for each
    append ─┘      ▲                    │
                   └── what arrives meanwhile is the next batch

The first to arrive starts a commit; lingering for larger batches was measured and never pays.
"""

import asyncio
import copy
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from store.events import Appended, NewEvent, Refused
from store.log.protocol import LogUnavailable, Overloaded

Entry = NewEvent | Refused
"""What can be kept."""
Answer = Appended | int | Exception
"""For a NewEvent where it is, for a Refused its id, for either why it alone could not be kept."""
OnCommit = Callable[[int, float], None]
"""Told after every commit, failed ones too: how many entries it had, how many seconds it took."""


class Committer(Protocol):
    """The engine behind a group commit. One call at a time."""

    async def commit(self, batch: Sequence[Entry]) -> Sequence[Answer]:
        """Keep the batch in one transaction; answers in order. Raises when nothing was kept."""
        ...

    def is_ready(self) -> bool:
        """Whether a commit would be tried now."""
        ...

    async def close(self) -> None: ...


class _Waiting(NamedTuple):
    entry: Entry
    size: int
    answer: asyncio.Future[Any]


class GroupCommit:
    """An Appender over any Committer.

    At most `queue_events` entries and `queue_bytes` of bodies wait for their answer, those in the
    running commit included; one entry alone is let in whatever its size. Who stops waiting
    (a cancelled request) does not take the event back: it may be kept or not.
    `on_commit` hears of every commit.
    """

    def __init__(
        self,
        committer: Committer,
        *,
        queue_events: int,
        queue_bytes: int,
        batch_events: int = 1_000,
        batch_bytes: int = 16_777_216,
        on_commit: OnCommit | None = None,
    ) -> None:
        self._committer = committer
        self._queue_events = queue_events
        self._queue_bytes = queue_bytes
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._unanswered = 0
        self._unanswered_bytes = 0
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, event: NewEvent) -> Appended:
        return await self._enter(event)

    async def quarantine(self, refused: Refused) -> int:
        return await self._enter(refused)

    def is_ready(self) -> bool:
        return not self._closed and self._committer.is_ready()

    def why_not_ready(self) -> str:
        return "" if self.is_ready() else "writer: the log has none at the moment"

    def waiting(self) -> tuple[int, int]:
        return self._unanswered, self._unanswered_bytes

    def is_full(self) -> bool:
        return self._unanswered >= self._queue_events or self._unanswered_bytes >= self._queue_bytes

    async def close(self) -> None:
        self._closed = True
        if self._working is not None:
            await self._working
        await self._committer.close()

    def _enter(self, entry: Entry) -> asyncio.Future[Any]:
        if self._closed:
            raise LogUnavailable("The log is closed.")
        size = len(entry.body)
        if self._unanswered >= self._queue_events:
            raise Overloaded(f"{self._unanswered} events wait for their commit.")
        if self._unanswered and self._unanswered_bytes + size > self._queue_bytes:
            raise Overloaded(f"{self._unanswered_bytes} bytes wait for their commit.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Waiting(entry, size, answer))
        self._unanswered += 1
        self._unanswered_bytes += size
        if self._working is None:
            # A task begins after everything that is ready now: they are in its first batch.
            self._working = loop.create_task(self._work())
        return answer

    async def _work(self) -> None:
        while self._waiting:
            batch = self._next_batch()
            answers = await self._commit([waiting.entry for waiting in batch])
            for waiting, answer in zip(batch, answers, strict=True):
                self._answer(waiting, answer)
        self._working = None

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while self._waiting and len(batch) < self._batch_events:
            size += self._waiting[0].size
            if size > self._batch_bytes:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _commit(self, entries: list[Entry]) -> Sequence[Answer]:
        began = time.perf_counter()
        try:
            return await self._committer.commit(entries)
        except Exception as error:  # noqa: BLE001  whatever went wrong, everybody who waits must hear of it
            return [copy.copy(error) for _ in entries]
        finally:
            if self._on_commit is not None:
                self._on_commit(len(entries), time.perf_counter() - began)

    def _answer(self, waiting: _Waiting, answer: Answer) -> None:
        self._unanswered -= 1
        self._unanswered_bytes -= waiting.size
        if waiting.answer.done():  # cancelled: nobody waits any more
            return
        if isinstance(answer, Exception):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)
