"""Client certificates, as a trusted proxy passes them on after it has checked them (RFC 9440).

The header counts only from a trusted proxy, which must remove it from what senders send. It holds
`:<base64 of the DER>:` (RFC 9440) or URL-encoded PEM (nginx's $ssl_client_escaped_cert).
"""

import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from receiver.auth.identity import REALM, Identity, NotProven, Presented, Scheme


class Certificate:
    """Knows a source by the fingerprint of its certificate; two are valid during renewal."""

    schemes: Sequence[Sequence[Scheme]] = (
        (
            Scheme(
                "clientCertificate",
                {"type": "mutualTLS", "description": "Checked by the proxy in front."},
            ),
        ),
    )
    challenge = f"ClientCertificate {REALM}"
    needs_body = False

    def __init__(self, fingerprints: Mapping[str, Sequence[str]], header: str) -> None:
        self._header = header.lower().encode("ascii")
        self._known = [
            (bytes.fromhex(text), source)
            for source, texts in fingerprints.items()
            for text in texts
        ]

    def is_presented(self, presented: Presented) -> bool:
        """Only a trusted proxy can present one; empty where the sender had none."""
        return presented.by_proxy and bool(presented.headers.get(self._header))

    async def identify(self, presented: Presented, body: bytes) -> Identity:  # noqa: ARG002 - the seam; signatures look at it
        """Whose certificate it is. Raises NotProven."""
        print_ = hashlib.sha256(_der(presented.headers.get(self._header, b""))).digest()
        found = [source for known, source in self._known if hmac.compare_digest(known, print_)]
        if not found:
            raise NotProven
        return Identity(found[0])


def _der(given: bytes) -> bytes:
    try:
        if given.startswith(b":") and given.endswith(b":"):
            return base64.b64decode(given[1:-1], validate=True)
        return ssl.PEM_cert_to_DER_cert(unquote(given.decode("ascii")))
    except (binascii.Error, ValueError):
        raise NotProven from None
