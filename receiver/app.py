"""create_app: the routes of the listener, and the one place where errors become answers.

POST {prefix}/listener/{event path}   also with a trailing slash or an id behind it
POST {prefix}/listener                the bare callback: the body names the event type
GET  /openapi.json, /health/live, /health/ready
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from receiver.auth import anonymous
from receiver.events import EVENT_TYPES, EventType, EventTypes
from receiver.gate import Gate, Identify, SenderGone
from receiver.listener import Listener, answer
from receiver.openapi import describe
from receiver.rejections import MethodNotAllowed, NotFound, NotReady, Rejection, answer_to
from receiver.sources import DEFAULT_LIMITS, Limits, SourceRules
from store import Appender, LogError

PREFIXES = ("", "/tmf-api/troubleTicketManagement/v5", "/tmf-api/troubleTicket/v5")
"""Bare, FIT's, TMF621's."""

Ready = Callable[[], bool]
"""Whether what is promised can be kept now."""

_logger = logging.getLogger(__name__)


def create_app(
    appender: Appender,
    *,
    sources: Mapping[str, SourceRules],
    limits: Limits = DEFAULT_LIMITS,
    prefixes: Sequence[str] = PREFIXES,
    identify: Identify = anonymous.identify,
    ready: Ready | None = None,
    event_types: Sequence[EventType] = EVENT_TYPES,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """The listener as an ASGI app. The appender stays the caller's: open it before, close it after."""
    types = EventTypes(event_types)
    listener = Listener(Gate(sources, limits, identify, clock), types, appender)
    front = Front(
        listener,
        types,
        tuple(prefix.rstrip("/") for prefix in prefixes),
        ready or appender.is_ready,
    )
    # One route for every path: Starlette would try its routes one by one, a table costs the same
    # for the first event type and the last.
    return Starlette(routes=[Route("/{path:path}", endpoint=front)])


class Front:
    """Finds what a path is served by, and answers whatever is raised there."""

    def __init__(
        self, listener: Listener, types: EventTypes, prefixes: Sequence[str], ready: Ready
    ) -> None:
        self._listener = listener
        self._types = types
        self._prefixes = tuple(prefixes)
        self._ready = ready
        self._listeners: dict[str, EventType | None] = {}
        for prefix in prefixes:
            self._listeners[f"{prefix}/listener"] = None
            for path, event_type in types.by_path.items():
                self._listeners[f"{prefix}/listener/{path}"] = event_type
        self._pages: dict[str, Callable[[], Awaitable[bytes]]] = {
            "/openapi.json": self._openapi,
            "/health/live": self._live,
            "/health/ready": self._is_ready,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI; a class, because a function endpoint would cost half the throughput."""
        try:
            await self._serve(scope, receive, send)
        except SenderGone:
            return
        except (Rejection, LogError) as error:
            await answer(send, *answer_to(error))
        except Exception as error:  # noqa: BLE001 - the last resort: a sender must hear something
            _log_unexpected(error, scope["path"])
            await answer(send, *answer_to(error))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        page = self._pages.get(path)
        if page is not None:
            if method not in ("GET", "HEAD"):
                raise MethodNotAllowed("GET, HEAD")
            await answer(send, 200, (), await page())
            return
        known = path if path in self._listeners else self._nearly(path)
        if method != "POST":
            raise MethodNotAllowed("POST")
        await self._listener.take(self._listeners[known], scope, receive, send)

    def _nearly(self, path: str) -> str:
        """A known path behind a trailing slash or an id; some senders append them."""
        known = path.rstrip("/")
        if known in self._listeners:
            return known
        known = known.rpartition("/")[0]
        if self._listeners.get(known) is not None:
            return known
        raise NotFound

    async def _openapi(self) -> bytes:
        return self._description

    async def _live(self) -> bytes:
        return b'{"status": "live"}'

    async def _is_ready(self) -> bytes:
        if not self._ready():
            raise NotReady
        return b'{"status": "ready"}'

    @cached_property
    def _description(self) -> bytes:
        return json.dumps(describe(self._types, self._prefixes)).encode()


def _log_unexpected(error: Exception, path: str) -> None:
    """Where it happened, never the exception's text: it could quote a payload."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    _logger.error("unexpected %s at %s, answering %s", type(error).__name__, place, path)
