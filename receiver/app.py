"""create_app: the routes of the listener, and the one place where errors become answers.

POST {prefix}/listener/{event path}   also with a trailing slash or an id behind it
POST {prefix}/listener                the bare callback: the body names the event type
                                      (further prefixes and paths: receiver/dialect_paths.py)
GET  /openapi.json, /health/live, /health/ready, /metrics
…    /events…, {prefix}/hub…          our own consumers: receiver/consumers
GET  {prefix}/troubleTicket…          and its sisters: receiver/mirror
POST {prefix}/troubleTicket           and the two tasks: receiver/relay
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from receiver import envelope
from receiver.auth.anonymous import Everybody
from receiver.consumers.front import ConsumersFront
from receiver.dialect_paths import AgreedPaths, agreed_paths
from receiver.events import EVENT_TYPES, EventType, EventTypes
from receiver.exchange import Exchange, RequestIds, SenderGone
from receiver.gate import Gate, Identify
from receiver.health import Health
from receiver.limits import DEFAULT_LIMITS, Limits
from receiver.listener import Listener, Parse, answer
from receiver.logs import Refusals
from receiver.metrics import MEDIA_TYPE, Metrics
from receiver.openapi import describe
from receiver.oversized import Oversized
from receiver.rejections import (
    MethodNotAllowed,
    NotFound,
    NotReady,
    Rejection,
    TooLarge,
    answer_of,
    answer_to,
)
from receiver.security import OPEN, Security
from receiver.sources import SourceRules
from store import Appender, LogError

PREFIXES = ("", "/tmf-api/troubleTicketManagement/v5", "/tmf-api/troubleTicket/v5")
"""Bare, FIT's, TMF621's."""

METRICS = "/metrics"
MEDIA_TYPES = {METRICS: MEDIA_TYPE}
"""Of pages that are not JSON."""

DRAIN_SECONDS = 1.0
"""How long the rest of a body that is too large is read, so that the sender hears why."""

_JSON = b"application/json"

_logger = logging.getLogger(__name__)


def create_app(
    appender: Appender,
    *,
    sources: Mapping[str, SourceRules],
    limits: Limits = DEFAULT_LIMITS,
    prefixes: Sequence[str] = PREFIXES,
    identify: Identify | None = None,
    health: Health | None = None,
    metrics: Metrics | None = None,
    metrics_page: bool = True,
    security: Security = OPEN,
    parse: Parse = envelope.parse,
    consumers: ConsumersFront | None = None,
    event_types: Sequence[EventType] = EVENT_TYPES,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """The listener as an ASGI app. The appender stays the caller's: open it before, close it after.

    Without `metrics_page` it counts, but does not serve /metrics. `consumers` is the caller's too.
    """
    paths = agreed_paths([rules.dialect for rules in sources.values()])
    types = EventTypes(event_types, paths.events)
    metrics = metrics or Metrics()
    gate = Gate(sources, limits, identify or Everybody(), clock, Oversized(limits))
    front = Front(
        Listener(gate, types, appender, metrics, parse),
        types,
        tuple(prefix.rstrip("/") for prefix in prefixes),
        health or Health(appender),
        metrics,
        metrics_page=metrics_page,
        security=security,
        consumers=consumers,
        agreed=paths,
    )
    app = Starlette()
    # No routes: Starlette would try them one by one, and its pattern for any path knows no line
    # ends. A table costs the same for the first event type and the last.
    app.router.redirect_slashes = False
    app.router.default = front
    # Whatever is raised, the front answers; two middlewares that would too cost a tenth of the rate.
    app.middleware_stack = _Shortcut(front, app.router)
    return app


class _Shortcut:
    """Requests go straight to the front; start and stop are the router's."""

    def __init__(self, front: "Front", router: ASGIApp) -> None:
        self._front = front
        self._router = router

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """ASGI; hands on, without a coroutine of its own."""
        to = self._front if scope["type"] == "http" else self._router
        return to(scope, receive, send)


class Front:
    """Finds what a path is served by, and answers whatever is raised there."""

    def __init__(
        self,
        listener: Listener,
        types: EventTypes,
        prefixes: Sequence[str],
        health: Health,
        metrics: Metrics,
        *,
        metrics_page: bool,
        security: Security,
        consumers: ConsumersFront | None,
        agreed: AgreedPaths,
    ) -> None:
        self._listener = listener
        self._types = types
        self._prefixes = tuple(prefixes)
        self._health = health
        self._metrics = metrics
        self._security = security
        self._consumers = consumers
        self._request_ids = RequestIds()
        self._refusals = Refusals()
        self._listeners: dict[str, EventType | None] = {}
        self._agreed = agreed
        for prefix in dict.fromkeys((*prefixes, *agreed.prefixes)):
            self._listeners[f"{prefix}/listener"] = None
            self._listeners |= dict.fromkeys(
                (f"{prefix}/listener/{segment}" for segment in agreed.untyped), None
            )
            for path, event_type in types.by_path.items():
                self._listeners[f"{prefix}/listener/{path}"] = event_type
        self._pages: dict[str, Callable[[], Awaitable[bytes]]] = {
            "/openapi.json": self._openapi,
            "/health/live": self._live,
            "/health/ready": self._is_ready,
        }
        if metrics_page:
            self._pages[METRICS] = self._counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI; a class, because a function endpoint would cost half the throughput."""
        exchange = Exchange(self._request_ids.of(scope["headers"]))
        try:
            await self._serve(scope, receive, send, exchange)
        except SenderGone:
            return
        except (Rejection, LogError) as error:
            await self._refuse(error, scope, receive, send, exchange)
        except Exception as error:  # noqa: BLE001 - the last resort: a sender must hear something
            _log_unexpected(error, scope["path"], exchange)
            await self._refuse(error, scope, receive, send, exchange)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        path, method = scope["path"], scope["method"]
        page = self._pages.get(path)
        if page is not None:
            if method not in ("GET", "HEAD"):
                raise MethodNotAllowed("GET, HEAD")
            told = (("X-Request-Id", exchange.request_id),)
            await answer(send, 200, told, await page(), MEDIA_TYPES.get(path, _JSON))
            return
        if path in self._listeners:
            known = path
        elif self._consumers is not None and (methods := self._consumers.served(path)):
            await self._consumers.serve(methods, scope, receive, send, exchange)
            return
        else:
            known = self._nearly(path)
        if method != "POST":
            raise MethodNotAllowed("POST")
        await self._listener.take(self._listeners[known], scope, receive, send, exchange)

    async def _refuse(
        self, error: Exception, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> None:
        """Count it, say it, answer it."""
        code = answer_of(type(error)).code
        self._metrics.refused(exchange.source, exchange.event_type, code)
        status, headers, body = answer_to(error, exchange.request_id)
        self._refusals.say(status, code, scope["path"], exchange)
        if isinstance(error, TooLarge) and not error.ended:
            await answer(send, status, headers, body, ends=False)
            await _drain(receive)
            await send({"type": "http.response.body", "body": b""})
        else:
            await answer(send, status, headers, body)

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
        standing = await self._health.standing()
        if standing.broken:
            raise NotReady("; ".join(standing.broken))
        if standing.warnings:
            return json.dumps({"status": "ready", "warnings": standing.warnings}).encode()
        return b'{"status": "ready"}'

    async def _counts(self) -> bytes:
        if self._consumers is not None:
            await self._consumers.look()
        return self._metrics.page(await self._health.standing())

    @cached_property
    def _description(self) -> bytes:
        more = self._consumers.described() if self._consumers else {}
        told = describe(self._types, self._prefixes, self._security, more, self._agreed)
        return json.dumps(told).encode()


async def _drain(receive: Receive) -> None:
    """Read on for a while: closing a connection with bytes unread would take the answer with it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while (await receive()).get("more_body", False):
                pass


def _log_unexpected(error: Exception, path: str, exchange: Exchange) -> None:
    """Where it happened, never the exception's text: it could quote a payload."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    kind, told = type(error).__name__, {"request_id": exchange.request_id, "path": path}
    words = "unexpected %s at %s, answering %r, request %s"
    _logger.error(words, kind, place, path, exchange.request_id, extra={"told": told})
