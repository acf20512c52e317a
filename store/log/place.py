"""Where a shared log is: the servers, the stream, and how we prove who we are."""

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stream of NATS JetStream; the values of the settings `log` and [cluster]."""

    servers: tuple[str, ...]
    stream: str
    replicas: int = 3
    keep_seconds: float = 0.0
    """How long the stream keeps its messages; 0: for ever."""
    timeout_seconds: float = 5.0
    token: str | None = field(default=None, repr=False)
    credentials: str | None = None
    """A file as `nsc` makes it."""
    tls: ssl.SSLContext | None = None
