"""HTTP: every event a request of its own, acknowledged by a 2xx answer.

    2xx                          delivered
    429, or below with Retry-After   busy: it is asked again then (RFC 9110, 10.2.3)
    401, 403, 407, 408, 421, 425, 502, 503, 504, no connection, no answer in time
                                 unavailable: nobody is served, unless others are
    other 5xx                    failed: perhaps because of this event
    everything else              rejected: the same request would be answered the same

Redirects are not followed: a signature and a token are for one address.
"""

import asyncio
import ssl
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx
import msgspec

from store.events import RecordedEvent
from store.replay.targets.protocol import (
    Busy,
    Failed,
    Rejected,
    Unavailable,
    Undelivered,
    key_of,
    path_of,
)

Headers = dict[str, str]
Form = Callable[[RecordedEvent, str], tuple[Headers, bytes]]
"""What is sent for an event with this key: headers and body."""
Sign = Callable[[str, bytes], Headers]
"""Headers that prove a body with this key."""

FIELDS = frozenset(
    {"position", "key", "source", "event_type", "event_path", "event_id"}
    | {"resource_type", "resource_id", "ticket_id"}
)
"""What a URL template may name."""
LONGEST_ANSWER = 65_536

_UNAVAILABLE = frozenset({401, 403, 407, 408, 421, 425, 502, 503, 504})
_TOO_MANY = 429
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How requests are made; what is secret is in `sign` and in the client's auth."""

    url: str
    """A template: `https://crm.example.org/tickets/{ticket_id}`."""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Form
    sign: Sign | None = None
    timeout_seconds: float = 30.0


class Http:
    """An Endpoint over HTTP."""

    def __init__(self, request: Request, client: httpx.AsyncClient) -> None:
        self._request = request
        self._client = client

    async def deliver(self, event: RecordedEvent) -> None:
        made = self._made(event)
        try:
            async with asyncio.timeout(self._request.timeout_seconds):
                answer = await self._client.send(made, stream=True)
                try:
                    said = b"" if answer.is_success else await _said(answer)
                    # An answer that is not read to its end costs the connection.
                    if answer.is_success:
                        await _said(answer)
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise Unavailable(f"no answer in {self._request.timeout_seconds:g} s") from None
        except httpx.HTTPError as error:
            raise Unavailable(why_not(error)) from error
        if not answer.is_success:
            raise _undelivered(answer, said)

    async def close(self) -> None:
        await self._client.aclose()

    def _made(self, event: RecordedEvent) -> httpx.Request:
        key = key_of(event)
        headers, body = self._request.form(event, key)
        headers |= {"idempotency-key": key, "x-event-position": str(event.position)}
        headers |= self._request.headers
        if self._request.sign:
            headers |= self._request.sign(key, body)
        url = url_of(self._request.url, event, key)
        return self._client.build_request(self._request.method, url, headers=headers, content=body)


def client(
    *,
    concurrency: int,
    timeout_seconds: float = 30.0,
    auth: httpx.Auth | None = None,
    tls: ssl.SSLContext | None = None,
    proxy: str = "",
) -> httpx.AsyncClient:
    """A client for one target. Nothing comes from the environment: no proxy, no .netrc."""
    return httpx.AsyncClient(
        auth=auth,
        verify=tls if tls is not None else True,
        proxy=proxy or None,
        trust_env=False,
        timeout=timeout_seconds,  # of each step; `deliver` limits the whole exchange
        limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
    )


def as_received(event: RecordedEvent, _key: str) -> tuple[Headers, bytes]:
    """The very bytes received."""
    return {"content-type": "application/json"}, event.body


def check_template(url: str) -> None:
    """Raise ValueError, in words, for a template that could not be filled."""
    for _, name, format_spec, conversion in string.Formatter().parse(url):
        if name is not None and (name not in FIELDS or format_spec or conversion):
            raise ValueError(f"{{{name}}} is not known; there are {', '.join(sorted(FIELDS))}")


def url_of(template: str, event: RecordedEvent, key: str) -> str:
    """The template, filled in; what an event says cannot leave its place in the path."""
    if "{" not in template:
        return template
    values = {
        "position": str(event.position),
        "key": key,
        "source": event.source,
        "event_type": event.event_type,
        "event_path": path_of(event.event_type),
        "event_id": event.event_id,
        "resource_type": event.resource_type,
        "resource_id": event.resource_id,
        "ticket_id": event.ticket_id or "",
    }
    return template.format_map({name: segment(value) for name, value in values.items()})


def segment(value: str) -> str:
    """What somebody else calls something, as one segment of a path: it cannot leave its place."""
    # A segment of dots alone would be a step up (RFC 3986, 5.2.4), and a proxy may take %2E for one.
    quoted = quote(value, safe="")
    return quoted if quoted.strip(".") else quoted.replace(".", "%252E") or "-"


async def _said(answer: httpx.Response) -> bytes:
    """What an answer says, up to LONGEST_ANSWER bytes."""
    said = bytearray()
    async for part in answer.aiter_bytes():
        said += part
        if len(said) > LONGEST_ANSWER:
            break
    return bytes(said)


def _undelivered(answer: httpx.Response, said: bytes) -> Undelivered:
    status = answer.status_code
    text = f"answered {status}{reason_of(said)}"
    retry_after = seconds_of(answer.headers.get("retry-after", ""))
    if status == _TOO_MANY or (status in _UNAVAILABLE and retry_after is not None):
        busy = Busy(text)
        busy.retry_after = retry_after
        return busy
    if status in _UNAVAILABLE:
        return Unavailable(text)
    return Failed(text) if answer.is_server_error else Rejected(text)


def reason_of(said: bytes) -> str:
    """Code and reason of a TMF Error (TMF630), printable and short; else nothing.

    Of other answers nothing is kept: they might repeat what we sent.
    """
    try:
        told = msgspec.json.decode(said)
        parts = [told[name] for name in ("code", "reason") if isinstance(told.get(name), str)]
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError):
        return ""
    text = "".join(letter if letter.isprintable() else " " for letter in ": ".join(parts))
    return f" ({text[:_LONGEST_REASON]})" if text else ""


def seconds_of(text: str) -> float | None:
    """Seconds, whether the header gives seconds or a date."""
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def why_not(error: httpx.HTTPError) -> str:
    """Why there was no answer, without the address that was asked."""
    # The text of some errors holds the address, and that may hold what only we should know.
    names = {
        "ConnectError": "cannot be reached",
        "RemoteProtocolError": "closed the connection without an answer",
        "ReadError": "the connection broke",
        "WriteError": "the connection broke",
    }
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not one that we trust"
    return names.get(type(error).__name__, type(error).__name__)
