"""Signed bodies (standardwebhooks.com): HMAC over id, timestamp and body, five minutes valid.

The signature does not cover the path, and the path decides what an event is about. So a signed
body belongs to the first path that it came to: taken to another one, it is refused. At its own
path it may come again: a sender that heard no answer repeats it, and the log answers a redelivery
like the first. Nothing is gained by replaying what changes nothing; after five minutes not even
that is possible.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from standardwebhooks import Webhook, WebhookVerificationError

from receiver.auth.identity import REALM, Identity, NotProven, Presented, Scheme

WINDOW_SECONDS = 600.0
"""How long a signature can be right: the library lets clocks be five minutes apart both ways."""
MOST_REMEMBERED = 100_000
"""Signed bodies whose path is remembered; beyond it the oldest are forgotten (some 25 MB)."""
MOST_SIGNATURE_BYTES = 2_048

_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_TOLD = (
    "Id of the delivery (standardwebhooks.com).",
    "Seconds since 1970.",
    "v1, and the HMAC-SHA256 of id, timestamp and body in base64.",
)


class StandardWebhooks:
    """Knows a source by the secret that signed; several secrets of one source are valid at once."""

    # Three headers, shown together; OpenAPI has no word for a signature.
    schemes: Sequence[Sequence[Scheme]] = (
        tuple(
            Scheme(name, {"type": "apiKey", "in": "header", "name": name, "description": told})
            for name, told in zip(_HEADERS, _TOLD, strict=True)
        ),
    )
    challenge = f"StandardWebhooks {REALM}"
    needs_body = True

    def __init__(
        self, secrets: Mapping[str, Sequence[str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._webhooks = [
            (Webhook(secret), source) for source, texts in secrets.items() for secret in texts
        ]
        self._clock = clock
        self._paths: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def is_presented(self, presented: Presented) -> bool:
        """A signature is there."""
        return b"webhook-signature" in presented.headers

    async def identify(self, presented: Presented, body: bytes) -> Identity:
        """Whose signature it is. Raises NotProven."""
        headers = {
            name: presented.headers.get(name.encode(), b"").decode("latin-1") for name in _HEADERS
        }
        if len(headers["webhook-signature"]) > MOST_SIGNATURE_BYTES:
            raise NotProven
        found = [source for webhook, source in self._webhooks if _is_signed(webhook, body, headers)]
        if not found or not self._is_at_its_path(found[0], headers, presented.path, body):
            raise NotProven
        return Identity(found[0])

    def _is_at_its_path(
        self, source: str, headers: Mapping[str, str], path: str, body: bytes
    ) -> bool:
        now = self._clock()
        while self._paths and (
            len(self._paths) >= MOST_REMEMBERED
            or now - next(iter(self._paths.values()))[1] > WINDOW_SECONDS
        ):
            self._paths.popitem(last=False)
        # As a number: 01700000000 has the signature of 1700000000.
        second = int(headers["webhook-timestamp"])
        signed = repr((source, headers["webhook-id"], second, hashlib.sha256(body).digest()))
        key = hashlib.sha256(signed.encode()).digest()
        return self._paths.setdefault(key, (path, now))[0] == path


def _is_signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    # The library also takes 1.7e9 and 1700000000.5, which the specification does not know.
    if not (headers["webhook-timestamp"].isascii() and headers["webhook-timestamp"].isdigit()):
        return False
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # ValueError: a signature that is not `v1,<base64>`, a body that is not UTF-8.
        return False
    return True
