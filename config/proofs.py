"""How a sender can prove that it is the one: a table of settings for each way.

Tokens and passwords stand here as hashes. What must stand in clear (the secrets of signatures)
or should not lie beside the rest can come from a file or from the environment.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""With a public and a private half. None of the HS family: whoever can check such a token can also
make one, and a public key taken for its secret would let anybody in. Never `none`."""

_HASH = re.compile(
    r"sha256:[0-9a-f]{64}|scrypt:(?P<n>\d+):(?P<r>\d+):(?P<p>\d+):[0-9a-f]{32,}:[0-9a-f]{64}",
    re.ASCII,
)
_MOST_SCRYPT = {"n": 2**17, "r": 16, "p": 4}
"""A check may take a quarter of a gigabyte and a second, not more."""


class Table(BaseModel):
    # Values of secrets must not come up in what is said about them.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def known_hash(text: str) -> str:
    """`sha256:…` or `scrypt:…`, lower case. ValueError, which does not quote it, for anything else."""
    found = _HASH.fullmatch(text)
    if not found:
        raise ValueError("is no hash; `listener token new` and `listener token hash` make one")
    costs = {name: int(number) for name, number in found.groupdict().items() if number}
    if any(not 1 <= cost <= _MOST_SCRYPT[name] for name, cost in costs.items()):
        raise ValueError("costs more than n=131072, r=16, p=4; `listener token hash` makes one")
    if costs and costs["n"] & (costs["n"] - 1):
        raise ValueError("is no scrypt hash: n must be a power of two")
    return text


def gathered(name: str, values: tuple[str, ...], file: Path | None, variable: str) -> list[str]:
    """What stands in the settings, in a file (one a line, # begins a comment) and in a variable.

    In the variable they are separated by spaces. Raises ValueError, which names the knob.
    """
    found = list(values)
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ValueError(f"{name}_file: {file}: {why}") from error
        found += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if variable:
        if variable not in os.environ:
            raise ValueError(f"{name}_environment: there is no variable {variable}")
        found += os.environ[variable].split()
    if not found:
        raise ValueError(f"{name}: there are none")
    return found


def hashes_of(name: str, values: tuple[str, ...], file: Path | None, variable: str) -> list[str]:
    """What `gathered` finds, each of them a hash. Raises ValueError, which names the knob."""
    try:
        return [known_hash(one) for one in gathered(name, values, file, variable)]
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(name) else f"{name}: one {text}") from error


Hash = Annotated[str, AfterValidator(known_hash)]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Bearer(Table):
    """Long random tokens that were handed over: `Authorization: Bearer …`."""

    tokens: tuple[Hash, ...] = Field(
        default=(),
        description="Hashes of the tokens that are valid; two while one takes the other's place.",
    )
    tokens_file: Path | None = Field(default=None, description="More of them, one a line.")
    tokens_environment: str = Field(
        default="", description="Name of a variable with more of them, separated by spaces."
    )

    def hashes(self) -> list[str]:
        """All of them. Raises ValueError, which names the knob."""
        return hashes_of("tokens", self.tokens, self.tokens_file, self.tokens_environment)


class Basic(Table):
    """A user and a password: `Authorization: Basic …` (RFC 7617)."""

    user: str = Field(min_length=1, pattern="^[^:]+$", description="Name of the user.")
    passwords: tuple[Hash, ...] = Field(
        default=(),
        description="Hashes of the passwords that are valid; two while one takes the other's place.",
    )
    passwords_file: Path | None = Field(default=None, description="More of them, one a line.")
    passwords_environment: str = Field(
        default="", description="Name of a variable with more of them, separated by spaces."
    )

    def hashes(self) -> list[str]:
        """All of them. Raises ValueError, which names the knob."""
        return hashes_of(
            "passwords", self.passwords, self.passwords_file, self.passwords_environment
        )


class Jwt(Table):
    """OAuth2 access tokens of an authorization server (RFC 9068), as the FIT guide has them."""

    issuer: str = Field(min_length=1, description="The token's iss, letter by letter.")
    audience: str = Field(min_length=1, description="Must be in the token's aud: this listener.")
    jwks_url: str = Field(
        default="", description="Where the server publishes its keys; https, or loopback."
    )
    jwks_file: Path | None = Field(default=None, description="Its keys in a file instead.")
    token_url: str = Field(
        default="",
        description="Where senders get their tokens: told in /openapi.json, not used otherwise.",
    )
    scope: str = Field(
        default="write", min_length=1, description="Must be in the token's scope (or scp)."
    )
    clients: tuple[str, ...] = Field(
        default=(),
        description="Whose tokens: client_id, azp or sub. None named: any client of this server "
        "to whom it gives this audience and scope.",
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "PS256", "ES256", "EdDSA"),
        min_length=1,
        description="How a token may be signed. What the token itself says does not matter.",
    )
    leeway_seconds: float = Field(
        default=60.0, ge=0, le=600, description="How far apart the clocks may be."
    )
    refresh_seconds: float = Field(
        default=3600.0, gt=0, description="How old known keys may become before they are read anew."
    )
    unknown_key_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How often, at most, keys are read because a token names an unknown one.",
    )

    @model_validator(mode="after")
    def _one_place_for_keys(self) -> Self:
        if bool(self.jwks_url) == bool(self.jwks_file):
            raise ValueError("name either jwks_url or jwks_file")
        if self.jwks_url:
            url = urlsplit(self.jwks_url)
            near = url.hostname in ("localhost", "127.0.0.1", "::1")
            if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and near)):
                raise ValueError("jwks_url must begin with https:// (http:// only on loopback)")
        return self


class StandardWebhooks(Table):
    """Signed bodies (standardwebhooks.com): webhook-id, webhook-timestamp, webhook-signature."""

    secrets: tuple[SecretStr, ...] = Field(
        default=(),
        description="whsec_…; two while one takes the other's place. Better in a file.",
    )
    secrets_file: Path | None = Field(default=None, description="More of them, one a line.")
    secrets_environment: str = Field(
        default="", description="Name of a variable with more of them, separated by spaces."
    )

    def all_secrets(self) -> list[str]:
        """All of them, in clear. Raises ValueError, which names the knob."""
        written = tuple(secret.get_secret_value() for secret in self.secrets)
        return gathered("secrets", written, self.secrets_file, self.secrets_environment)


class Certificate(Table):
    """A client certificate that a trusted proxy has checked and passes on (RFC 9440)."""

    fingerprints: tuple[Fingerprint, ...] = Field(
        min_length=1,
        description="SHA-256 of the certificate (DER), lower case hex; two during renewal.",
    )


def one_secret(name: str, value: SecretStr | None, file: Path | None, variable: str) -> str:
    """The one secret that is named. Raises ValueError, which names the knob."""
    written = (value.get_secret_value(),) if value else ()
    found = gathered(name, written, file, variable)
    if len(found) > 1:
        raise ValueError(f"{name}: there are several")
    return found[0]
