"""Security headers on every answer; the pages' own stricter policy stays when they set one."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

DATASETTE_POLICY = (
    # Datasette's own templates carry scripts and styles in the page, so those must be allowed there.
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", DATASETTE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def with_headers(send: Send, more: Sequence[tuple[bytes, bytes]] = ()) -> Send:
    """A `send` that adds the security headers that an answer does not set itself, and `more`
    whatever it sets.
    """
    replaced = {name for name, _ in more}

    async def send_with_headers(part: MutableMapping[str, Any]) -> None:
        if part["type"] == "http.response.start":
            told = [(bytes(name).lower(), value) for name, value in part.get("headers", [])]
            headers = [pair for pair in told if pair[0] not in replaced] + list(more)
            present = {name for name, _ in headers}
            headers += [pair for pair in _HEADERS if pair[0] not in present]
            part = {**part, "headers": headers}
        await send(part)

    return send_with_headers


def with_security_headers(app: App) -> App:
    """Wrap an ASGI app."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, with_headers(send))

    return wrapped
