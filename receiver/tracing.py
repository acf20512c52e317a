"""OpenTelemetry traces of deliveries: an option, off unless the setting `traces` says where they go.

    POST TroubleTicketCreateEvent     from the first byte of the answer's turn to its last
    ├── validate                      bytes → event, or why it is none
    └── append | quarantine           the wait for the commit

A sender's traceparent (W3C) is continued. Spans have source, event type, position and the codes of
refusals; never payload, never credentials, so no text of an exception and no query of a URL. That,
and that ours know what became of an event, is why Starlette's own middleware is not used. What is
off costs nothing: the straight line is wrapped only where it is traced.
"""

import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.options import UnusableSettings
from receiver.events import EventType, EventTypes
from receiver.gate import Arrival
from receiver.limits import Limits
from receiver.listener import Parse
from receiver.logs import MOST_PATH_CHARACTERS
from receiver.rejections import Rejection, answer_of
from store import Accepted, Appended, Appender, NewEvent, Refused

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

EXPORT_SECONDS = 5.0
"""How long one attempt to hand spans over may take, retries included."""
LAST_SECONDS = 2.0
"""How long the end of the receiver waits for the last ones."""

_SIGNAL = "/v1/traces"
_FAULTS = 500
_TOLD: Mapping[bytes, tuple[str, type[str] | type[int]]] = MappingProxyType(
    {
        b"x-request-id": ("listener.request_id", str),
        b"x-event-position": ("listener.position", int),
        b"x-event-quarantine": ("listener.quarantine", int),
    }
)
"""What an answer's headers tell of the delivery."""


class Tracing:
    """Wraps the parts of one receiver. This one is off: everything stays as it is."""

    def app(self, app: ASGIApp) -> ASGIApp:
        """The listener, with a span for each POST; pages and health checks have none."""
        return app

    def parse(self, parse: Parse) -> Parse:
        """Validation, with a span."""
        return parse

    def appender(self, appender: Appender) -> Appender:
        """The log, with a span for each wait for a commit."""
        return appender

    def close(self) -> None:
        """Hand over what is left; waits a moment at most."""


class Traced(Tracing):
    """Tells a tracer what the parts do."""

    def __init__(self, tracer: "Tracer", close: Callable[[], None] = lambda: None) -> None:
        self._tracer = tracer
        self._close = close

    def close(self) -> None:
        """Hand over what is left; waits a moment at most."""
        self._close()

    def app(self, app: ASGIApp) -> ASGIApp:
        """The listener, with a span for each POST; pages and health checks have none."""
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        propagator = TraceContextTextMapPropagator()

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] != "POST":
                await app(scope, receive, send)
                return
            with self._tracer.start_as_current_span(
                "POST",
                context=propagator.extract(_trace_headers(scope)),
                kind=SpanKind.SERVER,
                attributes={
                    "http.request.method": "POST",
                    "url.path": scope["path"][:MOST_PATH_CHARACTERS],
                },
                record_exception=False,
                set_status_on_exception=False,
            ) as span:

                async def told(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        _tell_answer(span, message)
                        if message["status"] >= _FAULTS:
                            span.set_status(Status(StatusCode.ERROR))
                    await send(message)

                await app(scope, receive, told)

        return traced

    def parse(self, parse: Parse) -> Parse:
        """Validation, with a span."""

        def traced(
            arrival: Arrival, types: EventTypes, event_type: EventType | None, limits: Limits
        ) -> NewEvent:
            with self._span("validate") as span:
                span.set_attribute("listener.source", arrival.source)
                span.set_attribute("listener.bytes", len(arrival.body))
                try:
                    return parse(arrival, types, event_type, limits)
                except Rejection as refusal:
                    span.set_attribute("listener.refusal", answer_of(type(refusal)).code)
                    raise

        return traced

    def appender(self, appender: Appender) -> Appender:
        """The log, with a span for each wait for a commit."""
        return _TracedAppender(appender, self._span)

    def _span(self, name: str) -> "_OpenSpan":
        return _OpenSpan(self._tracer, name)


class _OpenSpan:
    """A child of the delivery's span; of what is raised in it, it keeps the class, not the text."""

    def __init__(self, tracer: "Tracer", name: str) -> None:
        self._opened = tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        )

    def __enter__(self) -> "Span":
        self._span = self._opened.__enter__()
        return self._span

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._span.set_attribute("error.type", kind.__name__)
        self._opened.__exit__(None, None, None)


class _TracedAppender:
    """An Appender."""

    def __init__(self, appender: Appender, span: Callable[[str], _OpenSpan]) -> None:
        self._appender = appender
        self._span = span
        self.is_ready = appender.is_ready
        self.why_not_ready = appender.why_not_ready
        self.waiting = appender.waiting
        self.is_full = appender.is_full
        self.close = appender.close

    async def append(self, event: NewEvent) -> Appended | Accepted:
        """As promised by the log."""
        from opentelemetry.trace import get_current_span

        delivery = get_current_span()
        delivery.update_name(f"POST {event.event_type}")
        delivery.set_attribute("listener.source", event.source)
        delivery.set_attribute("listener.event_type", event.event_type)
        with self._span("append") as span:
            appended = await self._appender.append(event)
            if isinstance(appended, Accepted):
                span.set_attribute("listener.sequence", appended.sequence)
            else:
                span.set_attribute("listener.position", appended.position)
            span.set_attribute("listener.redelivery", appended.duplicate)
            return appended

    async def quarantine(self, refused: Refused) -> int | None:
        """As promised by the log."""
        from opentelemetry.trace import get_current_span

        get_current_span().set_attribute("listener.source", refused.source)
        with self._span("quarantine") as span:
            number = await self._appender.quarantine(refused)
            if number is not None:
                span.set_attribute("listener.quarantine", number)
            span.set_attribute("listener.reasons", [reason.code for reason in refused.reasons])
            return number


def check(url: str) -> None:
    """Raise UnusableSettings where traces are wanted and the libraries are not installed."""
    wanted = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    try:
        if not url or find_spec(wanted):
            return
    except ImportError:
        pass  # not even its parents are there
    raise UnusableSettings(
        "traces: OpenTelemetry is not installed; install tmf621-listener[otel], or leave the "
        "setting empty"
    )


def start(url: str) -> Tracing:
    """Traces to a collector that speaks OTLP over HTTP; off where no address is named.

    Without a path it is that of traces, /v1/traces. Headers that a collector asks for, sampling and
    names come from OpenTelemetry's own variables (OTEL_…). Raises UnusableSettings.
    """
    check(url)
    if not url:
        return Tracing()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    number = version("tmf621-listener")
    ours = Resource({"service.name": "tmf621-listener", "service.version": number})
    provider = TracerProvider(
        resource=Resource.create().merge(ours).merge(OTELResourceDetector().detect()),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=_endpoint(url), timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traced(
        provider.get_tracer("tmf621-listener", number), lambda: _within(provider.shutdown)
    )


def _endpoint(url: str) -> str:
    return url if urlsplit(url).path.strip("/") else url.rstrip("/") + _SIGNAL


def _within(close: Callable[[], None]) -> None:
    # A collector that hangs must not hold the end of the receiver up.
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(LAST_SECONDS)


def _trace_headers(scope: Scope) -> dict[str, str]:
    return {
        name.decode(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in (b"traceparent", b"tracestate")
    }


def _tell_answer(span: "Span", message: Message) -> None:
    span.set_attribute("http.response.status_code", message["status"])
    for name, value in message["headers"]:
        if name in _TOLD:
            attribute, kind = _TOLD[name]
            span.set_attribute(attribute, kind(value.decode("latin-1")))
