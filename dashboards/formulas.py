"""CSV that a spreadsheet does not run: text of senders which begins like a formula gets an apostrophe.

Our own downloads say so cell by cell. Datasette's are mended on their way out: its CSV writer hands
over one whole record at a time.
"""

import re
from collections.abc import MutableMapping
from typing import Any

from dashboards.headers import App, Receive, Scope, Send

_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_CELL = re.compile(
    r'(?P<quote>"?)(?P<text>(?<=")[^"]*(?:""[^"]*)*(?=")|[^,"\r\n]*)(?P<end>"?(?:,|\r\n))'
)


def harmless(value: Any) -> Any:
    """A cell's value; text that a spreadsheet would run begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS) else value


def harmless_record(record: str) -> str:
    """A record as Python's csv writes it. What is a number stays one."""
    return _CELL.sub(_harmless_cell, record)


def _harmless_cell(found: re.Match[str]) -> str:
    text = found["text"]
    told = text if _NUMBER.fullmatch(text) else harmless(text)
    return f"{found['quote']}{told}{found['end']}"


def with_harmless_csv(app: App) -> App:
    """Wrap an ASGI app."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _asks_for_csv(scope):
            await app(scope, receive, send)
            return
        is_csv = False

        async def send_harmless(part: MutableMapping[str, Any]) -> None:
            nonlocal is_csv
            if part["type"] == "http.response.start":
                kind = dict(part.get("headers", [])).get(b"content-type", b"")
                is_csv = kind.startswith((b"text/csv", b"text/plain"))
            elif is_csv and part.get("body"):
                body = harmless_record(part["body"].decode("utf-8", "surrogatepass"))
                part = {**part, "body": body.encode("utf-8", "surrogatepass")}
            await send(part)

        await app(scope, receive, send_harmless)

    return wrapped


def _asks_for_csv(scope: Scope) -> bool:
    return scope["path"].endswith(".csv") or b"_format=csv" in scope.get("query_string", b"")
