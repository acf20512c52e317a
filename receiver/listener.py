"""The straight line: bytes → envelope → event → append → answer.

A 2xx leaves only after the commit; a 4xx about a body only after its bytes are in quarantine.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from starlette.types import Receive, Scope, Send

from receiver import envelope
from receiver.events import EventType, EventTypes
from receiver.exchange import Exchange
from receiver.gate import Arrival, Gate
from receiver.limits import Limits
from receiver.metrics import Metrics
from receiver.rejections import (
    Headers,
    InvalidEvent,
    Rejection,
    TooLarge,
    WrongMediaType,
    answer_of,
)
from store import Appender, Overloaded
from store.dialects import AnswerBody
from store.events import Accepted, Appended, NewEvent, Reason, Refused

Parse = Callable[[Arrival, EventTypes, EventType | None, Limits], NewEvent]
"""What a body is as an event; raises InvalidEvent."""

BODIES: Mapping[int, AnswerBody] = MappingProxyType(
    {200: "object", 201: "event-subscription", 204: "none"}
)
"""What belongs to the status of a success."""


class Listener:
    """Takes events in."""

    def __init__(
        self,
        gate: Gate,
        types: EventTypes,
        appender: Appender,
        metrics: Metrics,
        parse: Parse = envelope.parse,
    ) -> None:
        self._gate = gate
        self._types = types
        self._appender = appender
        self._metrics = metrics
        self._parse = parse

    async def take(
        self,
        event_type: EventType | None,
        scope: Scope,
        receive: Receive,
        send: Send,
        exchange: Exchange,
    ) -> None:
        """Take one event in and answer it; without an event type the body names it.

        Raises Rejection, LogError and SenderGone; nothing was answered then.
        """
        if event_type is not None:
            exchange.event_type = event_type.name
        if self._appender.is_full():
            # Before anything is spent on it: what waits already must not wait for refusals.
            raise Overloaded("The queue is full.")
        arrival = await self._gate.enter(scope, receive, exchange)
        try:
            event = self._event(arrival, event_type)
        except Rejection as refusal:
            self._metrics.received(exchange.source, exchange.event_type)
            await self._keep_refused(arrival, refusal, send, exchange)
            return
        exchange.event_type = event.event_type
        self._metrics.received(event.source, event.event_type)
        appended = await self._appender.append(event)
        self._metrics.acknowledged(event.source, event.event_type, redelivered=appended.duplicate)
        await _answer_success(arrival, _told(appended), _number(appended), send, exchange)

    def _event(self, arrival: Arrival, event_type: EventType | None) -> NewEvent:
        if arrival.refusal is not None:
            raise arrival.refusal
        return self._parse(arrival, self._types, event_type, self._gate.limits)

    async def _keep_refused(
        self, arrival: Arrival, refusal: Rejection, send: Send, exchange: Exchange
    ) -> None:
        """Quarantine first. A body that is not even JSON by its headers is never `accept`ed: that
        is the sender's software, not one odd event.
        """
        accepted = arrival.rules.on_invalid == "accept" and isinstance(refusal, InvalidEvent)
        answered = answer_of(type(refusal))
        status = arrival.rules.success_status if accepted else answered.status
        refused = _refused(arrival, _reasons(refusal), status, exchange.request_id)
        exchange.quarantine = await self._appender.quarantine(refused)
        number = exchange.quarantine
        told: Headers = () if number is None else (("X-Event-Quarantine", str(number)),)
        if not accepted:
            refusal.headers += told
            raise refusal
        self._metrics.refused(exchange.source, exchange.event_type, answered.code)
        named = exchange.request_id if number is None else str(number)
        await _answer_success(arrival, told, named, send, exchange)


def fingerprint(source: str, path: str, reasons: tuple[Reason, ...]) -> str:
    """16 hex digits that refusals of one kind share: source, path, and what was wrong where."""
    kinds = sorted((reason.code, reason.pointer) for reason in reasons)
    text = json.dumps([source, path, kinds])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _reasons(refusal: Rejection) -> tuple[Reason, ...]:
    if isinstance(refusal, InvalidEvent | TooLarge):
        return refusal.reasons
    header = "Content-Type" if isinstance(refusal, WrongMediaType) else "Content-Encoding"
    code = answer_of(type(refusal)).code
    return (Reason(code, "", f"a body whose {header} is application/json or none"),)


def _refused(
    arrival: Arrival, reasons: tuple[Reason, ...], status: int, request_id: str
) -> Refused:
    return Refused(
        source=arrival.source,
        path=arrival.path,
        headers=arrival.headers,
        received_at=arrival.received_at,
        status=status,
        reasons=reasons,
        fingerprint=fingerprint(arrival.source, arrival.path, reasons),
        request_id=request_id,
        body=arrival.body,
    )


def _told(appended: Appended | Accepted) -> Headers:
    name = "X-Event-Sequence" if isinstance(appended, Accepted) else "X-Event-Position"
    where = (name, _number(appended))
    return (where, ("X-Event-Duplicate", "true")) if appended.duplicate else (where,)


def _number(appended: Appended | Accepted) -> str:
    return str(appended.sequence if isinstance(appended, Accepted) else appended.position)


async def _answer_success(
    arrival: Arrival, headers: Headers, number: str, send: Send, exchange: Exchange
) -> None:
    """204 has no body, 200 an empty object, 201 the EventSubscription that v4 asks for, unless the
    source's dialect has another.
    """
    status = arrival.rules.success_status
    match arrival.rules.dialect.body or BODIES[status]:
        case "event-subscription":
            body = json.dumps({"id": number, "callback": arrival.path}).encode()
        case "object":
            body = b"{}"
        case _:
            body = b""
    await answer(send, status, (*headers, ("X-Request-Id", exchange.request_id)), body)


async def answer(
    send: Send,
    status: int,
    headers: Headers,
    body: bytes,
    media_type: bytes = b"application/json",
    *,
    ends: bool = True,
) -> None:
    """Send one answer; a body is JSON unless said otherwise. One that does not end yet is ended by
    sending an empty part of its body.
    """
    told = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if body:
        told.append((b"content-type", media_type))
        told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body, "more_body": not ends})
