"""Why we said no: what is raised inside, and one table to HTTP and TMF's Error.

    Rejection
    ├── InvalidEvent        400, after the bytes are in quarantine
    ├── Malformed           400
    ├── InvalidParameter    400
    ├── InvalidRequest      400
    │   └── InvalidWish     400
    ├── Unauthorized        401
    ├── Forbidden           403
    ├── NotFound            404
    ├── NoSuchResource      404
    ├── ResourceDeleted     404
    ├── MethodNotAllowed    405
    ├── NotAcceptable       406
    ├── TooSlow             408
    ├── TooManySubscriptions  409
    ├── AmbiguousResource   409
    ├── BeingAsked          409
    ├── TooLarge            413, after what is kept of it is in quarantine
    ├── UrlTooLong          414
    ├── WrongMediaType      415, after the bytes are in quarantine
    ├── Encoded             415, after the bytes are in quarantine
    ├── KeyTaken            422
    ├── TooManyAttempts     429
    ├── HeadersTooLarge     431
    ├── NotServed           501
    ├── NoProvider          501
    ├── ProviderUnreached   502
    ├── ProviderRefusedUs   502
    ├── MirrorUnavailable   503
    ├── CannotTell          503
    ├── NotReady            503
    ├── TooManyStreams      503
    ├── TooManyAsked        503
    ├── TooManyConnections  503
    └── OutcomeUnknown      504

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


def _told(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{one.pointer or 'body'}: expected {one.expected}" for one in reasons)


class InvalidEvent(Rejection):
    """The body is no event that can be placed."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(_told(reasons))
        self.reasons = tuple(reasons)


class Unauthorized(Rejection):
    """Who sends this is not known."""

    headers = (("WWW-Authenticate", 'Bearer realm="listener"'),)

    def __init__(self, challenges: Sequence[str] = ()) -> None:
        super().__init__()
        if challenges:
            self.headers = tuple(("WWW-Authenticate", challenge) for challenge in challenges)


class Forbidden(Rejection):
    """The sender is known, but may not do this."""


class TooManyAttempts(Rejection):
    """Too many wrong credentials came from this address."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.headers = (("Retry-After", str(seconds)),)


class CannotTell(Rejection):
    """Who sends this cannot be found out at the moment."""

    headers = (("Retry-After", "10"),)


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

    def __init__(self, most: int, begun: Sequence[bytes] = (), *, ended: bool = False) -> None:
        super().__init__(f"At most {most} bytes are taken in.")
        self.begun = begun
        """What was read of it."""
        self.ended = ended
        """Whether that is all of it."""
        self.reasons: tuple[Reason, ...] = ()
        """What the entry in quarantine says, where there is one."""


class Malformed(Rejection):
    """The request is not HTTP/1.1 (RFC 9112)."""


class InvalidParameter(Rejection):
    """A parameter cannot be used."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}")


class InvalidRequest(Rejection):
    """A member of the body cannot be used."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}")


class InvalidWish(InvalidRequest):
    """The provider would not understand what it is asked for; it was not asked."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        Rejection.__init__(self, _told(reasons))
        self.reasons = tuple(reasons)


class KeyTaken(Rejection):
    """The Idempotency-Key stands for another request."""


class BeingAsked(Rejection):
    """The provider is being asked for this at the moment."""

    headers = (("Retry-After", "2"),)


class NoProvider(Rejection):
    """There is nobody to ask: no provider is set up for this source."""


class ProviderUnreached(Rejection):
    """The provider could not be asked; nothing was done."""

    headers = (("Retry-After", "10"),)


class ProviderRefusedUs(Rejection):
    """The provider did not take the request from us; nothing was done."""


class OutcomeUnknown(Rejection):
    """The provider was asked and gave no answer: it may have done it, or not."""


class TooManyAsked(Rejection):
    """Too many requests wait for the provider already."""

    headers = (("Retry-After", "5"),)


class NotAcceptable(Rejection):
    """None of the media types that are accepted is offered."""


class NoSuchResource(Rejection):
    """No event has told of such a resource."""


class ResourceDeleted(Rejection):
    """The provider deleted the resource."""

    def __init__(self, at: str) -> None:
        super().__init__(f"At {at}. asOf, a time before that, tells what it was.")


class AmbiguousResource(Rejection):
    """Several sources have a resource of this id."""

    def __init__(self, sources: Sequence[str]) -> None:
        super().__init__(f"source: expected one of {', '.join(sources)}")


class NotServed(Rejection):
    """TMF630 has it, this listener does not serve it."""


class MirrorUnavailable(Rejection):
    """What the provider told cannot be read at the moment."""

    headers = (("Retry-After", "5"),)


class TooManySubscriptions(Rejection):
    """The source has as many subscriptions as it may have."""


class TooManyStreams(Rejection):
    """Too many consumers wait for events already."""

    headers = (("Retry-After", "5"),)


class TooSlow(Rejection):
    """The request did not come in time."""


class UrlTooLong(Rejection):
    """Path and query are longer than is taken in."""


class HeadersTooLarge(Rejection):
    """There are more or longer header lines than are taken in."""


class TooManyConnections(Rejection):
    """Too many connections are open."""

    headers = (("Retry-After", "1"),)


class WrongMediaType(Rejection):
    """The body must be JSON."""


class Encoded(Rejection):
    """The body must not be compressed or otherwise encoded."""

    headers = (("Accept-Encoding", "identity"),)


class NotReady(Rejection):
    """A promise cannot be kept at the moment."""

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
        Malformed: Answer(400, "malformed-request"),
        InvalidParameter: Answer(400, "invalid-parameter"),
        InvalidRequest: Answer(400, "invalid-request"),
        Unauthorized: Answer(401, "unauthorized"),
        Forbidden: Answer(403, "forbidden"),
        NotFound: Answer(404, "not-found"),
        NoSuchResource: Answer(404, "no-such-resource"),
        ResourceDeleted: Answer(404, "resource-deleted"),
        MethodNotAllowed: Answer(405, "method-not-allowed"),
        NotAcceptable: Answer(406, "not-acceptable"),
        TooSlow: Answer(408, "too-slow"),
        TooManySubscriptions: Answer(409, "too-many-subscriptions"),
        AmbiguousResource: Answer(409, "ambiguous-resource"),
        BeingAsked: Answer(409, "being-asked"),
        TooLarge: Answer(413, "body-too-large"),
        UrlTooLong: Answer(414, "url-too-long"),
        WrongMediaType: Answer(415, "unsupported-media-type"),
        Encoded: Answer(415, "unsupported-encoding"),
        KeyTaken: Answer(422, "key-taken"),
        TooManyAttempts: Answer(429, "too-many-attempts"),
        HeadersTooLarge: Answer(431, "headers-too-large"),
        NotServed: Answer(501, "not-served"),
        NoProvider: Answer(501, "no-provider"),
        ProviderUnreached: Answer(502, "provider-unreached"),
        ProviderRefusedUs: Answer(502, "provider-refused-us"),
        OutcomeUnknown: Answer(504, "outcome-unknown"),
        MirrorUnavailable: Answer(503, "mirror-unavailable"),
        CannotTell: Answer(503, "sender-unknown-for-now"),
        NotReady: Answer(503, "not-ready"),
        TooManyStreams: Answer(503, "too-many-streams"),
        TooManyAsked: Answer(503, "too-many-asked"),
        TooManyConnections: Answer(503, "too-many-connections"),
        Overloaded: Answer(503, "overloaded", (("Retry-After", "1"),)),
        LogError: Answer(503, "log-unavailable", (("Retry-After", "10"),)),
        Exception: Answer(500, "internal-error"),
    }
)
"""Looked up along the class's bases, so that every exception has an answer."""


def answer_of(kind: type[BaseException]) -> Answer:
    """The line of ANSWERS for an exception of this class."""
    return ANSWERS[next(base for base in kind.__mro__ if base in ANSWERS)]


def answer_to(error: Exception, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and TMF Error body for what was raised.

    Both say the request's id: it leads to the log's line and to the entry in quarantine. Never the
    text of an unexpected exception: it could quote a payload.
    """
    answer = answer_of(type(error))
    known = isinstance(error, Rejection | LogError)
    reason = reason_of(type(error) if known else Exception)
    detail = error.detail if isinstance(error, Rejection) else None
    own = error.headers if isinstance(error, Rejection) else ()
    headers = (*answer.headers, *own, ("X-Request-Id", request_id))
    return answer.status, headers, error_body(answer, reason, detail, request_id)


def error_body(answer: Answer, reason: str, detail: str | None, request_id: str) -> bytes:
    """TMF's Error: @type, code, reason, status and, where there is more to say, message.

    TMF630's Error is extensible and has no member for the id of a request: requestId is ours.
    """
    error = {"@type": "Error", "code": answer.code, "reason": reason, "status": str(answer.status)}
    if detail:
        error["message"] = detail
    error["requestId"] = request_id
    return json.dumps(error).encode()


def reason_of(kind: type[Exception]) -> str:
    """What an Error of this kind gives as its reason."""
    if kind is Exception:
        return "Something went wrong here; please try again."
    return (kind.__doc__ or "").partition("\n")[0]
