"""The straight line: bytes → envelope → event → append → answer.

A 2xx leaves only after the commit; a 4xx about a body only after its bytes are in quarantine.
"""

import hashlib
import json

from starlette.types import Receive, Scope, Send

from receiver import envelope
from receiver.events import EventType, EventTypes
from receiver.gate import Arrival, Gate
from receiver.rejections import ANSWERS, Headers, InvalidEvent
from store import Appender
from store.events import Appended, Reason, Refused


class Listener:
    """Takes events in."""

    def __init__(self, gate: Gate, types: EventTypes, appender: Appender) -> None:
        self._gate = gate
        self._types = types
        self._appender = appender

    async def take(
        self, event_type: EventType | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Take one event in and answer it; without an event type the body names it.

        Raises Rejection, LogError and SenderGone; nothing was answered then.
        """
        arrival = await self._gate.enter(scope, receive)
        try:
            event = envelope.parse(arrival, self._types, event_type)
        except InvalidEvent as invalid:
            await self._keep_refused(arrival, invalid, send)
            return
        appended = await self._appender.append(event)
        await _answer_success(arrival, _told(appended), str(appended.position), send)

    async def _keep_refused(self, arrival: Arrival, invalid: InvalidEvent, send: Send) -> None:
        status = (
            arrival.rules.success_status
            if arrival.rules.on_invalid == "accept"
            else ANSWERS[InvalidEvent].status
        )
        number = await self._appender.quarantine(_refused(arrival, invalid.reasons, status))
        told: Headers = (("X-Event-Quarantine", str(number)),)
        if arrival.rules.on_invalid == "refuse":
            invalid.headers = told
            raise invalid
        await _answer_success(arrival, told, str(number), send)


def fingerprint(source: str, path: str, reasons: tuple[Reason, ...]) -> str:
    """16 hex digits that refusals of one kind share: source, path, and what was wrong where."""
    kinds = sorted((reason.code, reason.pointer) for reason in reasons)
    text = json.dumps([source, path, kinds])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _refused(arrival: Arrival, reasons: tuple[Reason, ...], status: int) -> Refused:
    return Refused(
        source=arrival.source,
        path=arrival.path,
        headers=arrival.headers,
        received_at=arrival.received_at,
        status=status,
        reasons=reasons,
        fingerprint=fingerprint(arrival.source, arrival.path, reasons),
        body=arrival.body,
    )


def _told(appended: Appended) -> Headers:
    position = ("X-Event-Position", str(appended.position))
    return (position, ("X-Event-Duplicate", "true")) if appended.duplicate else (position,)


async def _answer_success(arrival: Arrival, headers: Headers, number: str, send: Send) -> None:
    """204 has no body, 200 an empty object, 201 the EventSubscription that v4 asks for."""
    status = arrival.rules.success_status
    bodies = {200: {}, 201: {"id": number, "callback": arrival.path}}
    body = json.dumps(bodies[status]).encode() if status in bodies else b""
    await answer(send, status, headers, body)


async def answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send one answer; a body is JSON."""
    told = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if body:
        told.append((b"content-type", b"application/json"))
        told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
