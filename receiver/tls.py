"""https without a proxy in front: the certificate shown, and the one that senders must show."""

import ssl
from pathlib import Path

from config.options import UnusableSettings
from config.settings import Settings


def context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer; None for plain HTTP. Raises UnusableSettings, whose text names the knob."""
    if not settings.tls_certificate:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for knob in ("tls_certificate", "tls_key", "tls_client_ca"):
        _check_readable(knob, getattr(settings, knob))
    try:
        # An empty password, so that nothing waits at a prompt for an encrypted key.
        made.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        raise UnusableSettings(
            f"tls_certificate, tls_key: {_why(error)}; expected PEM, the key without a password "
            "and of this certificate"
        ) from error
    if settings.tls_client_ca:
        try:
            made.load_verify_locations(settings.tls_client_ca)
        except OSError as error:
            raise UnusableSettings(f"tls_client_ca: {_why(error)}; expected PEM") from error
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def _check_readable(knob: str, path: str) -> None:
    if not path:
        return
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise UnusableSettings(f"{knob}: {path}: {error.strerror}") from error


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or "it cannot be used"
