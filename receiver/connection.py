"""One connection: what it may cost before there is a request, in bytes, in time and in number.

The limits that uvicorn and httptools leave out; receiver/turns.py tells a refusal in its turn:

    head      from the first byte to the end of the headers     408, 414, 431, 400
    body      from there to the end of the body                 408, 413, 400
    answer    nothing is awaited from the sender but that it reads
    idle      between two requests

Times are not kept by a timer for each request, which would cost every delivery something: `watch`
looks at all connections once a second.
"""

import asyncio
from typing import Any, NoReturn, cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from receiver.limits import Limits
from receiver.rejections import (
    HeadersTooLarge,
    Malformed,
    Rejection,
    TooLarge,
    TooManyConnections,
    TooSlow,
    UrlTooLong,
)
from receiver.turns import Phase, Refused, Turns

MOST_WAITING = 100
"""Requests that one connection may have sent ahead (pipelining); further ones are not read, and
have to be sent again on another connection (RFC 9112, 9.3.2)."""
SPARE = 64
"""Connections beyond the limit that may linger with their 503; more are closed without a word."""
IMPATIENT_SECONDS = 1.0
"""Who keeps us waiting longer may be let go when others want in."""
PATROL_SECONDS = 1.0
WRAPPING = 8
"""Bytes on the wire for one of the body at most: a chunk of one byte is six."""


class Connection(Turns):
    """One sender's connection, within its limits."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        refused: Refused,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, refused=refused)
        self._limits = limits
        self._since = 0.0
        self._began = False
        # Bytes of the head or body at hand beyond the chunk of data that it began in.
        self._taken = 0
        self._why: Rejection | None = None
        self._unread_since: float | None = None

    # What asyncio tells.

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A sender connected."""
        super().connection_made(transport)
        self._since = self.loop.time()
        beyond = len(self.connections) - self._limits.connections
        if beyond > 0 and not self._make_room():
            if beyond > SPARE:
                self._deaf = True
                self.transport.abort()
            else:
                self._refuse(TooManyConnections())

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._began = False
        try:
            self.parser.feed_data(data)  # pyright: ignore[reportOptionalMemberAccess] - None after connection_lost
        except httptools.HttpParserUpgrade:
            self._take_no_more()
        except httptools.HttpParserError:
            if not self._deaf:
                self._refuse(self._why or Malformed())
        else:
            self._count(len(data))

    def pause_writing(self) -> None:
        """The sender does not read its answers."""
        super().pause_writing()
        self._unread_since = self.loop.time()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._unread_since = None

    # What the parser tells.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if len(self.pipeline) >= MOST_WAITING:
            self._take_no_more()
            self._stop(TooManyConnections())
        super().on_message_begin()
        self._enter(Phase.HEAD)

    def on_headers_complete(self) -> None:
        """The head is there: nothing of a request was looked at before."""
        if len(self.url) > self._limits.url_bytes:
            self._stop(UrlTooLong(f"At most {self._limits.url_bytes} bytes."))
        if len(self.headers) > self._limits.headers:
            self._stop(HeadersTooLarge(f"At most {self._limits.headers} lines."))
        if sum([len(name) + len(value) for name, value in self.headers]) > (
            self._limits.header_bytes
        ):
            self._stop(self._too_large_head())
        super().on_headers_complete()
        # Trailers, behind the body, must not become headers of a request that is looked at already.
        self.headers = []
        self._enter(Phase.BODY)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        super().on_message_complete()
        self._enter(Phase.NOTHING)

    def on_response_complete(self) -> None:
        """A request was answered: an idle connection is idle from now on."""
        super().on_response_complete()
        if self._phase is Phase.NOTHING:
            self._since = self.loop.time()

    # What the watch asks.

    def patrol(self, now: float) -> None:
        """End what takes too long."""
        limits = self._limits
        if self._unread_since is None and self.transport.is_closing():
            # What was written is not gone yet.
            self._unread_since = now
        if self._unread_since is not None and now - self._unread_since > limits.answer_seconds:
            self._deaf = True
            self.transport.abort()
        elif self._deaf:
            return
        elif self._phase is Phase.HEAD and now - self._since > limits.header_seconds:
            self._give_up()
        elif self._phase is Phase.BODY:
            if self.pipeline:
                # We read no further before those ahead of it are answered: its time stands still.
                self._since = now
            elif now - self._since > limits.body_seconds:
                self._give_up()
        elif self._is_idle() and now - self._since > limits.keep_alive_seconds:
            self.transport.close()

    def waits(self, now: float) -> float:
        """For how long we have been waiting for this sender; 0 while it waits for us."""
        if self._deaf or self.pipeline or (self._phase is Phase.NOTHING and not self._is_idle()):
            return 0.0
        return now - self._since

    def lingers(self) -> bool:
        """Whether nothing of this sender is read any more."""
        return self._deaf

    def let_go(self) -> None:
        """Close, because others want in."""
        if self._is_idle() and self._phase is Phase.NOTHING:
            self._deaf = True
            self.transport.close()
        else:
            self._give_up()

    def _make_room(self) -> bool:
        now = self.loop.time()
        others = [one for one in self.connections if isinstance(one, Connection)]
        lingering = [one for one in others if one.lingers()]
        if lingering and len(others) - len(lingering) <= self._limits.connections:
            # Only those are in the way that have had their last word.
            lingering[0].transport.abort()
            return True
        slowest = max(others, key=lambda one: one.waits(now))
        if slowest.waits(now) < IMPATIENT_SECONDS:
            return False
        slowest.let_go()
        return True

    def _give_up(self) -> None:
        if not self._has_begun():
            # It connected and said nothing, so there is nothing to answer.
            self._deaf = True
            self.transport.close()
        else:
            self._refuse(TooSlow())

    def _has_begun(self) -> bool:
        return self.scope is not None  # pyright: ignore[reportUnnecessaryComparison] - None before

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._since = self.loop.time()
        self._began = True
        self._taken = 0

    def _count(self, size: int) -> None:
        """Bound what arrives in pieces and never completes: a header line, trailers, chunk names."""
        if self._began:
            return
        self._taken += size
        limits = self._limits
        if self._phase is Phase.HEAD:
            if self._taken > limits.header_bytes + limits.url_bytes:
                self._refuse(self._too_large_head())
        elif self._phase is Phase.BODY and self._taken > WRAPPING * max(
            limits.max_body_bytes, limits.refused_body_bytes
        ):
            self._refuse(TooLarge(limits.max_body_bytes))

    def _too_large_head(self) -> Rejection:
        if len(self.url) > self._limits.url_bytes:
            return UrlTooLong(f"At most {self._limits.url_bytes} bytes.")
        return HeadersTooLarge(f"At most {self._limits.header_bytes} bytes.")

    def _stop(self, why: Rejection) -> NoReturn:
        """Leave the parser, which passes on that it was left, not why."""
        self._why = why
        raise why


def connections(limits: Limits, refused: Refused) -> type[asyncio.Protocol]:
    """What uvicorn makes connections with."""

    def made(**given: Any) -> Connection:
        return Connection(**given, limits=limits, refused=refused)

    # uvicorn only calls it.
    return cast("type[asyncio.Protocol]", made)


async def watch(state: ServerState) -> NoReturn:
    """Look at all connections of a server once a second, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(PATROL_SECONDS)
        now = loop.time()
        for connection in list(state.connections):
            if isinstance(connection, Connection):
                connection.patrol(now)
