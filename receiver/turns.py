"""Answers in turn: what a connection owes its sender, when one refusal ends it.

uvicorn's protocol on httptools answers requests that were sent ahead (pipelining) one after the
other. Here a refusal takes its turn too, as a TMF Error, and is the last word; who half-closes the
connection behind its requests hears all answers; and who is gone is written to no more.
"""

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from receiver.rejections import Rejection, answer_to

LINGER_SECONDS = 1.0
"""How long a refused sender is listened to without heed: closing at once would reset the
connection, and the answer would be lost on its way."""

Refused = Callable[[Rejection, Iterable[tuple[bytes, bytes]]], str]
"""Told of every refusal that never became a request, and of what headers it had; the id to say."""


class Phase(Enum):
    """What is awaited from the sender."""

    HEAD = 1
    BODY = 2
    NOTHING = 3


class Turns(HttpToolsProtocol):
    """A connection that answers in turn, its last word included."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        refused: Refused,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._refused = refused
        self._phase = Phase.HEAD
        # What comes from now on is not read.
        self._deaf = False
        self._last_word: tuple[Rejection, str] | None = None
        # The request that is being answered; self.cycle is the one that came last.
        self._running: RequestResponseCycle | None = None

    def eof_received(self) -> bool | None:  # pyright: ignore[reportIncompatibleMethodOverride] - asyncio's; uvicorn always closes
        """The sender sends no more: what it sent in whole is answered before we close too."""
        in_part = self._phase is Phase.BODY and self._running is self.cycle
        # TLS has no half-closed connections.
        if self._is_idle() or in_part or self.scheme == "https":
            return None
        if not self._deaf:
            self._forget_part()
            self._take_no_more()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: who still answers on it must not write."""
        super().connection_lost(exc)
        if self._running is not None:
            # uvicorn tells only the last one of several that were sent ahead.
            self._running.disconnected = True
            self._running.message_event.set()

    def on_response_complete(self) -> None:
        """A request was answered; the next one waits already, or the connection is idle."""
        others_wait = bool(self.pipeline)
        super().on_response_complete()
        if not others_wait and self._last_word is not None:
            self._write(*self._last_word)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _is_idle(self) -> bool:
        if self.pipeline:
            return False
        return self._running is None or self._running.response_complete

    def _take_no_more(self) -> None:
        """Answer what is there, then close."""
        self._deaf = True
        last = self.pipeline[0][0] if self.pipeline else self._running
        if last is not None:
            last.keep_alive = False

    def _forget_part(self) -> None:
        """Drop a request that waits for its turn and never came in whole."""
        if self._phase is Phase.BODY and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()

    def _refuse(self, why: Rejection) -> None:
        """Answer in turn: behind requests that came in whole and are not answered yet."""
        self._deaf = True
        request_id = self._refused(why, self._head())
        if self._phase is Phase.BODY and self._running is self.cycle:
            told_already = self.cycle.response_started
            # Who waits for the rest of the body hears that there is none.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if told_already:
                self._close()
            else:
                self._write(why, request_id)
            return
        self._forget_part()
        if self._is_idle():
            self._write(why, request_id)
        else:
            self._last_word = why, request_id

    def _head(self) -> Iterable[tuple[bytes, bytes]]:
        """The headers of the request at hand, as far as there are any."""
        if self._phase is Phase.NOTHING or self.scope is None:  # pyright: ignore[reportUnnecessaryComparison] - None before
            return ()
        return self.scope["headers"]

    def _write(self, why: Rejection, request_id: str) -> None:
        if self.transport.is_closing():
            return
        status, headers, body = answer_to(why, request_id)
        told = dict(headers) | {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        lines = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            lines += [name, b": ", value, b"\r\n"]
        lines += [f"{name.lower()}: {value}\r\n".encode("latin-1") for name, value in told.items()]
        self.transport.write(b"".join([*lines, b"\r\n", body]))
        self._close()

    def _close(self) -> None:
        self._unset_keepalive_if_required()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
