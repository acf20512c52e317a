"""Named senders: what was agreed with each, and how each proves that it is the one.

Every way to prove it is a table of its own: `[sources.carrier.bearer]`. Where a sender has
several, one of them is enough. A sender without any is anonymous.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from config.dialect import DEFAULT, known_dialect
from config.proofs import Basic, Bearer, Certificate, Jwt, StandardWebhooks, Table
from config.provider import Provider
from config.service_clock import ZoneName

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def known_network(text: object) -> object:
    """An address or a network, as 192.0.2.7 or 2001:db8::/32. ValueError says what is wrong."""
    return ipaddress.ip_network(text) if isinstance(text, str) else text


def known_callback(text: str) -> str:
    """What callbacks begin with, as https://crm.example.net/events. ValueError says what is wrong."""
    url = urlsplit(text)
    if url.scheme not in ("https", "http") or not url.hostname:
        raise ValueError("must begin with https:// (or http://) and a host")
    if url.username or url.query or url.fragment:
        raise ValueError("has no user, query or fragment")
    return text.rstrip("/")


CallbackText = Annotated[str, AfterValidator(known_callback)]
DialectName = Annotated[str, AfterValidator(known_dialect)]
NetworkText = Annotated[Network, BeforeValidator(known_network)]
SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Part of keys as `carrier/TT-1`, so without a slash."""


class Source(Table):
    """One named sender and what was agreed with it."""

    validation: Literal["tolerant", "strict"] = Field(
        default="tolerant",
        description="tolerant: what is needed to place an event must be right, the rest is noted "
        "as drift. strict: FIT's required envelope members, enumerations and time zones too.",
    )
    on_invalid: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="What a sender hears about an invalid body: refuse answers 400, accept answers "
        "the success status (for senders that retry for ever, or never). Quarantined either way.",
    )
    dialect: DialectName = Field(
        default=DEFAULT,
        description="How it speaks: the name of a file in config/dialects/, or the path of one of "
        "your own that ends in .toml.",
    )
    success_status: Literal["dialect", 200, 201, 204] = Field(
        default="dialect",
        description="What it hears of an event that is on disk, where its dialect has it otherwise: "
        "204, 200, or 201 with an EventSubscription.",
    )
    time_zone: ZoneName = Field(
        default="Europe/Berlin", description="For times that name no zone (IANA name)."
    )
    addresses: tuple[NetworkText, ...] = Field(
        default=(),
        description="Networks it sends from, beside proving who it is; none named: from anywhere.",
    )
    scopes: tuple[Literal["read", "write", "ask"], ...] = Field(
        default=(),
        description="What it may: write (send events), read (pull events and subscribe to them, "
        "those of every source), ask (have providers asked in our name). None named: write; a "
        "source without credentials may do all of it, on this machine.",
    )
    callbacks: tuple[CallbackText, ...] = Field(
        default=(),
        description="Where it may have events delivered by POST /hub: addresses that its callbacks "
        "begin with. None named: nowhere.",
    )
    bearer: Bearer | None = Field(default=None, description="Static tokens.")
    jwt: Jwt | None = Field(default=None, description="OAuth2 access tokens.")
    basic: Basic | None = Field(default=None, description="User and password.")
    standardwebhooks: StandardWebhooks | None = Field(default=None, description="Signed bodies.")
    certificate: Certificate | None = Field(
        default=None, description="Client certificates that a trusted proxy passes on."
    )
    provider: Provider | None = Field(
        default=None, description="Its API, where we ask it something. None: we only listen."
    )

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing is asked of it but, where they are named, its addresses."""
        return all(getattr(self, way) is None for way in WAYS)


WAYS = ("bearer", "jwt", "basic", "standardwebhooks", "certificate")
"""The tables of a source that say how it proves who it is."""


def problems(sources: Mapping[str, Source]) -> Iterator[str]:
    """What is wrong between sources: two must not be taken for each other."""
    seen: dict[tuple[str, ...], str] = {}
    for name, source in sources.items():
        if source.jwt:
            for client in source.jwt.clients or ("",):
                other = seen.setdefault((source.jwt.issuer, source.jwt.audience, client), name)
                if other != name:
                    yield f"{name}.jwt.clients: name others; {other} has the same tokens"
        if source.basic:
            other = seen.setdefault((source.basic.user,), name)
            if other != name:
                yield f"{name}.basic.user: {other} has the same user"
