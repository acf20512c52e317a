"""Stopping without leaving anybody unanswered: no new connections, then an answer for each we have.

A connection that is kept alive may carry a request that is on its way when we are told to stop;
closed at once, the sender would never know whether its event was kept. So its next answer says
`Connection: close` (RFC 9112, 9.6), and only who sends nothing for DRAIN_SECONDS is hung up on.
"""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import cast

import uvicorn

from receiver.handshake import Accepting, Handshakes

DRAIN_SECONDS = 1.0
"""How long a connection without a request in flight is given to bring one."""
PAUSE_SECONDS = 0.02

_Makes = Callable[..., asyncio.Protocol]


class PatientServer(uvicorn.Server):
    """A uvicorn server that drains its connections before it closes them.

    `on_stopping` is called first: whoever answers without end has to come to one. New connections
    are taken for `drain_seconds` more, each for one answer. With
    `handshakes` it speaks TLS, and those who open a connection are counted too.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_stopping: Callable[[], None],
        handshakes: Handshakes | None = None,
        drain_seconds: float = 0.0,
    ) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._on_stopping = on_stopping
        self._handshakes = handshakes

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. With handshakes the sockets are not uvicorn's: its TLS bounds none of them."""
        if self._handshakes is None:
            await super().startup(sockets)
            return
        await super().startup([])
        accepting = [Accepting(one, self._handshakes, self._connection) for one in sockets or ()]
        # It closes them and waits for that, no more.
        self.servers = cast("list[asyncio.base_events.Server]", accepting)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then what uvicorn does: the idle are closed, the busy have their time."""
        self._on_stopping()
        # In place: requests in flight hold this very list.
        self.server_state.default_headers.append((b"connection", b"close"))
        # Still taking connections: whoever balances load sees that we are not ready, and goes.
        await self._taking_leave()
        # One turn of the loop accepts whoever has connected already; closing would reset them.
        await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        await self._drained()
        if self._handshakes is not None:
            self._handshakes.end()
        await super().shutdown(sockets)

    async def _taking_leave(self) -> None:
        until = asyncio.get_running_loop().time() + self._drain_seconds
        while asyncio.get_running_loop().time() < until and not self.force_exit:  # noqa: ASYNC110  a second signal is no event
            await asyncio.sleep(PAUSE_SECONDS)

    async def _drained(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + DRAIN_SECONDS
        while (self.server_state.connections or self._handshakes) and loop.time() < until:  # noqa: ASYNC110  uvicorn tells of no connection's end
            await asyncio.sleep(PAUSE_SECONDS)

    def _connection(self) -> asyncio.Protocol:
        """What uvicorn makes for a connection."""
        made = cast("_Makes", self.config.http_protocol_class)
        return made(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def stop_on_signals(self) -> None:
        """Hear signals before uvicorn listens for them, and when it repeats them afterwards.

        It raises each signal again once it has shut down; with the default handler that would end
        the process before the log is closed. A hang-up (SIGHUP) stops as SIGTERM does: settings
        are read at the start, so there is nothing to read again, and dying at once would leave
        requests without an answer.
        """

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
