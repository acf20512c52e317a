"""Identity: whose a request is and what it may; and what every way to prove that offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

READ = "read"
WRITE = "write"
ASK = "ask"
EVERYTHING = frozenset({READ, WRITE, ASK})
"""The scopes of the FIT guide, and ours for asking a provider in our name; whoever proves itself
without scopes has them all, as far as its source may."""

REALM = 'realm="listener"'


class NotProven(Exception):
    """What was presented proves nothing. Whoever raises it says no more: a sender is told no why."""

    def __init__(self, *, is_guess: bool = True) -> None:
        super().__init__()
        self.is_guess = is_guess
        """Whether it counts as a failed attempt; a token that was right until yesterday does not."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends, and what it may."""

    source: str
    scopes: frozenset[str] = EVERYTHING
    is_anonymous: bool = False
    """Nothing was proven: it is known by where it sends from."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request brings to prove whose it is."""

    headers: Mapping[bytes, bytes]
    """Lower-case names; what came in several lines is joined by commas (RFC 9110), so that two
    credentials are never one that we and a proxy choose differently."""
    path: str
    by_proxy: bool = False
    """Whether a trusted proxy handed it in: only then what it says about the sender counts."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One thing that a request shows, as an OpenAPI document describes it."""

    name: str
    described: Mapping[str, Any]
    """A Security Scheme Object (OpenAPI 3.1)."""
    scopes: tuple[str, ...] = ()


class Way(Protocol):
    """One way to prove who sends, for all sources that use it."""

    schemes: Sequence[Sequence[Scheme]]
    """For /openapi.json: each names what is shown together, and one of them is enough."""

    challenge: str
    """For WWW-Authenticate, when nobody was recognized."""
    needs_body: bool

    def is_presented(self, presented: Presented) -> bool:
        """Whether the request tries this way. Cheap, and believes nothing."""
        ...

    async def identify(self, presented: Presented, body: bytes) -> Identity:
        """Who it is; without `needs_body` the body is empty. Raises NotProven, CannotTell."""
        ...


def credentials(presented: Presented, scheme: bytes) -> bytes | None:
    """What follows this scheme in Authorization; None for another scheme or none."""
    given, _, value = presented.headers.get(b"authorization", b"").partition(b" ")
    return value.strip() if given.lower() == scheme else None
