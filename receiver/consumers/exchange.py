"""A consumer at the gate: who it is, what it may, what it asks; and the answer it is given."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast

from starlette.types import Receive, Scope, Send

from receiver.auth.identity import READ, Identity
from receiver.exchange import Exchange
from receiver.gate import Identify, SenderGone
from receiver.rejections import Forbidden, Headers, InvalidRequest, TooLarge, Unauthorized

MOST_BODY_BYTES = 65_536
PART_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a consumer that may do what it asks for."""

    owner: str
    """The source that it proved to be: whose checkpoints and subscriptions it sees."""
    is_anonymous: bool
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    receive: Receive
    send: Send
    request_id: str

    async def answer(
        self,
        status: int,
        body: bytes = b"",
        *,
        media_type: bytes = b"application/json",
        headers: Headers = (),
    ) -> None:
        """The whole answer."""
        await self.begin(status, media_type, (*headers, ("Content-Length", str(len(body)))))
        # In parts, each when the one before has gone: others have their turn in between, and who
        # reads slowly does not fill our buffers.
        for start in range(0, len(body) - PART_BYTES, PART_BYTES):
            part = body[start : start + PART_BYTES]
            await self.send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0)
        last = body[(max(len(body) - 1, 0) // PART_BYTES) * PART_BYTES :]
        await self.send({"type": "http.response.body", "body": last})

    async def answer_empty(self) -> None:
        """204."""
        await self.begin(204, b"", ())
        await self.send({"type": "http.response.body", "body": b""})

    async def begin(self, status: int, media_type: bytes, headers: Headers) -> None:
        """The head of an answer; what follows are parts of its body."""
        told = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]
        told.append((b"x-request-id", self.request_id.encode("latin-1")))
        told.append((b"cache-control", b"no-store" if media_type == STREAM else b"no-cache"))
        if status not in (204, 304):
            told.append((b"content-type", media_type))
        await self.send({"type": "http.response.start", "status": status, "headers": told})

    async def answer_tagged(self, body: bytes, media_type: bytes, headers: Headers = ()) -> None:
        """200, or 304 where the consumer has this very answer already (RFC 9110, 13.1.2)."""
        tag = f'"{hashlib.blake2b(body + media_type, digest_size=16).hexdigest()}"'
        told = (*headers, ("ETag", tag), ("Vary", "Accept"))
        if self.has(tag):
            await self.answer_known(told)
        else:
            await self.answer(200, body, media_type=media_type, headers=told)

    def has(self, tag: str) -> bool:
        """Whether the consumer has the answer of this tag already."""
        known = self.headers.get(b"if-none-match", b"").decode("latin-1")
        tags = [one.strip().removeprefix("W/") for one in known.split(",")]
        return tag.removeprefix("W/") in tags or known.strip() == "*"

    async def answer_known(self, headers: Headers) -> None:
        """304."""
        await self.begin(304, b"", headers)
        await self.send({"type": "http.response.body", "body": b""})

    def document(self) -> dict[str, Any]:
        """The body as a JSON object. Raises InvalidRequest.

        Only as application/json: a page in somebody's browser can post anything else anywhere
        without asking first (CORS, "simple" requests).
        """
        kind = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise InvalidRequest("Content-Type", "application/json")
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            raise InvalidRequest("body", "JSON") from None
        if not isinstance(document, dict):
            raise InvalidRequest("body", "an object")
        return cast("dict[str, Any]", document)


STREAM = b"text/event-stream"


@dataclass(frozen=True, slots=True)
class Entrance:
    """What is demanded for one path and method."""

    scope: str = READ
    most_bytes: int = MOST_BODY_BYTES
    """Of a body."""


READING = Entrance()


@dataclass(frozen=True, slots=True)
class ReadingGate:
    """What every consumer has to pass."""

    identify: Identify
    sources: frozenset[str]

    async def enter(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        exchange: Exchange,
        entrance: Entrance = READING,
    ) -> Visit:
        """Let a consumer in, or raise a Rejection; SenderGone when the body never ended."""
        body = None
        identity = await self.identify.by_headers(scope)
        if identity is None:
            body = await _body(receive, entrance.most_bytes)
            identity = await self.identify.by_body(scope, body)
        lines: Sequence[tuple[bytes, bytes]] = scope["headers"]
        headers = dict(lines)
        self._check(identity, headers, entrance.scope)
        exchange.source = identity.source
        if body is None and scope["method"] in ("POST", "PUT"):
            body = await _body(receive, entrance.most_bytes)
        return Visit(
            owner=identity.source,
            is_anonymous=identity.is_anonymous,
            query=scope["query_string"],
            headers=headers,
            body=body or b"",
            receive=receive,
            send=send,
            request_id=exchange.request_id,
        )

    def _check(self, identity: Identity, headers: Mapping[bytes, bytes], needed: str) -> None:
        if identity.source not in self.sources:
            raise Unauthorized
        if needed not in identity.scopes:
            raise Forbidden(f"It needs the scope {needed}.")
        if identity.is_anonymous and not _names_this_machine(headers.get(b"host", b"")):
            # A page elsewhere whose name was made to lead here (DNS rebinding) asks as anybody on
            # this machine does, but for the name.
            raise Forbidden("Without credentials only under the name or address of this machine.")


def _names_this_machine(host: bytes) -> bool:
    name = host.decode("latin-1").strip()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.rstrip(".").lower() == "localhost"


async def _body(receive: Receive, most: int) -> bytes:
    found = b""
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise SenderGone
        found += part.get("body", b"")
        if len(found) > most:
            raise TooLarge(most)
        if not part.get("more_body", False):
            return found
