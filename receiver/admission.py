"""From the settings to the door: which sources there are, and how each proves who it is."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from config.hashed import Hashed
from config.options import UnusableSettings
from config.proofs import Jwt as JwtSettings
from config.settings import Settings
from config.sources import Source
from config.throttle import Throttle
from receiver.address import check_host
from receiver.auth.anonymous import ANYWHERE, LOOPBACK, Anonymous
from receiver.auth.basic import Account, Basic
from receiver.auth.bearer import Bearer
from receiver.auth.certificate import Certificate
from receiver.auth.identity import EVERYTHING, WRITE, Way
from receiver.auth.jwks import KeySet, from_file, from_url
from receiver.auth.jwt import Jwt, Trust
from receiver.auth.standardwebhooks import StandardWebhooks
from receiver.door import Door
from receiver.security import Security, security_of
from receiver.sources import SourceRules
from store.commands.dialects import dialect_of

FEWEST_BITS = 192
"""Of a secret that signs (standardwebhooks.com)."""


def check_listening(settings: Settings) -> None:
    """Raise NotAllowed where others than this machine could be a source that proves nothing."""
    anonymous = any(source.is_anonymous for source in settings.sources.values())
    check_host(settings.host, allow_anonymous=settings.allow_anonymous or not anonymous)


def rules(settings: Settings) -> dict[str, SourceRules]:
    """What was agreed with each source."""
    return {name: _rules(source) for name, source in settings.sources.items()}


def _rules(source: Source) -> SourceRules:
    dialect, said = dialect_of(source.dialect), source.success_status
    return SourceRules(
        validation=source.validation,
        on_invalid=source.on_invalid,
        success_status=dialect.status if said == "dialect" else said,
        # The body that a dialect names is that of its own status.
        dialect=dialect if said in ("dialect", dialect.status) else replace(dialect, body=""),
        time_zone=source.time_zone,
    )


def door(settings: Settings) -> Door:
    """Who may come in. Raises UnusableSettings, whose text names the knob."""
    sources = settings.sources
    elsewhere = ANYWHERE if settings.allow_anonymous else LOOPBACK
    return Door(
        ways=tuple(_ways(settings)),
        anonymous=Anonymous(
            {
                name: source.addresses or elsewhere
                for name, source in sources.items()
                if source.is_anonymous
            }
        ),
        throttle=Throttle(settings.failed_attempts, settings.failed_attempts_per_minute),
        addresses={name: source.addresses for name, source in sources.items() if source.addresses},
        scopes={name: source_scopes(source) for name, source in sources.items()},
        trusted_proxies=settings.trusted_proxies,
    )


def security(settings: Settings, door: Door) -> Security:
    """What is told of it in /openapi.json."""
    return security_of(
        door.ways,
        anonymous=any(source.is_anonymous for source in settings.sources.values()),
        client_tls=bool(settings.tls_client_ca),
    )


def source_scopes(source: Source) -> frozenset[str]:
    """What a source may at most. Senders do not read what others sent, unless that is said."""
    if source.scopes:
        return frozenset(source.scopes)
    return EVERYTHING if source.is_anonymous else frozenset({WRITE})


def _ways(settings: Settings) -> Iterator[Way]:
    """Only those that a source uses. Static tokens before signed ones: they cost less to compare."""
    sources = settings.sources
    if tokens := _every(sources, "bearer", lambda one: one.bearer and one.bearer.hashes()):
        yield Bearer(tokens)
    if trusted := [_trust(name, one.jwt) for name, one in sources.items() if one.jwt]:
        yield Jwt(trusted)
    if passwords := _every(sources, "basic", lambda one: one.basic and one.basic.hashes()):
        yield Basic(
            [
                Account(name, one.basic.user, [Hashed.of(text) for text in passwords[name]])
                for name, one in sources.items()
                if one.basic
            ]
        )
    if secrets := _every(
        sources,
        "standardwebhooks",
        lambda one: one.standardwebhooks and _usable(one.standardwebhooks.all_secrets()),
    ):
        yield StandardWebhooks(secrets)
    if certificates := {
        name: one.certificate.fingerprints for name, one in sources.items() if one.certificate
    }:
        yield Certificate(certificates, settings.certificate_header)


def _every(
    sources: Mapping[str, Source], way: str, secrets_of: Callable[[Source], list[str] | None]
) -> dict[str, list[str]]:
    """What each source has for this way, for those that use it. Raises UnusableSettings."""
    found: dict[str, list[str]] = {}
    for name, source in sources.items():
        try:
            secrets = secrets_of(source)
        except ValueError as error:
            raise UnusableSettings(f"sources.{name}.{way}.{error}") from error
        if secrets:
            found[name] = secrets
    return found


def _usable(secrets: list[str]) -> list[str]:
    """The library would leave out what is no base64, and take the few bytes that remain."""
    for secret in secrets:
        try:
            bits = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) * 8
        except binascii.Error:
            bits = 0
        if bits < FEWEST_BITS:
            raise ValueError(f"secrets: one is not whsec_ and base64 of {FEWEST_BITS} bits or more")
    return secrets


def _trust(source: str, told: JwtSettings) -> Trust:
    fetch = from_file(told.jwks_file) if told.jwks_file else from_url(told.jwks_url)
    return Trust(
        source=source,
        issuer=told.issuer,
        audience=told.audience,
        scope=told.scope,
        clients=told.clients,
        algorithms=told.algorithms,
        leeway_seconds=told.leeway_seconds,
        token_url=told.token_url,
        keys=KeySet(
            fetch,
            refresh_seconds=told.refresh_seconds,
            unknown_key_seconds=told.unknown_key_seconds,
        ),
    )
