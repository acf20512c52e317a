"""ProviderRules: how one provider is spoken to, in plain values; config/provider.py says why so."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx


def nobody() -> httpx.Auth | None:
    """Where nothing proves who we are."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRules:
    """For every request to this provider. What is secret is in `authenticate` and in `headers`."""

    base_url: str
    """Without a slash at its end."""
    authenticate: Callable[[], httpx.Auth | None] = field(default=nobody, repr=False)
    """Makes what adds our credentials to a request; one for each client, since it keeps a token."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    tls: ssl.SSLContext | None = None
    """None: whom the system trusts, and no certificate of ours."""
    proxy: str = field(default="", repr=False)
    timeout_seconds: float = 30.0
    """For one attempt, from the first byte to the last."""
    requests_per_second: float | None = None
    attempts: int = 5
    longest_pause_seconds: float = 60.0
    page_size: int = 100
    """What is asked for as `limit`."""
