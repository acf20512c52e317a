"""The knobs of a log that several machines share: how the stream is reached, and how it is kept."""

from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from config.credentials import LOOPBACK, one_secret
from config.proofs import Table


class Address(NamedTuple):
    """What `log = "nats://one:4222,two:4222/tickets"` says."""

    servers: tuple[str, ...]
    """`nats://one:4222`, …"""
    stream: str


class Cluster(Table):
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
    token: SecretStr | None = Field(default=None, description="A token. Better in a file.")
    token_file: Path | None = Field(default=None, description="A file with it.")
    token_environment: str = Field(default="", description="Name of a variable with it.")
    credentials_file: Path | None = Field(
        default=None, description="Credentials as nsc makes them."
    )
    tls_ca: Path | None = Field(
        default=None, description="PEM file: who signs the servers' certificates."
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file: the certificate that we show."
    )
    tls_key: Path | None = Field(default=None, description="PEM file: that certificate's key.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key: name both or none")
        return self

    def secret(self) -> str | None:
        """The token, in clear, where there is one. Raises ValueError, which names the knob."""
        if self.token is None and self.token_file is None and not self.token_environment:
            return None
        return one_secret("token", self.token, self.token_file, self.token_environment)


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
