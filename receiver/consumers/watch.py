"""Waiting for events: one look at the head of the log for everybody who waits, and an end to it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import Receive

from receiver.rejections import TooManyStreams
from store import LogError

LOOK_SECONDS = 0.1
"""How often the head is looked at while somebody waits; while nobody does, never."""


class Watch:
    """Tells who waits that the log has grown, that their connection is gone, or that we stop."""

    def __init__(self, head: Callable[[], Awaitable[int]], most: int) -> None:
        self._ask = head
        self._most = most
        self._head = 0
        self._looked = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._waiting = 0
        self.open = 0
        """Streams and waiting requests at the moment."""
        self.stopping = asyncio.Event()

    def enter(self) -> None:
        """One more of them. Raises TooManyStreams; who entered must leave."""
        if self.open >= self._most or self.stopping.is_set():
            raise TooManyStreams
        self.open += 1

    def leave(self) -> None:
        """One less."""
        self.open -= 1

    def stop(self) -> None:
        """Let everybody end what they do."""
        self.stopping.set()
        self.wake()

    def wake(self) -> None:
        """Let everybody who waits compare again."""
        self._looked.set()
        self._looked = asyncio.Event()

    async def beyond(self, position: int, seconds: float, gone: asyncio.Event) -> None:
        """Return when the head is beyond a position, after `seconds`, or when it is no use."""
        self._waiting += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not (self.stopping.is_set() or gone.is_set() or self._head > position):
                        await self._looked.wait()
        finally:
            self._waiting -= 1

    async def _look(self) -> None:
        while self._waiting and not self.stopping.is_set():
            # A log that cannot be read now may be readable soon; who asks for events hears why.
            with suppress(LogError):
                self._head = await self._ask()
            self.wake()
            await asyncio.sleep(LOOK_SECONDS)
        self._looking = None


class Presence:
    """Whether the one who asked is still there: `gone` is set when it hangs up."""

    def __init__(self, receive: Receive, watch: Watch) -> None:
        self.gone = asyncio.Event()
        self._watch = watch
        self._task = asyncio.create_task(self._listen(receive))

    def end(self) -> None:
        """Listen no more."""
        self._task.cancel()

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone.set()
        self._watch.wake()
