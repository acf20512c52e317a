"""Who may ask the provider: everybody, or by basic, bearer or OAuth2 client credentials."""

import base64
import binascii
import secrets
import time
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote

SCOPES = ("read", "write")


class NoAccess(Exception):
    """401, or 403 where the scope does not reach. (status, why)"""


class NoToken(Exception):
    """What the token endpoint refuses. (status, error as in RFC 6749 5.2)"""


@dataclass(frozen=True, slots=True)
class Access:
    """What a consumer has to show. `secret` is password, token or client secret."""

    kind: Literal["none", "basic", "bearer", "oauth"] = "none"
    name: str = "consumer"
    secret: str = "only-known-to-tests"
    scopes: tuple[str, ...] = SCOPES
    """What the client may have at most."""
    token_seconds: int = 300


@dataclass(slots=True)
class Guard:
    """Gives out access tokens, and looks at what a request shows."""

    access: Access
    _tokens: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)

    def check(self, authorization: str, scope: str) -> None:
        """Raises NoAccess."""
        kind, _, shown = authorization.partition(" ")
        access = self.access
        match access.kind:
            case "none":
                return
            case "basic":
                right = kind.lower() == "basic" and _basic(shown) == (access.name, access.secret)
                scopes = frozenset(access.scopes)
            case "bearer":
                right = kind.lower() == "bearer" and secrets.compare_digest(
                    shown.encode(), access.secret.encode()
                )
                scopes = frozenset(access.scopes)
            case _:
                until, scopes = self._tokens.get(shown, (0.0, frozenset()))
                right = kind.lower() == "bearer" and time.monotonic() < until
        if not right:
            raise NoAccess(401, f"This API is for those who show {access.kind} credentials.")
        if scope not in scopes:
            raise NoAccess(403, f"The scope {scope} was not granted.")

    def token(self, authorization: str, form: str) -> dict[str, object]:
        """RFC 6749 4.4: client credentials, by basic or in the form. Raises NoToken."""
        told = dict(parse_qsl(form))
        kind, _, shown = authorization.partition(" ")
        # RFC 6749 2.3.1: id and secret are form-encoded before they are joined.
        client = (
            tuple(unquote(part) for part in _basic(shown))
            if kind.lower() == "basic"
            else (told.get("client_id"), told.get("client_secret"))
        )
        if self.access.kind != "oauth" or client != (self.access.name, self.access.secret):
            raise NoToken(401, "invalid_client")
        if told.get("grant_type") != "client_credentials":
            raise NoToken(400, "unsupported_grant_type")
        asked = told.get("scope", " ".join(self.access.scopes)).split()
        if not set(asked) <= set(self.access.scopes):
            raise NoToken(400, "invalid_scope")
        token = secrets.token_urlsafe(24)
        until = time.monotonic() + self.access.token_seconds
        self._tokens[token] = (until, frozenset(asked))
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self.access.token_seconds,
            "scope": " ".join(asked),
        }

    def revoke(self) -> None:
        """No token that was given out is good any more."""
        self._tokens.clear()


def _basic(shown: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(shown, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret
