"""From a target's table in the settings to the target itself: the only place that knows both."""

import ssl
from pathlib import Path

import click

from config.settings import Settings
from config.targets import Connection, File, Forwarding, Http, Nats, Sending, Sqlite, Stdout, Target
from store.commands.common import Failed
from store.replay.sending import Manner
from store.replay.targets import cloudevents, credentials, http, tmf
from store.replay.targets.database import Database
from store.replay.targets.lines import to_file, to_stdout
from store.replay.targets.protocol import Endpoint, Stream, Unwritable

STDOUT = "stdout"
"""A target that needs no settings."""

_FORMS = {
    "as-received": http.as_received,
    "cloudevents": cloudevents.structured,
    "cloudevents-binary": cloudevents.binary,
}


class UnusableTarget(click.ClickException):
    """A target's settings cannot be used; exit code 2, as for wrong usage."""

    exit_code = 2


def target_of(settings: Settings, name: str) -> Target:
    """The settings of this target. Raises UnusableTarget, which names those that there are."""
    found = settings.targets.get(name)
    if found is not None:
        return found
    if name == STDOUT:
        return Stdout(kind="stdout")
    known = ", ".join([*settings.targets, STDOUT])
    raise UnusableTarget(f"There is no target {name!r}; there are {known}. See [targets] in the settings.")  # fmt: skip


def address(target: Target) -> str:
    """Where it is, for a person; nothing secret."""
    if isinstance(target, Connection | Nats):
        return f"{target.kind} {target.url}"
    return f"{target.kind} {target.path}" if isinstance(target, File | Sqlite) else target.kind


def manner_of(target: Sending, concurrency: int | None, rate: float | None) -> Manner:
    """How it is treated; what the command line says comes first."""
    return Manner(
        concurrency=concurrency or target.concurrency,
        rate=rate or target.rate,
        attempts=target.attempts,
        first_pause_seconds=min(target.first_pause_seconds, target.longest_pause_seconds),
        longest_pause_seconds=target.longest_pause_seconds,
    )


def stream_of(target: Forwarding) -> Stream:
    """Open a stream. Raises Failed."""
    try:
        if isinstance(target, File):
            return to_file(target.path)
        return Database(target.path) if isinstance(target, Sqlite) else to_stdout()
    except (OSError, Unwritable) as error:
        raise Failed(f"The target cannot be written: {error}") from error


def endpoint_of(name: str, target: Sending, concurrency: int) -> Endpoint:
    """Make an endpoint; nothing is sent yet. Raises UnusableTarget."""
    try:
        if isinstance(target, Nats):
            return _nats(target)
        assert isinstance(target, Connection)  # noqa: S101  narrows the type: there is no other kind
        tls = tls_of(target.tls_ca, target.tls_certificate, target.tls_key)
        request = http.Request(
            url=target.url if isinstance(target, Http) else tmf.url_of(target.url),
            method=target.method if isinstance(target, Http) else "POST",
            headers=target.all_headers(),
            form=_FORMS[target.body] if isinstance(target, Http) else http.as_received,
            sign=_sign(target),
            timeout_seconds=target.timeout_seconds,
        )
        http.check_template(request.url)
        client = http.client(
            concurrency=concurrency,
            timeout_seconds=target.timeout_seconds,
            auth=_auth(target, tls),
            tls=tls,
            proxy=target.proxy,
        )
    except (ValueError, OSError) as error:
        raise UnusableTarget(f"targets.{name}: {error}") from error
    return http.Http(request, client)


def _nats(target: Nats) -> Endpoint:
    try:
        from store.replay.targets import nats
    except ImportError as error:
        raise ValueError("needs the extra: pip install 'tmf621-listener[nats]'") from error
    _check_readable(target.credentials_file)
    return nats.Nats(
        nats.Connection(
            url=target.url,
            subject=target.subject,
            token=target.secret(),
            credentials=str(target.credentials_file) if target.credentials_file else None,
            tls=tls_of(target.tls_ca, target.tls_certificate, target.tls_key),
            timeout_seconds=target.timeout_seconds,
        )
    )


def tls_of(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """How the other side is proven, and we to it; None: as the library would. Raises OSError."""
    if ca is None and certificate is None:
        return None
    for path in (ca, certificate, key):
        _check_readable(path)
    return credentials.tls(ca=ca, certificate=certificate, key=key)


def _check_readable(path: Path | None) -> None:
    # OpenSSL's own words do not name the file.
    if path is not None:
        path.read_bytes()


def _sign(target: Connection) -> http.Sign | None:
    if target.standardwebhooks is None:
        return None
    return credentials.standard_webhooks(target.standardwebhooks.all_secrets())


def _auth(target: Connection, tls: ssl.SSLContext | None) -> credentials.Auth | None:
    if target.bearer:
        return credentials.Bearer(target.bearer.secret())
    if target.basic:
        return credentials.basic(target.basic.user, target.basic.secret())
    if target.oauth2:
        return credentials.ClientCredentials(
            target.oauth2.token_url,
            target.oauth2.client_id,
            target.oauth2.secret(),
            scope=target.oauth2.scope,
            audience=target.oauth2.audience,
            tls=tls,
            timeout_seconds=target.timeout_seconds,
        )
    return None
