"""A door made from settings as a person writes them, and requests that knock at it."""

import asyncio
import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook

from config.settings import Settings, load
from receiver.admission import door
from receiver.door import Door

PATH = "/listener/troubleTicketCreateEvent"
ISSUER = "https://auth.example.org"
AUDIENCE = "https://listener.example.net"

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()

_ALGORITHMS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm, "EdDSA": jwt.algorithms.OKPAlgorithm}  # fmt: skip


def settings_of(text: str, directory: Path) -> Settings:
    file = directory / "listener.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def door_of(text: str, directory: Path) -> Door:
    return door(settings_of(text, directory))


Headers = dict[str, str] | list[tuple[str, str]]


def scope_of(headers: Headers, client: str | None, path: str = PATH) -> dict[str, Any]:
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        "type": "http",
        "path": path,
        "client": client and (client, 40_000),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
    }


async def knock(
    door: Door,
    headers: Headers,
    body: bytes = b"{}",
    *,
    client: str | None = "127.0.0.1",
    path: str = PATH,
) -> str:
    """As the gate does it: by headers, else by body. The name of the source."""
    scope = scope_of(headers, client, path)
    identity = await door.by_headers(scope)
    if identity is None:
        identity = await door.by_body(scope, body)
    return identity.source


def who(door: Door, headers: Headers, body: bytes = b"{}", **more: Any) -> str:
    return asyncio.run(knock(door, headers, body, **more))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def claims_of(**changes: Any) -> dict[str, Any]:
    """Those of a right token; None leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "wholesale",
        "client_id": "wholesale",
        "scope": "read write",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def token_of(
    key: Any = RSA, algorithm: str = "RS256", kid: str | None = "rsa", **changes: Any
) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims_of(**changes), key, algorithm=algorithm, headers=headers)


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand, as no library would."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk_of(key: Any, kid: str | None, algorithm: str = "RS256") -> dict[str, Any]:
    found = json.loads(_ALGORITHMS[algorithm].to_jwk(key.public_key()))
    found.pop("key_ops", None)
    return found | ({} if kid is None else {"kid": kid}) | {"use": "sig"}


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


ALL_KEYS = jwks(jwk_of(RSA, "rsa"), jwk_of(P256, "p256", "ES256"), jwk_of(ED25519, "ed", "EdDSA"))

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK_BODY = '{"eventId": "1", "event": {"troubleTicket": {"id": "Ü"}}}'.encode()


def signed(body=WEBHOOK_BODY, *, secret=WEBHOOK_SECRET, event_id="msg_1", at=None, **changes):
    """Headers of a Standard Webhooks delivery; None leaves one out."""
    at = int(time.time()) if at is None else at
    signature = Webhook(secret).sign(event_id, datetime.fromtimestamp(at, UTC), body.decode())
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in headers.items() if value is not None}
