"""Delivery: everything behind a subscription's position, in order for every ticket, none left out.

    read ──▶ a lane for every ticket ──▶ Sender
                 │
                 └──▶ position: everything before the first event that is still open

Tickets go side by side, the events of a ticket one after the other. An event that is not taken
holds its ticket; the others go on until they are REACH ahead of it, so a crash repeats no more than
that. It is tried for ever, never skipped, and the subscription says what it waits for.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from receiver.consumers.notes import Notes
from receiver.consumers.query import Query
from receiver.consumers.reading import Reading
from receiver.consumers.watch import Watch
from store import LogError, RecordedEvent
from store.consumers.subscriptions import Subscription

PAGE = 100
MOST_OPEN = 200
"""Events of one subscription in memory."""
REACH = 1_000
LOOK_SECONDS = 5.0
NOTE_SECONDS = 0.2
"""How often it is written down how far it is, while there is something new."""
_log = logging.getLogger(__name__)


class Sends(Protocol):
    """What delivers one event."""

    async def send(self, event: RecordedEvent, failed: Callable[[str], None]) -> None:
        """Return when it was taken."""
        ...


class Delivery:
    """Delivers to one subscription until it is cancelled."""

    def __init__(
        self,
        subscription: Subscription,
        query: Query,
        sender: Sends,
        reading: Reading,
        watch: Watch,
        notes: Notes,
    ) -> None:
        self._query = query
        self._sender = sender
        self._reading = reading
        self._watch = watch
        self._lanes: dict[tuple[str, str], deque[RecordedEvent]] = {}
        self._open: dict[int, None] = {}  # ascending: the first one holds the position
        self._read = subscription.position
        self._changed = asyncio.Event()
        self._notes = notes

    async def run(self) -> None:
        """Go on from its position, for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write_down())
                while True:
                    for event in await self._page():
                        if event.body and self._query.wants(event):
                            await self._room_for(event)
                            self._append(event, group)
                        self._read = event.position
        finally:
            await self._notes.write(self._position())

    def _position(self) -> int:
        return next(iter(self._open)) - 1 if self._open else self._read

    async def _page(self) -> list[RecordedEvent]:
        """The next events; empty after a while without any, or without a log."""
        try:
            page = await self._reading.events(self._read, PAGE)
            if not page:
                await self._watch.beyond(self._read, LOOK_SECONDS, asyncio.Event())
        except LogError as error:
            _log.warning("deliveries wait: %s", error)
            await asyncio.sleep(LOOK_SECONDS)
            return []
        return page

    async def _room_for(self, event: RecordedEvent) -> None:
        while len(self._open) >= MOST_OPEN or event.position > self._position() + REACH:
            self._changed.clear()
            await self._changed.wait()
            if not self._open:
                return

    def _append(self, event: RecordedEvent, group: asyncio.TaskGroup) -> None:
        self._open[event.position] = None
        key = (event.source, event.ticket_id or f"{event.resource_type}/{event.resource_id}")
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append(event)
            return
        self._lanes[key] = deque([event])
        group.create_task(self._one_after_the_other(key))

    async def _one_after_the_other(self, key: tuple[str, str]) -> None:
        lane = self._lanes[key]
        while lane:
            event = lane[0]
            await self._sender.send(event, self._notes.failing(event))
            lane.popleft()
            del self._open[event.position]
            self._notes.taken(event)
            self._changed.set()
        del self._lanes[key]

    async def _write_down(self) -> None:
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            await self._notes.write(self._position())
