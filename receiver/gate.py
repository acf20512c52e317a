"""Before parsing: who is it, what media type, which encoding, how large; then the bytes.

Nothing here looks into the body; a signature needs its bytes, and only then are they read before
it is known who sends them. What is kept of the headers is a short list of names that never carry
credentials.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.types import Receive, Scope

from receiver.auth.identity import WRITE, Identity
from receiver.exchange import Exchange, SenderGone
from receiver.limits import Limits
from receiver.oversized import Oversized
from receiver.rejections import (
    Encoded,
    Forbidden,
    Rejection,
    TooLarge,
    Unauthorized,
    WrongMediaType,
)
from receiver.sources import SourceRules
from store.times import utc_text

KEPT_HEADERS = frozenset(
    {
        *(b"content-type", b"user-agent", b"date"),
        *(b"correlation-id", b"x-correlation-id", b"request-id", b"x-request-id"),
        *(b"traceparent", b"tracestate"),
        # CloudEvents in binary mode: its attributes, and those of its documented extensions.
        *(b"ce-specversion", b"ce-id", b"ce-source", b"ce-type", b"ce-time", b"ce-subject"),
        *(b"ce-dataschema", b"ce-partitionkey", b"ce-sequence", b"ce-sequencetype"),
        *(b"ce-traceparent", b"ce-tracestate"),
    }
)
"""Names of headers worth keeping: a list of those let in, so that no credential can slip by."""


class Identify(Protocol):
    """Who sends this. Raises Unauthorized, Forbidden, TooManyAttempts, CannotTell."""

    async def by_headers(self, scope: Scope) -> Identity | None:
        """Before the body is read; None when only the body can tell."""
        ...

    async def by_body(self, scope: Scope, body: bytes) -> Identity:
        """With the body, where the headers could not tell."""
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that came through the gate: whose it is, and the very bytes."""

    source: str
    rules: SourceRules
    path: str
    headers: tuple[tuple[str, str], ...]
    received_at: str
    media_type_given: bool
    body: bytes
    refusal: Rejection | None = None
    """Why the body cannot be read although it was taken in."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What everybody has to pass."""

    sources: Mapping[str, SourceRules]
    limits: Limits
    identify: Identify
    clock: Callable[[], datetime]
    oversized: Oversized

    async def enter(self, scope: Scope, receive: Receive, exchange: Exchange) -> Arrival:
        """Let a request in, or raise a Rejection; SenderGone when the body never ended."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        given = dict(headers)
        body, too_large = None, None
        identity = await self.identify.by_headers(scope)
        if identity is None:
            self._check_length(given.get(b"content-length", b""))
            body = await self._body(receive)
            identity = await self.identify.by_body(scope, body)
        rules = self._rules(identity)
        exchange.source = identity.source
        if body is None:
            try:
                self._check_length(given.get(b"content-length", b""))
                body = await self._body(receive)
            except TooLarge as refusal:
                body, too_large = await self.oversized.kept(refusal, receive), refusal
        return Arrival(
            source=identity.source,
            rules=rules,
            path=scope["path"],
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in headers
                if name in KEPT_HEADERS
            ),
            received_at=utc_text(self.clock()),
            media_type_given=bool(given.get(b"content-type", b"").strip()),
            body=body,
            refusal=too_large or _unreadable(given),
        )

    def _rules(self, identity: Identity) -> SourceRules:
        rules = self.sources.get(identity.source)
        if rules is None:
            raise Unauthorized
        if WRITE not in identity.scopes:
            raise Forbidden
        return rules

    def _check_length(self, announced: bytes) -> None:
        # Something other than digits is the server's to refuse; the body is counted anyway.
        if announced.isdigit() and int(announced) > self.limits.max_body_bytes:
            raise TooLarge(self.limits.max_body_bytes)

    async def _body(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            part = await receive()
            if part["type"] == "http.disconnect":
                raise SenderGone
            chunk: bytes = part.get("body", b"")
            size += len(chunk)
            chunks.append(chunk)
            if size > self.limits.max_body_bytes:
                ended = not part.get("more_body", False)
                raise TooLarge(self.limits.max_body_bytes, chunks, ended=ended)
            if not part.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _unreadable(given: Mapping[bytes, bytes]) -> Rejection | None:
    """Why the body cannot be JSON: another media type, or compressed.

    application/json and application/…+json pass with any parameters, and so does none at all.
    """
    given_kind = given.get(b"content-type", b"")
    if given_kind == b"application/json" and b"content-encoding" not in given:
        return None
    kind = given_kind.partition(b";")[0].strip().lower()
    if kind not in (b"", b"application/json") and not (
        kind.startswith(b"application/") and kind.endswith(b"+json")
    ):
        return WrongMediaType("Expected Content-Type: application/json.")
    if given.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
        return Encoded("Expected no Content-Encoding.")
    return None
