"""One request and its answer: what counts and log lines say of it, and the id that both share."""

import itertools
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

# Only what can be written into a log line or a header as it is; anything else is not taken over.
_SANE = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
# W3C Trace Context: version, trace, parent, flags.
_TRACE_PARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class SenderGone(Exception):
    """The sender hung up before its body was complete: there is nobody to answer."""


@dataclass(slots=True)
class Exchange:
    """Filled in on the way; what is not known yet is empty. Never payload, never credentials."""

    request_id: str
    source: str = ""
    event_type: str = ""
    quarantine: int | None = None
    """Number of the entry that keeps the refused bytes."""


class RequestIds:
    """The sender's X-Request-Id, else its trace, else a number of ours that nobody else gives."""

    def __init__(self) -> None:
        self._ours = secrets.token_hex(4)
        self._count = itertools.count(1)

    def of(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """For the answer's X-Request-Id and for log lines."""
        trace = None
        for name, value in headers:
            if name == b"x-request-id" and _SANE.fullmatch(value):
                return value.decode()
            if name == b"traceparent":
                trace = _TRACE_PARENT.fullmatch(value)
        return trace[1].decode() if trace else f"{self._ours}-{next(self._count):x}"
