"""The circuit breaker of one target: when nobody is served, one event asks and the others wait.

Closed, everybody goes through. After FAILURES attempts in a row that failed it opens: one attempt
at a time, after a pause that grows, in the order of asking, so that one bad event cannot keep the
turn. The first that is answered closes it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from store.replay.targets.protocol import Rejected, Undelivered

FAILURES = 10
SHORTEST_PAUSE_SECONDS = 1.0


class Breaker:
    """For one event loop."""

    def __init__(self, longest_pause_seconds: float) -> None:
        self._longest = longest_pause_seconds
        self._pause = min(SHORTEST_PAUSE_SECONDS, longest_pause_seconds)
        self._failures = 0
        self._turn = asyncio.Lock()
        self._next_at = 0.0
        self.is_open = False
        self.opened_at: float | None = None
        """Since when it is open, by the monotonic clock."""
        self.served = 0
        """Attempts that the target answered for good: what tells its faults from an event's."""

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait to be let through, and tell how it went."""
        if not self.is_open:
            with self._told():
                yield
            return
        async with self._turn:
            if self.is_open:
                await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
            with self._told():
                yield

    def _told(self) -> "_Told":
        return _Told(self)

    def succeeded(self) -> None:
        """The target answered."""
        self.served += 1
        self._failures = 0
        self.is_open = False
        self.opened_at = None
        self._pause = min(SHORTEST_PAUSE_SECONDS, self._longest)

    def failed(self, error: Undelivered) -> None:
        """An attempt failed, and that is not certainly the event's own fault."""
        self._failures += 1
        if self._failures < FAILURES:
            return
        if self.is_open:
            self._pause = min(self._pause * 2, self._longest)
        else:
            self.is_open = True
            self.opened_at = time.monotonic()
        self._next_at = time.monotonic() + max(self._pause, error.retry_after or 0.0)


class _Told:
    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, Rejected):
            self._breaker.succeeded()
        elif isinstance(error, Undelivered):
            self._breaker.failed(error)
