"""`listener deliver`: delivers to everybody who subscribed, in a process of its own."""

import asyncio
import logging
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from receiver.consumers import callback as callbacks
from receiver.consumers import query as queries
from receiver.consumers.delivery import Delivery
from receiver.consumers.notes import Notes
from receiver.consumers.reading import Reading
from receiver.consumers.rules import HubRules
from receiver.consumers.sending import Sender
from receiver.consumers.watch import Watch
from receiver.events import EVENT_TYPES, EventTypes
from receiver.rejections import Rejection
from store import LogError
from store.consumers import subscriptions
from store.consumers.file import ConsumersFile, only_deliverer
from store.consumers.subscriptions import Subscription
from store.dialects import Speech
from store.times import utc_text

LOOK_SECONDS = 1.0
"""How soon a new subscription is delivered to, and one that ended is no more."""
THREADS = 2

_log = logging.getLogger(__name__)


class Deliverer:
    """Keeps a delivery running for every subscription."""

    def __init__(
        self,
        directory: Path,
        rules: HubRules,
        agreed: Mapping[str, Sequence[str]],
        speeches: Mapping[str, Speech] = queries.NO_SPEECHES,
    ) -> None:
        self._rules = rules
        self._agreed = agreed
        self._speeches = speeches
        self._types = EventTypes(EVENT_TYPES)
        self._reading = Reading(directory, THREADS)
        self._watch = Watch(self._reading.head, 1)
        self._file = ConsumersFile(directory)
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop; what is in flight then is sent again at the next start."""
        try:
            while not stop.is_set():
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await stop.wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await asyncio.to_thread(self._reading.close)

    async def _look(self) -> None:
        try:
            found = await self._reading.ask(lambda: subscriptions.every(self._file))
        except LogError as error:
            _log.warning("subscriptions cannot be read: %s", error)
            return
        present = {one.id: one for one in found}
        for number in self._running.keys() - present.keys():
            self._running.pop(number).cancel()
            _log.info("subscription %s ended", number)
        for number, task in list(self._running.items()):
            if task.done():
                # A fault of ours; it is said, and tried again.
                _log.error("delivery %s ended", number, exc_info=task.exception())
                del self._running[number]
        for number in present.keys() - self._running.keys():
            self._running[number] = asyncio.create_task(self._deliver(present[number]))

    async def _deliver(self, subscription: Subscription) -> None:
        try:
            callback = callbacks.read(subscription.callback)
            query = queries.read(subscription.query, self._types, self._speeches)
            callbacks.check_agreed(
                callback, self._agreed.get(subscription.owner, ()), subscription.owner
            )
        except Rejection as error:
            await self._refuse(subscription, str(error.detail))
            return
        sender = Sender(callback, self._rules, self._types)
        try:
            notes = Notes(subscription, self._reading, self._file)
            await Delivery(subscription, query, sender, self._reading, self._watch, notes).run()
        finally:
            await sender.close()

    async def _refuse(self, subscription: Subscription, why: str) -> None:
        """The settings have changed since: said, kept, and not delivered to."""
        _log.warning("subscription %s of %s waits: %s", subscription.id, subscription.owner, why)
        standing = subscriptions.Standing(
            position=subscription.position,
            delivered=0,
            failing_position=subscription.position + 1,
            failures=1,
            error=why,
        )
        now = utc_text(datetime.now(UTC))
        await self._reading.ask(
            lambda: subscriptions.note(self._file, subscription.id, standing, now=now)
        )
        await asyncio.Event().wait()


async def deliver(
    directory: Path,
    rules: HubRules,
    agreed: Mapping[str, Sequence[str]],
    speeches: Mapping[str, Speech] = queries.NO_SPEECHES,
) -> None:
    """Deliver until SIGTERM, SIGINT or SIGHUP. Raises LogLocked where another process does."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    with only_deliverer(directory):
        _log.info("delivering to those who subscribed")
        await Deliverer(directory, rules, agreed, speeches).run(stop)
    _log.info("delivers no more")
