"""Callbacks: where a subscriber may have events delivered, and to which address we connect.

A callback is its subscriber's when it begins with one that was agreed for the source (`callbacks`
in the settings): the same scheme, host and port, and the path up to a slash. Nothing is sent
anywhere to find that out. What a host's name leads to is looked up once for each attempt, and that
very address is connected to, so that it cannot become another in between (SSRF, DNS rebinding).
Addresses that are not public are refused unless a setting allows them; redirects are not followed.
"""

import asyncio
import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from receiver.rejections import Forbidden, InvalidRequest

MOST_CHARACTERS = 1_000
LOOKUP_SECONDS = 5.0
PORTS = {"https": 443, "http": 80}

_PATH = re.compile(r"(/[A-Za-z0-9._~!$'()*,;=:@-]+)*")
_VISIBLE = re.compile(r"[!-~]+")
_NAT64 = ip_network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


class Unreachable(Exception):
    """A callback's host leads nowhere, or where it must not."""


class Callback(NamedTuple):
    """A callback, taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    """Without a slash at its end."""

    def is_within(self, other: "Callback") -> bool:
        """Whether it begins with the other one."""
        return self[:3] == other[:3] and f"{self.path}/".startswith(f"{other.path}/")


def read(text: object) -> Callback:
    """Take a callback apart. Raises InvalidRequest."""
    # urlsplit leaves line ends out; what is kept must be what was looked at.
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS or not _VISIBLE.fullmatch(text):
        raise InvalidRequest("callback", "an address, as https://crm.example.net/events")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise InvalidRequest("callback", "an address, as https://crm.example.net/events") from None
    if url.scheme not in PORTS or not host:
        raise InvalidRequest("callback", "https:// or http:// and a host")
    if url.username is not None or url.query or url.fragment or "?" in text or "#" in text:
        raise InvalidRequest("callback", "no user, query or fragment")
    path = url.path.rstrip("/")
    # No dots that climb and nothing encoded: what is agreed must be what is asked for.
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise InvalidRequest("callback", "a path of plain segments")
    return Callback(url.scheme, host.lower(), port or PORTS[url.scheme], path)


def check_agreed(callback: Callback, agreed: Iterable[str], source: str) -> None:
    """Raise Forbidden for a callback that is not this source's."""
    if not is_agreed(callback, agreed):
        raise Forbidden(
            f"callback: it begins with none that was agreed with {source} (callbacks in "
            f"[sources.{source}] of the settings)."
        )


def is_agreed(callback: Callback, agreed: Iterable[str]) -> bool:
    """Whether it begins with one of these."""
    return any(callback.is_within(read(one)) for one in agreed)


async def address_of(host: str, port: int, *, private: bool) -> str:
    """The address to connect to. Raises Unreachable, also for names that lead to several places of
    which one must not be reached.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise Unreachable("its host's name could not be looked up in time") from None
    except OSError as error:
        raise Unreachable(f"its host's name leads nowhere ({error.strerror})") from None
    addresses = [str(address[0]) for *_, address in found]
    if not addresses:
        raise Unreachable("its host's name leads nowhere")
    if not private and not all(is_public(ip_address(one)) for one in addresses):
        raise Unreachable("its host's address is not public (private_addresses in [hub] allows it)")
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether it is on the public internet, and no way around through an address of another kind."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
        if address.scope_id:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
