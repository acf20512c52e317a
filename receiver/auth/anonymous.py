"""Nobody proves anything: a request is known by where it comes from, or not at all."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from starlette.types import Scope

from receiver.auth.identity import EVERYTHING, WRITE, Identity
from receiver.forwarded import Address, Network, is_within

SOURCE = "default"
MOST_KNOWN = 1_024
"""Addresses remembered; others are looked up every time."""

LOOPBACK: Sequence[Network] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
ANYWHERE: Sequence[Network] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Anonymous:
    """Sources without credentials, each heard from its networks only."""

    def __init__(self, networks: Mapping[str, Sequence[Network]]) -> None:
        self._networks = tuple(networks.items())
        # The same few addresses send again and again.
        self._known: dict[Address, Identity] = {}

    def identify(self, address: Address | None) -> Identity | None:
        """The first source that sends from there. Beyond sending, it may on this machine only."""
        known = self._known.get(address) if address is not None else None
        if known is not None:
            return known
        for source, networks in self._networks:
            if address is not None and is_within(address, networks):
                may = EVERYTHING if is_within(address, LOOPBACK) else frozenset({WRITE})
                identity = Identity(source, may, is_anonymous=True)
                if len(self._known) < MOST_KNOWN:
                    self._known[address] = identity
                return identity
        return None


class Everybody:
    """Every request comes from one source: for tests, and where others have checked before."""

    def __init__(self, source: str = SOURCE) -> None:
        self._identity = Identity(source)

    async def by_headers(self, scope: Scope) -> Identity:  # noqa: ARG002 - the seam; others look at it
        """The one source."""
        return self._identity

    async def by_body(self, scope: Scope, body: bytes) -> Identity:  # noqa: ARG002 - the seam
        """The one source."""
        return self._identity
