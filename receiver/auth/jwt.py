"""OAuth2 access tokens: signed JWTs (RFC 9068) of an issuer that a source's settings name.

The FIT guide secures the API with OAuth2 client credentials and the scopes read and write. What
may sign is the settings' choice, never the token's (RFC 8725): no `none`, no shared secrets.

A sender shows one token with many events: a proven one is remembered for half a minute, not longer
than it is valid (measured: checking an RSA signature costs 20 times what remembering it does).
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import jwt

from receiver.auth.identity import REALM, WRITE, Identity, NotProven, Presented, Scheme, credentials
from receiver.auth.jwks import KeySet

REMEMBER_SECONDS = 30.0
"""How long a key that its server withdrew can still be good for a token that was seen before."""
MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a token must say to come from a source."""

    source: str
    issuer: str
    audience: str
    keys: KeySet
    scope: str = WRITE
    clients: Sequence[str] = ()
    algorithms: Sequence[str] = ("RS256", "PS256", "ES256", "EdDSA")
    leeway_seconds: float = 60.0
    token_url: str = ""
    """Where senders get their tokens; only told to them."""


class Jwt:
    """Knows a source by a token that its authorization server signed."""

    challenge = f"Bearer {REALM}"
    needs_body = False

    def __init__(
        self, trusted: Sequence[Trust], clock: Callable[[], float] = time.monotonic
    ) -> None:
        # Who names clients goes before who takes every client of the same server.
        self._trusted = sorted(trusted, key=lambda trust: not trust.clients)
        self.schemes: Sequence[Sequence[Scheme]] = [(one,) for one in _schemes(trusted)]
        self._clock = clock
        self._proven: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()

    def is_presented(self, presented: Presented) -> bool:
        """`Authorization: Bearer a.b.c`."""
        return (credentials(presented, b"bearer") or b"").count(b".") == 2  # noqa: PLR2004 - RFC 7515

    async def identify(self, presented: Presented, body: bytes) -> Identity:  # noqa: ARG002 - the seam; signatures look at it
        """Whose token it is, and the scopes in it. Raises NotProven, CannotTell."""
        token = credentials(presented, b"bearer") or b""
        digest = hashlib.sha256(token).digest()
        known = self._proven.get(digest)
        if known is not None and self._clock() < known[1]:
            return known[0]
        identity, seconds = await self._prove(token)
        self._proven[digest] = (identity, self._clock() + min(seconds, REMEMBER_SECONDS))
        if len(self._proven) > MOST_REMEMBERED:
            self._proven.popitem(last=False)
        return identity

    async def _prove(self, token: bytes) -> tuple[Identity, float]:
        header, issuer = _unproven(token)
        is_guess = True
        for trust in self._trusted:
            if trust.issuer != issuer or header.get("alg") not in trust.algorithms:
                continue
            try:
                return await _verified(token, header, trust)
            except NotProven as error:
                is_guess = is_guess and error.is_guess
        raise NotProven(is_guess=is_guess)


def _unproven(token: bytes) -> tuple[Mapping[str, Any], object]:
    """Header and issuer as the token says: good for finding the key to prove it, for nothing else."""
    try:
        unproven = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise NotProven from None
    return unproven["header"], unproven["payload"].get("iss")


async def _verified(
    token: bytes, header: Mapping[str, Any], trust: Trust
) -> tuple[Identity, float]:
    """Who it is, and for how many seconds the token is still good."""
    key = await trust.keys.key(header.get("kid"), header["alg"])
    if key is None:
        raise NotProven
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=trust.algorithms,
            issuer=trust.issuer,
            audience=trust.audience,
            leeway=trust.leeway_seconds,
            options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
        )
    except jwt.ExpiredSignatureError:
        raise NotProven(is_guess=False) from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise NotProven from None
    if trust.clients and not _clients(claims) & set(trust.clients):
        raise NotProven(is_guess=False)
    seconds = float(claims["exp"]) + trust.leeway_seconds - time.time()
    return Identity(trust.source, _scopes(claims, trust.scope)), seconds


def _schemes(trusted: Sequence[Trust]) -> Iterator[Scheme]:
    """One for each server and scope. OpenAPI's oauth2 needs to know where tokens come from."""
    told = "An OAuth2 access token (JWT, RFC 9068)."
    known = dict.fromkeys((one.token_url, one.scope) for one in trusted)
    for number, (url, scope) in enumerate(known, start=1):
        if url:
            flow = {"tokenUrl": url, "scopes": {scope: "Post notifications."}}
            described = {"type": "oauth2", "flows": {"clientCredentials": flow}}
        else:
            described = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        name = "oauth2" if number == 1 else f"oauth2-{number}"
        yield Scheme(name, {**described, "description": told}, (scope,))


def _clients(claims: Mapping[str, Any]) -> set[str]:
    """Whom the token was given to: client_id (RFC 9068), azp (OpenID), sub (both, without a user)."""
    told = (claims.get("client_id"), claims.get("azp"), claims.get("sub"))
    return {name for name in told if isinstance(name, str)}


def _scopes(claims: Mapping[str, Any], write: str) -> frozenset[str]:
    """The token's scopes, where ours for writing stands for what the server calls it."""
    told = claims.get("scope", claims.get("scp", ""))
    if isinstance(told, str):
        told = told.split()
    listed = cast("list[object]", told) if isinstance(told, list) else []
    granted = {one for one in listed if isinstance(one, str)}
    return frozenset(granted | {WRITE} if write in granted else granted - {WRITE})
