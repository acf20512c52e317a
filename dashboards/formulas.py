"""CSV in which no cell is a formula: what a spreadsheet would run gets an apostrophe before it.

Datasette writes cells as senders wrote them. Numbers stay numbers; JSON has every value unchanged.
"""

import codecs
import re
from collections.abc import MutableMapping
from typing import Any

from dashboards.headers import Send

_CELL = re.compile(r'"([^"]*(?:""[^"]*)*)"|([^,\r\n"]+)')
"""Of RFC 4180: quoted, with quotes inside doubled, or plain."""
_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def harmless(text: str) -> str:
    """Whole rows of CSV, as a spreadsheet shows them without running any cell."""
    return _CELL.sub(_cell, text)


def _cell(found: re.Match[str]) -> str:
    quoted, plain = found.groups()
    inside = plain if quoted is None else quoted
    if not inside.startswith(_STARTS) or _NUMBER.fullmatch(inside):
        return found[0]
    return f"'{plain}" if quoted is None else f'"\'{quoted}"'


def without_formulas(send: Send) -> Send:
    """A `send` for the answer to a request for CSV."""
    rows: _Rows | None = None

    async def send_harmless(part: MutableMapping[str, Any]) -> None:
        nonlocal rows
        if part["type"] == "http.response.start":
            headers = {bytes(name).lower(): value for name, value in part.get("headers", [])}
            # As text/plain, too: so a browser shows it instead of downloading it.
            if headers.get(b"content-type", b"").startswith((b"text/csv", b"text/plain")):
                rows = _Rows()
                kept = [pair for pair in part["headers"] if pair[0].lower() != b"content-length"]
                part = {**part, "headers": kept}
        elif rows is not None:
            done = not part.get("more_body", False)
            part = {**part, "body": rows.harmless(part.get("body", b""), done=done)}
        await send(part)

    return send_harmless


class _Rows:
    """Rows that arrive in parts."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""

    def harmless(self, part: bytes, *, done: bool) -> bytes:
        """What of it is whole rows, harmless; the rest waits for the next part."""
        self._waiting += self._decoder.decode(part, done)
        # Quotes inside a quoted cell are doubled: an even number of them ends no cell.
        if not done and (self._waiting.count('"') % 2 or not self._waiting.endswith("\n")):
            return b""
        whole, self._waiting = self._waiting, ""
        return harmless(whole).encode()
