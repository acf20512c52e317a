"""Whose address it is: the sender's own, or what a trusted proxy says about it.

X-Forwarded-For is read from the right, over the proxies that are trusted; the first other address
is the sender's. What stands left of it anybody may have written.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@lru_cache(maxsize=1_024)
def address_of(text: str) -> Address | None:
    """Also with a port or in brackets, as some proxies write it. None for what is no address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both families shows IPv4 as ::ffff:192.0.2.7.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_within(address: Address | None, networks: Sequence[Network]) -> bool:
    """Whether it lies in one of them; an unknown address lies nowhere."""
    if address is None:
        return False
    for network in networks:  # noqa: SIM110  as a generator it costs twice as much, on every request
        if address in network:
            return True
    return False


def sender(peer: Address | None, forwarded: bytes, trusted: Sequence[Network]) -> Address | None:
    """Who sends, as far as trusted proxies vouch for it; None when they say something unreadable."""
    address = peer
    if not forwarded:
        return address
    for text in reversed(forwarded.decode("latin-1").split(",")):
        if not is_within(address, trusted):
            break
        address = address_of(text)
    return address
