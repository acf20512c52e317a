"""Security headers on every answer; the pages' own stricter policy stays when they set one."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_TEMPLATES_WITH_SCRIPT = ("_close_open_menus.html", "_codemirror_foot.html")
_FACET_SWITCH = ("DATASETTE_ALLOW_FACET = true;", "DATASETTE_ALLOW_FACET = false;")
"""The one script in Datasette's templates whose text is not always the same."""


def _policy(scripts: str) -> str:
    return (
        # Datasette's own templates carry styles in the page, so those must be allowed there.
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


PLAIN_POLICY = _policy("'unsafe-inline'")
"""Of a Datasette that somebody else configured: its other plugins may carry scripts in the page."""


@cache
def datasette_policy() -> str:
    """Of our Datasette: of all scripts in a page, only those of its own templates run."""
    templates = files("datasette").joinpath("templates")
    found = list(_FACET_SWITCH)
    for name in _TEMPLATES_WITH_SCRIPT:
        found += _INLINE.findall(templates.joinpath(name).read_text(encoding="utf-8"))
    digests = (hashlib.sha256(script.encode()).digest() for script in found)
    return _policy(" ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests))


_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def with_headers(send: Send, policy: str, more: Sequence[tuple[bytes, bytes]] = ()) -> Send:
    """A `send` that adds the security headers that an answer does not set itself, and `more`
    whatever it sets.
    """
    replaced = {name for name, _ in more}
    wanted = (*_HEADERS, (b"content-security-policy", policy.encode()))

    async def send_with_headers(part: MutableMapping[str, Any]) -> None:
        if part["type"] == "http.response.start":
            told = [(bytes(name).lower(), value) for name, value in part.get("headers", [])]
            headers = [pair for pair in told if pair[0] not in replaced] + list(more)
            present = {name for name, _ in headers}
            headers += [pair for pair in wanted if pair[0] not in present]
            part = {**part, "headers": headers}
        await send(part)

    return send_with_headers


def with_security_headers(app: App, policy: str) -> App:
    """Wrap an ASGI app; `policy`: the content security policy of pages that set none."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, with_headers(send, policy))

    return wrapped
