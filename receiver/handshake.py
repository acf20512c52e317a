"""TLS handshakes, bounded in time and in number, before there is a connection.

asyncio gives a handshake a minute and counts none. Here it has header_seconds, at most
`connections` of them go on at once, and beyond that the one that takes longest is let go: who
stalls them costs nobody anything.

    accept ──▶ handshake ──▶ Connection
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from receiver.limits import Limits

IMPATIENT_SECONDS = 1.0
"""A handshake that takes longer may be let go when others want in."""
PAUSE_SECONDS = 0.2
"""Before accepting again, when there are no open files left."""

Made = Callable[[], asyncio.Protocol]
"""Makes what has a connection once it is secured."""


class Handshakes:
    """Those that go on now."""

    def __init__(self, context: ssl.SSLContext, limits: Limits) -> None:
        self._context = context
        self._limits = limits
        # The oldest first.
        self._pending: dict[asyncio.Task[None], float] = {}

    def __len__(self) -> int:
        """How many."""
        return len(self._pending)

    def begin(self, accepted: socket.socket, made: Made) -> None:
        """Shake hands, then let `made` have the connection; ends by itself."""
        accepted.setblocking(False)
        loop = asyncio.get_running_loop()
        if len(self._pending) >= self._limits.connections and not self._make_room(loop.time()):
            accepted.close()
            return
        task = loop.create_task(self._shake_hands(accepted, made))
        self._pending[task] = loop.time()
        task.add_done_callback(self._forget)

    def end(self) -> None:
        """Let all of them go."""
        for task in [*self._pending]:
            task.cancel()

    async def _shake_hands(self, accepted: socket.socket, made: Made) -> None:
        # No TLS, no certificate, gone, or too slow: there is nobody to answer.
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                made,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.header_seconds,
            )

    def _make_room(self, now: float) -> bool:
        oldest, since = next(iter(self._pending.items()))
        if now - since < IMPATIENT_SECONDS:
            return False
        oldest.cancel()
        self._pending.pop(oldest)
        return True

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._pending.pop(task, None)


class Accepting:
    """Who connects to a socket shakes hands; closed like one of asyncio's servers."""

    def __init__(self, listening: socket.socket, handshakes: Handshakes, made: Made) -> None:
        self._listening = listening
        self._handshakes = handshakes
        self._made = made
        listening.setblocking(False)
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        """Accept who has connected already, which closing would reset, then nobody any more.

        Handshakes that go on may end.
        """
        self._accepting.cancel()
        with suppress(OSError):
            while True:
                self._handshakes.begin(self._listening.accept()[0], self._made)

    async def wait_closed(self) -> None:
        """Let those go that did not end."""
        with suppress(asyncio.CancelledError):
            await self._accepting
        self._handshakes.end()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._listening)
            except ConnectionError:
                continue  # gone before it was accepted
            except OSError:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._handshakes.begin(accepted, self._made)
