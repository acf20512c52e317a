"""The knobs of a log that several machines share: how the stream is reached, and how it is kept."""

from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import Field

from config.credentials import LOOPBACK, NatsReached


class Address(NamedTuple):
    """What `log = "nats://one:4222,two:4222/tickets"` says."""

    servers: tuple[str, ...]
    """`nats://one:4222`, …"""
    stream: str


class Cluster(NatsReached):
    """Read only where `log` names a cluster."""

    replicas: int = Field(
        default=3,
        ge=1,
        le=5,
        description="Servers that keep every event. An event is answered when most of them have it "
        "on disk. 1 is for trials.",
    )
    keep_days: float = Field(
        default=0.0,
        ge=0,
        description="How long the stream keeps what every node has copied into its log.db; 0: for "
        "ever. A node that was away for longer starts from a backup.",
    )
    timeout_seconds: float = Field(
        default=5.0,
        gt=0,
        description="How long an event waits for its quorum, the election of a leader included; "
        "beyond it 503.",
    )
    node: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_-]*$",
        description="What this node is called among the others; each needs a name of its own. "
        "Empty: the machine's name.",
    )
    lease_seconds: float = Field(
        default=6.0,
        ge=3,
        le=60,
        description="How long a node that died keeps work that one node does at a time: forwarding "
        "to a target, registering at providers, reconciling. Then another takes it over.",
    )
    plain_nats: bool = Field(
        default=False,
        description="Let events travel unencrypted on other networks than loopback.",
    )


def address(log: str, *, plain: bool = False) -> Address:
    """The servers and the stream that `log` names. Raises ValueError, which quotes no secret."""
    scheme, _, rest = log.partition("://")
    places, _, stream = rest.partition("/")
    if scheme not in {"nats", "tls"} or not places or not stream:
        raise ValueError("write nats://host:port,host:port/stream")
    if not all(one.isalnum() or one in "-_" for one in stream) or not stream.isascii():
        raise ValueError("the stream's name has letters, digits, - and _ only")
    servers = tuple(f"{scheme}://{one.strip()}" for one in places.split(","))
    for server in servers:
        url = urlsplit(server)
        if url.username or url.password:
            raise ValueError("must not hold credentials; use [cluster] token or credentials_file")
        if not url.hostname:
            raise ValueError("write nats://host:port,host:port/stream")
        if scheme != "tls" and url.hostname not in LOOPBACK and not plain:
            raise ValueError(
                "must begin with tls:// beyond loopback (or say plain_nats = true in [cluster])"
            )
    return Address(servers, stream)
