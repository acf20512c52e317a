"""Why we said no: what is raised inside, and one table to HTTP and TMF's Error.

    Rejection
    ├── InvalidEvent        400, after the bytes are in quarantine
    ├── Unauthorized        401
    ├── NotFound            404
    ├── MethodNotAllowed    405
    ├── TooLarge            413
    ├── WrongMediaType      415
    └── Encoded             415

The first line of a class's docstring is the `reason` of the Error that a sender reads.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from store import LogError, Overloaded
from store.events import Reason

Headers = tuple[tuple[str, str], ...]


class Rejection(Exception):
    """The request was refused."""

    headers: Headers = ()

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidEvent(Rejection):
    """The body is no event that can be placed."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        told = [f"{reason.pointer or 'body'}: expected {reason.expected}" for reason in reasons]
        super().__init__("; ".join(told))
        self.reasons = tuple(reasons)


class Unauthorized(Rejection):
    """Who sends this is not known."""

    headers = (("WWW-Authenticate", 'Bearer realm="listener"'),)


class NotFound(Rejection):
    """Nothing is served under this path."""


class MethodNotAllowed(Rejection):
    """The path does not answer to this method."""

    def __init__(self, allowed: str) -> None:
        super().__init__(f"Allowed: {allowed}")
        self.headers = (("Allow", allowed),)


class TooLarge(Rejection):
    """The body is larger than is taken in."""

    # The rest of the body is not read, so the connection cannot carry another request.
    headers = (("Connection", "close"),)


class WrongMediaType(Rejection):
    """The body must be JSON."""


class Encoded(Rejection):
    """The body must not be compressed or otherwise encoded."""

    headers = (("Accept-Encoding", "identity"),)


class NotReady(Rejection):
    """The log cannot be written at the moment."""

    headers = (("Retry-After", "10"),)


@dataclass(frozen=True, slots=True)
class Answer:
    """How one kind of error is told over HTTP."""

    status: int
    code: str
    headers: Headers = ()


ANSWERS: Mapping[type[Exception], Answer] = MappingProxyType(
    {
        InvalidEvent: Answer(400, "invalid-event"),
        Unauthorized: Answer(401, "unauthorized"),
        NotFound: Answer(404, "not-found"),
        MethodNotAllowed: Answer(405, "method-not-allowed"),
        TooLarge: Answer(413, "body-too-large"),
        WrongMediaType: Answer(415, "unsupported-media-type"),
        Encoded: Answer(415, "unsupported-encoding"),
        NotReady: Answer(503, "not-ready"),
        Overloaded: Answer(503, "overloaded", (("Retry-After", "1"),)),
        LogError: Answer(503, "log-unavailable", (("Retry-After", "10"),)),
        Exception: Answer(500, "internal-error"),
    }
)
"""Looked up along the class's bases, so that every exception has an answer."""


def answer_to(error: Exception) -> tuple[int, Headers, bytes]:
    """Status, headers and TMF Error body for what was raised.

    Never the text of an unexpected exception: it could quote a payload.
    """
    kind = next(base for base in type(error).__mro__ if base in ANSWERS)
    answer = ANSWERS[kind]
    known = isinstance(error, Rejection | LogError)
    reason = _first_line(type(error)) if known else "Something went wrong here; please try again."
    detail = error.detail if isinstance(error, Rejection) else None
    own = error.headers if isinstance(error, Rejection) else ()
    return answer.status, answer.headers + own, error_body(answer, reason, detail)


def error_body(answer: Answer, reason: str, detail: str | None) -> bytes:
    """TMF's Error: @type, code, reason, status and, where there is more to say, message."""
    error = {"@type": "Error", "code": answer.code, "reason": reason, "status": str(answer.status)}
    if detail:
        error["message"] = detail
    return json.dumps(error).encode()


def _first_line(kind: type[Exception]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
