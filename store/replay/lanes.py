"""Lanes: tickets side by side, each ticket's events one after the other.

A ticket's lane begins with its first event and ends when it is empty. When an event fails, it and
what follows it of the same ticket go into the ledger as waiting; so a ticket in trouble holds
neither the memory nor the checkpoint of the others. When it is through, its lane reads on there.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from store.events import RecordedEvent
from store.replay.ledger import Batch, Delivery, Job, Ledger
from store.replay.sending import Ended, Sender

WINDOW = 1_000
"""Events read, not settled and not in the ledger: what is in memory."""
BATCH_ROWS = 200
"""Rows after which the ledger is written. A kill repeats no more deliveries than this, and those
of the last FLUSH_SECONDS."""
FLUSH_SECONDS = 0.1
RELOADED = 50
"""Waiting events of one ticket read at once."""

Read = Callable[[Sequence[int]], Sequence[RecordedEvent]]
"""Events by their positions."""


def ticket_of(event: RecordedEvent) -> str:
    """Whose order an event belongs to: its ticket, else its resource."""
    if event.ticket_id is not None:
        return f"{event.source}/{event.ticket_id}"
    return f"{event.source}/{event.resource_type}/{event.resource_id}"


class Lanes:
    """Delivers what is offered. For one job, one event loop, inside a task group."""

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        sender: Sender,
        read: Read,
        group: asyncio.TaskGroup,
        now: Callable[[], str],
    ) -> None:
        self._job = job
        self._ledger = ledger
        self._sender = sender
        self._read = read
        self._group = group
        self._now = now
        self._lanes: dict[str, deque[tuple[RecordedEvent, int]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._blocked = ledger.blocked(job)
        self._version = 0  # of the ledger, when it was last asked what is ready
        self._open: dict[int, None] = {}  # ascending: the first one holds the checkpoint
        self._changed = asyncio.Event()
        self._seen = job.checkpoint
        self._batch = Batch(job.checkpoint)
        self.delivered = 0
        """Events acknowledged since the start."""

    @property
    def seen(self) -> int:
        """The position up to which everything has been offered."""
        return self._seen

    async def offer(self, event: RecordedEvent) -> None:
        """Take one event more; waits while the window is full."""
        ticket = ticket_of(event)
        while len(self._open) >= WINDOW or len(self._lanes) >= 2 * WINDOW:
            await self._change()
        if not event.body:
            self._keep(Delivery(event.position, None, "erased", 0, None, self._now()))
        elif ticket in self._blocked:
            self._wait_for_turn(event, ticket)
        else:
            self._open[event.position] = None
            self._append(ticket, event, 0)
        self._seen = max(self._seen, event.position)

    def looked_at(self, position: int) -> None:
        """Everything up to this position has been offered."""
        self._seen = max(self._seen, position)

    async def drained(self) -> None:
        """Return when every lane is empty and the ledger knows."""
        while self._lanes:
            await self._change()
        self.flush()

    def decided(self) -> None:
        """Revive what somebody else has decided about in the meantime."""
        if self._ledger.version() != self._version:
            self.revive()

    def revive(self) -> bool:
        """Begin lanes for what waits in the ledger with nothing dead before it; whether there was."""
        self.flush()
        self._version = self._ledger.version()
        ready = [ticket for ticket in self._ledger.ready(self._job) if ticket not in self._lanes]
        room = max(0, WINDOW - len(self._lanes))
        if len(ready) > room:
            self._version = 0  # more is ready: ask again
        for ticket in ready[:room]:
            self._blocked.add(ticket)
            self._reload(ticket)
        # What was dropped or delivered meanwhile blocks nobody.
        self._blocked &= self._ledger.blocked(self._job) | self._lanes.keys()
        return bool(ready)

    async def cancelled(self) -> None:
        """End every lane where it is."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.flush()

    def flush(self) -> None:
        """Write down what has happened, and how far it is."""
        checkpoint = next(iter(self._open)) - 1 if self._open else self._seen
        batch = self._batch
        if batch.rows or batch.failures or checkpoint > batch.checkpoint:
            batch.checkpoint = checkpoint
            self._batch = Batch(checkpoint)
            self._ledger.settle(self._job, batch, self._now())

    def _append(self, ticket: str, event: RecordedEvent, attempts: int) -> None:
        lane = self._lanes.get(ticket)
        if lane is not None:
            lane.append((event, attempts))
            return
        self._lanes[ticket] = deque([(event, attempts)])
        task = self._group.create_task(self._run(ticket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, ticket: str) -> None:
        lane = self._lanes[ticket]
        try:
            while lane:
                event, attempts = lane[0]
                ended = await self._sender.send(
                    event, attempts, partial(self._failed, ticket, event)
                )
                self._ended(ticket, event, ended)
                lane.popleft()
                if ended.outcome == "dead":
                    self._spill(ticket)
                elif not lane and ticket in self._blocked:
                    self.flush()
                    self._reload(ticket)
        finally:
            del self._lanes[ticket]
            self._changed.set()

    def _ended(self, ticket: str, event: RecordedEvent, ended: Ended) -> None:
        self._open.pop(event.position, None)
        if ended.outcome == "dead":
            self._blocked.add(ticket)
            self._batch.failures += 1
        else:
            self._batch.delivered += 1
            self.delivered += 1
        kept = ticket if ended.outcome == "dead" else None
        self._keep(
            Delivery(event.position, kept, ended.outcome, ended.attempts, ended.error, self._now())
        )
        self._changed.set()

    def _failed(self, ticket: str, event: RecordedEvent, attempts: int, error: str) -> None:
        """An attempt failed: from now on the ledger holds the ticket, not the memory."""
        self._blocked.add(ticket)
        self._batch.failures += 1
        self._open.pop(event.position, None)
        self._keep(Delivery(event.position, ticket, "waiting", attempts, error, self._now()))
        lane = self._lanes[ticket]
        first = lane.popleft()
        self._spill(ticket)
        lane.append(first)
        self._changed.set()

    def _spill(self, ticket: str) -> None:
        lane = self._lanes[ticket]
        for event, _ in lane:
            if event.position in self._open:
                self._wait_for_turn(event, ticket)
        lane.clear()

    def _wait_for_turn(self, event: RecordedEvent, ticket: str) -> None:
        self._open.pop(event.position, None)
        self._keep(Delivery(event.position, ticket, "waiting", 0, None, self._now()))

    def _reload(self, ticket: str) -> None:
        """Put what waits into the ticket's lane; nothing waits: the ticket is as any other."""
        waiting = self._ledger.waiting(self._job, ticket, RELOADED)
        attempts = {one.position: one.attempts for one in waiting}
        for event in self._read([one.position for one in waiting]) if waiting else ():
            self._append(ticket, event, attempts[event.position])
        if not waiting:
            self._blocked.discard(ticket)

    def _keep(self, delivery: Delivery) -> None:
        self._batch.rows.append(delivery)
        if len(self._batch.rows) >= BATCH_ROWS:
            self.flush()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
