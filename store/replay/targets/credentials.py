"""How we prove who we are to a target: a token, a password, OAuth2, a client certificate, a signature."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from store.replay.targets.http import Headers, Sign, why_not
from store.replay.targets.protocol import NotLetIn, Unavailable

Auth = httpx.Auth
_UNAUTHORIZED = 401
_NOT_LET_IN = frozenset({400, 401, 403})
"""RFC 6749, 5.2: client, scope or grant is not known there."""
RENEWED_SECONDS = 30.0
"""A token is renewed so long before it ends, or after 9/10 of its life when that is shorter."""
LIFE_SECONDS = 300.0
"""Of a token that does not say how long it is valid."""


class Bearer(httpx.Auth):
    """`Authorization: Bearer …` with a token that we were given."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the header."""
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


def basic(user: str, password: str) -> Auth:
    """`Authorization: Basic …` (RFC 7617)."""
    return httpx.BasicAuth(user, password)


class ClientCredentials(httpx.Auth):
    """OAuth2 client credentials (RFC 6749, 4.4): a token of an authorization server, renewed in time.

    One request for a token at a time, however many events wait for it. A 401 makes it fetch a new
    one, once for each request. Raises Unavailable when there is none to be had.
    """

    requires_response_body = False

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: str = "",
        audience: str = "",
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = 30.0,
    ) -> None:
        self._url = token_url
        self._identity = httpx.BasicAuth(client_id, client_secret)
        told = {"grant_type": "client_credentials", "scope": scope, "audience": audience}
        self._told = {name: value for name, value in told.items() if value}
        self._tls = tls
        self._timeout_seconds = timeout_seconds
        self._token = ""
        self._renew_at = 0.0
        self._fetching = asyncio.Lock()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the header; after a 401 once more, with a new token."""
        token = await self._valid()
        request.headers["authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == _UNAUTHORIZED:
            if self._token == token:
                self._token = ""
            request.headers["authorization"] = f"Bearer {await self._valid()}"
            yield request

    async def _valid(self) -> str:
        async with self._fetching:
            if not self._token or time.monotonic() >= self._renew_at:
                self._token, life = await self._fetched()
                self._renew_at = time.monotonic() + max(life - RENEWED_SECONDS, life * 0.9)
            return self._token

    async def _fetched(self) -> tuple[str, float]:
        """A token and the seconds it is valid."""
        verify = self._tls if self._tls is not None else True
        try:
            async with httpx.AsyncClient(verify=verify, trust_env=False) as client:
                answer = await client.post(
                    self._url, data=self._told, auth=self._identity, timeout=self._timeout_seconds
                )
            if not answer.is_success:
                kind = NotLetIn if answer.status_code in _NOT_LET_IN else Unavailable
                raise kind(f"the token address answered {answer.status_code}")
            told = answer.json()
            return str(told["access_token"]), float(told.get("expires_in", LIFE_SECONDS))
        except httpx.HTTPError as error:
            raise Unavailable(f"no token: its address {why_not(error)}") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Unavailable("the token address gave no token") from None


def tls(*, ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Trust `ca`, or whom the system trusts; show `certificate` to who asks. Raises OSError."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def standard_webhooks(secrets: list[str]) -> Sign:
    """Signatures as standardwebhooks.com has them, one for each secret (two while one is changed).

    Raises ValueError for a secret that is none.
    """
    try:
        webhooks = [Webhook(secret) for secret in secrets]
    except (ValueError, EmptyWebhookSecretError):
        raise ValueError("standardwebhooks.secrets: one is no whsec_… in base64") from None

    def sign(key: str, body: bytes) -> Headers:
        now = datetime.now(UTC)
        text = body.decode("utf-8")
        return {
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(one.sign(key, now, text) for one in webhooks),
        }

    return sign
