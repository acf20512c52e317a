"""How we prove who we are to others: tables of settings for tokens, passwords and certificates.

What is secret can come from a file or from the environment, and is never shown. How others prove
themselves to us is in config/proofs.py.
"""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, model_validator

from config.proofs import Table, gathered

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]

LOOPBACK = ("localhost", "127.0.0.1", "::1")


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
    scope: str | None = Field(
        default=None,
        description="What is asked for. Not named: write of a target, read and write of a provider.",
    )
    audience: str = Field(default="", description="For whom, where the server wants to know.")

    def secret(self) -> str:
        """The client's secret, in clear. Raises ValueError, which names the knob."""
        return one_secret(
            "client_secret",
            self.client_secret,
            self.client_secret_file,
            self.client_secret_environment,
        )


class Reached(Table):
    """A system that is spoken to over HTTP: how it is reached, and how we prove who we are."""

    headers: dict[HeaderName, SecretStr] = Field(
        default_factory=dict[str, SecretStr], description="Further headers, as API keys."
    )
    headers_environment: dict[HeaderName, str] = Field(
        default_factory=dict[str, str], description="Names of variables with further headers."
    )
    bearer: Bearer | None = Field(default=None, description="A token.")
    basic: Basic | None = Field(default=None, description="User and password.")
    oauth2: OAuth2 | None = Field(default=None, description="Client credentials.")
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
        default=False, description="Let it travel unencrypted on other networks than loopback."
    )

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.oauth2:
            check_url("oauth2.token_url", self.oauth2.token_url, plain=self.plain_http)
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


class NatsReached(Table):
    """NATS servers that are spoken to: how we prove who we are, and they to us."""

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
    def _has_a_whole_certificate(self) -> Self:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key: name both or none")
        return self

    def secret(self) -> str | None:
        """The token, in clear, where there is one. Raises ValueError, which names the knob."""
        if self.token is None and self.token_file is None and not self.token_environment:
            return None
        return one_secret("token", self.token, self.token_file, self.token_environment)


def one_secret(name: str, value: SecretStr | None, file: Path | None, variable: str) -> str:
    """The one that is given, in clear. Raises ValueError, which names the knob."""
    written = (value.get_secret_value(),) if value else ()
    found = gathered(name, written, file, variable)
    if len(found) > 1:
        raise ValueError(f"{name}: there are several")
    return found[0]


def check_url(name: str, text: str, *, plain: bool) -> None:
    """Raise ValueError for an address that is none, holds credentials, or is not encrypted."""
    url = urlsplit(text)
    near = url.hostname in LOOPBACK
    if not url.hostname or url.scheme not in {"https", "http"}:
        raise ValueError(f"{name} must begin with https://")
    if url.username or url.password:
        raise ValueError(f"{name} must not hold credentials; use basic")
    if url.scheme == "http" and not (near or plain):
        raise ValueError(f"{name} must begin with https:// (or say plain_http = true)")
