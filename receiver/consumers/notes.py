"""Notes: how one subscription's deliveries go, gathered and written down now and then."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from receiver.consumers.reading import Reading
from store import LogError, RecordedEvent
from store.consumers import subscriptions
from store.consumers.file import ConsumersFile
from store.consumers.subscriptions import Subscription
from store.times import utc_text

REPEATED_EVERY = 100
"""After so many further failures a subscription is spoken of again."""

_log = logging.getLogger(__name__)


class Notes:
    """What was taken, what is not, and why."""

    def __init__(self, subscription: Subscription, reading: Reading, file: ConsumersFile) -> None:
        self._subscription = subscription
        self._reading = reading
        self._file = file
        self._written = (subscription.position, 0, 0)
        self._delivered = self._failures = 0
        self._failing: dict[int, str] = {}

    def taken(self, event: RecordedEvent) -> None:
        """An event was answered with a success."""
        self._delivered += 1
        self._failing.pop(event.position, None)

    def failing(self, event: RecordedEvent) -> Callable[[str], None]:
        """What is to be told why an attempt to send this event failed."""

        def failed(why: str) -> None:
            self._failing[event.position] = why
            self._failures += 1
            if self._failures % REPEATED_EVERY == 1:
                told = self._subscription
                words = "subscription %s of %s does not take event %d (%s); it is tried again"
                _log.warning(words, told.id, told.owner, event.position, why)

        return failed

    async def write(self, position: int) -> None:
        """Write down what is new: everything up to `position` is done with. Never raises LogError:
        what could not be written is written the next time.
        """
        now_stands = (position, self._delivered, self._failures)
        if now_stands == self._written:
            return
        _, delivered, failures = self._written
        first = min(self._failing, default=None)
        standing = subscriptions.Standing(
            position=position,
            delivered=self._delivered - delivered,
            failing_position=first,
            failures=self._failures - failures,
            error=None if first is None else self._failing[first],
        )
        number, now = self._subscription.id, utc_text(datetime.now(UTC))
        try:
            await self._reading.ask(
                lambda: subscriptions.note(self._file, number, standing, now=now)
            )
        except LogError as error:
            _log.warning("how deliveries go could not be noted: %s", error)
        else:
            self._written = now_stands
