"""From settings to what proves who we are to another system: for targets, and for providers."""

import ssl
from pathlib import Path

from config.credentials import NatsReached, Reached
from store.replay.targets import credentials
from store.replay.targets.credentials import Auth


def tls_of(told: Reached | NatsReached) -> ssl.SSLContext | None:
    """Whom we trust and the certificate that we show; None: as the system has it.

    Raises OSError, which names the file.
    """
    if told.tls_ca is None and told.tls_certificate is None:
        return None
    for path in (told.tls_ca, told.tls_certificate, told.tls_key):
        check_readable(path)
    return credentials.tls(ca=told.tls_ca, certificate=told.tls_certificate, key=told.tls_key)


def check_readable(path: Path | None) -> None:
    """Raise OSError for a file that cannot be read."""
    # OpenSSL's own words do not name the file.
    if path is not None:
        path.read_bytes()


def auth_of(
    told: Reached, tls: ssl.SSLContext | None, *, timeout_seconds: float, scope: str
) -> Auth | None:
    """What is added to each request; None: nothing. `scope` is asked for where none is named.

    Raises ValueError, which names the knob.
    """
    if told.bearer:
        return credentials.Bearer(told.bearer.secret())
    if told.basic:
        return credentials.basic(told.basic.user, told.basic.secret())
    if told.oauth2:
        return credentials.ClientCredentials(
            told.oauth2.token_url,
            told.oauth2.client_id,
            told.oauth2.secret(),
            scope=scope if told.oauth2.scope is None else told.oauth2.scope,
            audience=told.oauth2.audience,
            tls=tls,
            timeout_seconds=timeout_seconds,
        )
    return None
