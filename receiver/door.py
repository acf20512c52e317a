"""Who is it: tries the ways that a request presents, names its source, and counts who guesses.

No way presented: an anonymous source, where there is one. A way presented but not proven: nobody,
even where anonymous senders are let in.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from starlette.types import Scope

from config.throttle import Throttle
from receiver.auth.anonymous import Anonymous
from receiver.auth.identity import Identity, NotProven, Presented, Way
from receiver.forwarded import Address, Network, address_of, is_within, sender
from receiver.rejections import Forbidden, TooManyAttempts, Unauthorized

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Attempts:
    """What was counted since the start."""

    failed: int = 0
    """Wrong credentials."""
    throttled: int = 0
    """Requests that were not looked at, because too many from their address had failed."""


@dataclass(slots=True, kw_only=True)
class Door:
    """Tells the gate who sends."""

    ways: Sequence[Way]
    anonymous: Anonymous
    throttle: Throttle
    addresses: Mapping[str, Sequence[Network]] = field(default_factory=dict[str, Sequence[Network]])
    """Where a source must send from, for those that have such a list."""
    scopes: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """What a source may at most, for those that are limited."""
    trusted_proxies: Sequence[Network] = ()
    attempts: Attempts = field(default_factory=Attempts, init=False)

    async def by_headers(self, scope: Scope) -> Identity | None:
        """Who sends; None when only the body can tell.

        Raises Unauthorized, Forbidden, TooManyAttempts, CannotTell.
        """
        if not (self.ways or self.trusted_proxies):
            # Nobody presents anything, and nobody speaks for others.
            client = scope.get("client")
            return self._anonymous(address_of(client[0]) if client else None)
        presented, address = self._presented(scope)
        used = [way for way in self.ways if way.is_presented(presented)]
        if not used:
            return self._anonymous(address)
        self._check_throttle(address)
        signed = any(way.needs_body for way in used)
        is_guess = True
        for way in used:
            if way.needs_body:
                continue
            try:
                return self._admitted(await way.identify(presented, b""), address)
            except NotProven as error:
                is_guess = is_guess and error.is_guess
        if signed:
            return None
        if is_guess:
            self._count(address)
        raise self._nobody()

    async def by_body(self, scope: Scope, body: bytes) -> Identity:
        """Who signed the body. Raises Unauthorized, Forbidden, CannotTell."""
        presented, address = self._presented(scope)
        for way in self.ways:
            if not way.needs_body or not way.is_presented(presented):
                continue
            try:
                return self._admitted(await way.identify(presented, body), address)
            except NotProven:
                continue
        self._count(address)
        raise self._nobody()

    def _anonymous(self, address: Address | None) -> Identity:
        identity = self.anonymous.identify(address)
        if identity is None:
            raise self._nobody()
        return self._limited(identity)

    def _presented(self, scope: Scope) -> tuple[Presented, Address | None]:
        client = scope.get("client")
        peer = address_of(client[0]) if client else None
        by_proxy = bool(self.trusted_proxies) and is_within(peer, self.trusted_proxies)
        headers = _joined(scope["headers"])
        address = sender(peer, headers.get(b"x-forwarded-for", b""), self.trusted_proxies)
        return Presented(headers, scope["path"], by_proxy), address

    def _admitted(self, identity: Identity, address: Address | None) -> Identity:
        networks = self.addresses.get(identity.source)
        if networks and not is_within(address, networks):
            raise Forbidden
        return self._limited(identity)

    def _limited(self, identity: Identity) -> Identity:
        most = self.scopes.get(identity.source)
        if most is None or identity.scopes <= most:
            return identity
        return replace(identity, scopes=identity.scopes & most)

    def _check_throttle(self, address: Address | None) -> None:
        seconds = self.throttle.seconds_to_wait(address)
        if seconds:
            self.attempts.throttled += 1
            raise TooManyAttempts(seconds)

    def _count(self, address: Address | None) -> None:
        self.attempts.failed += 1
        if self.throttle.failed(address):
            _log.warning("too many wrong credentials from %s: answering 429 for a while", address)

    def _nobody(self) -> Unauthorized:
        return Unauthorized(tuple(dict.fromkeys(way.challenge for way in self.ways)))


def _joined(lines: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    headers = dict(lines)
    if len(headers) < len(lines):
        for name in headers:
            headers[name] = b", ".join(value for other, value in lines if other == name)
    return headers
