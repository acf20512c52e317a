"""Sending one event until it is delivered, or given up: attempts, pauses, and whose fault it was.

An event is given up after `attempts` failures of its own. Its own is what the target itself says
(500), or not being served while others are. That nobody is served is the target's fault, and being
asked to wait is nobody's: an outage of hours gives no event up.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import stamina

from store.events import RecordedEvent
from store.replay.breaker import Breaker
from store.replay.targets.protocol import Busy, Endpoint, Failed, Rejected, Undelivered

LONGEST_RETRY_AFTER = 3_600.0
"""Seconds; a target that asks for more is asked again then."""

OnFailure = Callable[[int, str], None]
"""Hears of an attempt that failed and will be repeated: how many there were, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a target is treated."""

    concurrency: int = 8
    """Requests at once, each of another ticket."""
    rate: float | None = None
    """Attempts a second, at most."""
    attempts: int = 8
    """Failures of its own after which an event is given up."""
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How sending an event ended."""

    outcome: str
    """delivered or dead"""
    attempts: int
    error: str | None


class Sender:
    """Sends events to one endpoint, as it can be treated."""

    def __init__(self, endpoint: Endpoint, manner: Manner) -> None:
        self._endpoint = endpoint
        self._manner = manner
        self.breaker = Breaker(manner.longest_pause_seconds)
        self._slots = asyncio.Semaphore(manner.concurrency)
        self._pace = Pace(manner.rate)
        self._closed = False
        self.in_flight = 0

    async def stop(self, seconds: float) -> None:
        """Begin no attempt any more, and give those in flight so much time."""
        self._closed = True
        until = time.monotonic() + seconds
        while self.in_flight and time.monotonic() < until:  # noqa: ASYNC110  attempts end where they are
            await asyncio.sleep(0.01)

    async def send(self, event: RecordedEvent, attempts: int, on_failure: OnFailure) -> Ended:
        """Return when it is delivered or given up. `attempts`: how many there were before."""
        # Most events need one attempt, and stamina costs more than all else that we do for it.
        served = self.breaker.served
        try:
            await self._attempt(event)
        except Undelivered as error:
            return await self._again(event, attempts, error, served, on_failure)
        return Ended("delivered", attempts + 1, None)

    async def _again(
        self,
        event: RecordedEvent,
        attempts: int,
        first: Undelivered | None,
        served: int,
        on_failure: OnFailure,
    ) -> Ended:
        """After the first attempt has failed: pauses and further ones."""
        blamed = 0

        def again(error: Exception) -> bool | float:
            nonlocal attempts, blamed, served
            attempts += 1
            if not isinstance(error, Undelivered) or isinstance(error, Rejected):
                return False
            others = self.breaker.served > served
            served = self.breaker.served
            if isinstance(error, Failed) or (others and not isinstance(error, Busy)):
                blamed += 1
            if blamed >= self._manner.attempts:
                return False
            on_failure(attempts, str(error))
            if error.retry_after is not None:
                return min(error.retry_after, LONGEST_RETRY_AFTER)
            return True

        try:
            async for attempt in stamina.retry_context(
                on=again,
                attempts=None,
                timeout=None,
                wait_initial=self._manner.first_pause_seconds,
                wait_max=self._manner.longest_pause_seconds,
                wait_jitter=self._manner.first_pause_seconds,
            ):
                with attempt:
                    if first is not None:
                        failed, first = first, None
                        raise failed
                    await self._attempt(event)
        except Undelivered as error:
            return Ended("dead", attempts, str(error))
        return Ended("delivered", attempts + 1, None)

    async def _attempt(self, event: RecordedEvent) -> None:
        async with self.breaker.turn(), self._slots:
            await self._pace.wait()
            if self._closed:
                await asyncio.Event().wait()  # until the task is cancelled
            self.in_flight += 1
            try:
                await self._endpoint.deliver(event)
            finally:
                self.in_flight -= 1


class Pace:
    """At most so many a second, evenly."""

    def __init__(self, rate: float | None) -> None:
        self._step = 1 / rate if rate else 0.0
        self._next_at = 0.0

    async def wait(self) -> None:
        """Return when it is one's turn."""
        if not self._step:
            return
        now = time.monotonic()
        at = max(now, self._next_at)
        self._next_at = at + self._step
        if at > now:
            await asyncio.sleep(at - now)
