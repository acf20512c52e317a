"""Before parsing: who is it, what media type, which encoding, how large; then the bytes.

Nothing here looks into the body. What is kept of the headers is a short list of names that
never carry credentials.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.types import Receive, Scope

from receiver.rejections import Encoded, TooLarge, Unauthorized, WrongMediaType
from receiver.sources import Limits, SourceRules
from store.times import utc_text

KEPT_HEADERS = frozenset(
    {
        *(b"content-type", b"user-agent", b"date"),
        *(b"correlation-id", b"x-correlation-id", b"request-id", b"x-request-id"),
        *(b"traceparent", b"tracestate"),
    }
)
"""Names of headers worth keeping: a list of those let in, so that no credential can slip by."""

Identify = Callable[[Scope], str]
"""Who sends this: the name of a source, or Unauthorized."""


class SenderGone(Exception):
    """The sender hung up before its body was complete: there is nobody to answer."""


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


@dataclass(frozen=True, slots=True)
class Gate:
    """What everybody has to pass."""

    sources: Mapping[str, SourceRules]
    limits: Limits
    identify: Identify
    clock: Callable[[], datetime]

    async def enter(self, scope: Scope, receive: Receive) -> Arrival:
        """Let a request in, or raise a Rejection; SenderGone when the body never ended."""
        source = self.identify(scope)
        rules = self.sources.get(source)
        if rules is None:
            raise Unauthorized
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        given = dict(headers)
        media_type = _media_type(given.get(b"content-type", b""))
        _check_encoding(given.get(b"content-encoding", b""))
        self._check_length(given.get(b"content-length", b""))
        body = await self._body(receive)
        return Arrival(
            source=source,
            rules=rules,
            path=scope["path"],
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in headers
                if name in KEPT_HEADERS
            ),
            received_at=utc_text(self.clock()),
            media_type_given=bool(media_type),
            body=body,
        )

    def _check_length(self, announced: bytes) -> None:
        # Something other than digits is the server's to refuse; the body is counted anyway.
        if announced.isdigit() and int(announced) > self.limits.max_body_bytes:
            raise self._too_large()

    async def _body(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            part = await receive()
            if part["type"] == "http.disconnect":
                raise SenderGone
            chunk: bytes = part.get("body", b"")
            size += len(chunk)
            if size > self.limits.max_body_bytes:
                raise self._too_large()
            chunks.append(chunk)
            if not part.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"At most {self.limits.max_body_bytes} bytes are taken in.")


def _media_type(given: bytes) -> bytes:
    """application/json or application/…+json with any parameters; b"" where none was given."""
    kind = given.partition(b";")[0].strip().lower()
    if kind in (b"", b"application/json"):
        return kind
    if kind.startswith(b"application/") and kind.endswith(b"+json"):
        return kind
    raise WrongMediaType("Expected Content-Type: application/json.")


def _check_encoding(given: bytes) -> None:
    if given.strip().lower() not in (b"", b"identity"):
        raise Encoded("Expected no Content-Encoding.")
