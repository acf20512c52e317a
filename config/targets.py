"""Named targets: other systems to which events are replayed or forwarded, one table each.

What is secret can come from a file or from the environment, and is never shown.
"""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, model_validator

from config.proofs import StandardWebhooks, Table, gathered, one_secret

TargetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Bearer(Table):
    """A token that we were given: `Authorization: Bearer …`."""

    token: SecretStr | None = Field(default=None, description="The token. Better in a file.")
    token_file: Path | None = Field(default=None, description="A file with it.")
    token_environment: str = Field(default="", description="Name of a variable with it.")

    def secret(self) -> str:
        """The token, in clear. Raises ValueError, which names the knob."""
        return one_secret("token", self.token, self.token_file, self.token_environment)


class Basic(Table):
    """A user and a password (RFC 7617)."""

    user: str = Field(min_length=1, pattern="^[^:]+$", description="Name of the user.")
    password: SecretStr | None = Field(default=None, description="Better in a file.")
    password_file: Path | None = Field(default=None, description="A file with it.")
    password_environment: str = Field(default="", description="Name of a variable with it.")

    def secret(self) -> str:
        """The password, in clear. Raises ValueError, which names the knob."""
        return one_secret("password", self.password, self.password_file, self.password_environment)


class OAuth2(Table):
    """Client credentials (RFC 6749, 4.4): tokens are fetched, and renewed in time."""

    token_url: str = Field(min_length=1, description="Where tokens are had.")
    client_id: str = Field(min_length=1, description="Who we are there.")
    client_secret: SecretStr | None = Field(default=None, description="Better in a file.")
    client_secret_file: Path | None = Field(default=None, description="A file with it.")
    client_secret_environment: str = Field(default="", description="Name of a variable with it.")
    scope: str = Field(default="write", description="What is asked for.")
    audience: str = Field(default="", description="For whom, where the server wants to know.")

    def secret(self) -> str:
        """The client's secret, in clear. Raises ValueError, which names the knob."""
        return one_secret(
            "client_secret",
            self.client_secret,
            self.client_secret_file,
            self.client_secret_environment,
        )


class Forwarding(Table):
    """What every target can be told: whether new events go there by themselves, and which."""

    forward: bool = Field(
        default=False, description="`listener serve` delivers new events there, for ever."
    )
    begin: Literal["now", "beginning"] = Field(
        default="now", description="Where forwarding begins, when it is started for the first time."
    )
    types: tuple[str, ...] = Field(
        default=(), description="Only events of these types are forwarded; none named: all."
    )
    sources: tuple[str, ...] = Field(
        default=(), description="Only events of these sources are forwarded; none named: all."
    )
    where: str = Field(
        default="", description="Only events for which this SQL expression holds are forwarded."
    )
    rate: float | None = Field(default=None, gt=0, description="Events a second, at most.")


class Stdout(Forwarding):
    """NDJSON on standard output."""

    kind: Literal["stdout"]


class File(Forwarding):
    """NDJSON at the end of a file."""

    kind: Literal["file"]
    path: Path = Field(description="The file; made where it is missing.")


class Sqlite(Forwarding):
    """A SQLite file with the table `events`, upserted by key (store/replay/targets/database.py)."""

    kind: Literal["sqlite"]
    path: Path = Field(description="The file; made where it is missing.")


class Sending(Forwarding):
    """What those can be told that take events one by one."""

    concurrency: int = Field(
        default=8, ge=1, le=256, description="Requests at once, each of another ticket."
    )
    attempts: int = Field(
        default=8,
        ge=1,
        description="Failures of its own after which an event becomes a dead letter. Outages of the "
        "target do not count.",
    )
    first_pause_seconds: float = Field(
        default=0.5, gt=0, description="Before the second attempt; doubled for each further one."
    )
    longest_pause_seconds: float = Field(
        default=60.0, gt=0, description="Pauses grow no longer than this."
    )
    give_up_seconds: float = Field(
        default=300.0,
        gt=0,
        description="A replay stops, to be resumed, when nobody was served for so long. Forwarding "
        "never does.",
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, description="For one attempt, from the first byte to the last."
    )


class Connection(Sending):
    """How an HTTP target is reached, and how we prove who we are."""

    url: str = Field(min_length=1, description="Its address.")
    headers: dict[HeaderName, SecretStr] = Field(
        default_factory=dict[str, SecretStr], description="Further headers, as API keys."
    )
    headers_environment: dict[HeaderName, str] = Field(
        default_factory=dict[str, str], description="Names of variables with further headers."
    )
    bearer: Bearer | None = Field(default=None, description="A token.")
    basic: Basic | None = Field(default=None, description="User and password.")
    oauth2: OAuth2 | None = Field(default=None, description="Client credentials.")
    standardwebhooks: StandardWebhooks | None = Field(
        default=None, description="Sign bodies; with two secrets, by both."
    )
    tls_ca: Path | None = Field(
        default=None,
        description="PEM file: who signs its certificate; else whom the system trusts.",
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file: the certificate that we show."
    )
    tls_key: Path | None = Field(default=None, description="PEM file: that certificate's key.")
    proxy: str = Field(default="", description="URL of a proxy; none comes from the environment.")
    plain_http: bool = Field(
        default=False, description="Let events travel unencrypted on other networks than loopback."
    )

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        _check_url("url", self.url, plain=self.plain_http)
        if self.oauth2:
            _check_url("oauth2.token_url", self.oauth2.token_url, plain=self.plain_http)
        if sum(one is not None for one in (self.bearer, self.basic, self.oauth2)) > 1:
            raise ValueError("name one of bearer, basic, oauth2")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key: name both or none")
        return self

    def all_headers(self) -> dict[str, str]:
        """Further headers, in clear. Raises ValueError, which names the knob."""
        found = {name.lower(): value.get_secret_value() for name, value in self.headers.items()}
        for name, variable in self.headers_environment.items():
            found[name.lower()] = " ".join(gathered(f"headers.{name}", (), None, variable))
        return found


class Http(Connection):
    """Any system that takes events over HTTP; its URL may name fields: `…/tickets/{ticket_id}`."""

    kind: Literal["http"]
    method: Literal["POST", "PUT", "PATCH"] = Field(
        default="POST", description="How events are sent."
    )
    body: Literal["as-received", "cloudevents", "cloudevents-binary"] = Field(
        default="as-received",
        description="The very bytes received, or CloudEvents 1.0: structured, or binary.",
    )


class Tmf(Connection):
    """Another TMF621 listener: its url is the callback, /listener/… is added."""

    kind: Literal["tmf"]


class Nats(Sending):
    """NATS JetStream: `<subject>.<source>.<event type>`. Needs the extra `nats`."""

    kind: Literal["nats"]
    url: str = Field(min_length=1, description="nats:// on loopback, else tls://.")
    subject: str = Field(
        default="tmf621",
        pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
        description="Its beginning.",
    )
    token: SecretStr | None = Field(default=None, description="A token. Better in a file.")
    token_file: Path | None = Field(default=None, description="A file with it.")
    token_environment: str = Field(default="", description="Name of a variable with it.")
    credentials_file: Path | None = Field(
        default=None, description="Credentials as nsc makes them."
    )
    tls_ca: Path | None = Field(default=None, description="PEM file: who signs its certificate.")
    tls_certificate: Path | None = Field(
        default=None, description="PEM file: the certificate that we show."
    )
    tls_key: Path | None = Field(default=None, description="PEM file: that certificate's key.")

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        url = urlsplit(self.url)
        if url.username or url.password:
            raise ValueError("url must not hold credentials; use token or credentials_file")
        if url.scheme != "tls" and not (url.scheme == "nats" and url.hostname in _LOOPBACK):
            raise ValueError("url must begin with tls:// (nats:// only on loopback)")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key: name both or none")
        return self

    def secret(self) -> str | None:
        """The token, in clear, where there is one. Raises ValueError, which names the knob."""
        if self.token is None and self.token_file is None and not self.token_environment:
            return None
        return one_secret("token", self.token, self.token_file, self.token_environment)


Target = Annotated[Stdout | File | Sqlite | Http | Tmf | Nats, Field(discriminator="kind")]


def _check_url(name: str, text: str, *, plain: bool) -> None:
    url = urlsplit(text)
    near = url.hostname in _LOOPBACK
    if not url.hostname or url.scheme not in {"https", "http"}:
        raise ValueError(f"{name} must begin with https://")
    if url.username or url.password:
        raise ValueError(f"{name} must not hold credentials; use basic")
    if url.scheme == "http" and not (near or plain):
        raise ValueError(f"{name} must begin with https:// (or say plain_http = true)")
