"""From a source's settings to its provider's rules: the only place that knows both."""

from functools import partial
from urllib.parse import urlsplit

from config.dialect import DEFAULT
from config.options import UnusableSettings
from config.provider import Provider
from config.settings import Settings
from receiver.provider.hub import HubRules
from receiver.provider.rules import ProviderRules
from receiver.provider.watching import Watched
from store.commands.credentials import auth_of, tls_of
from store.commands.dialects import dialect_of
from store.dialects import Dialect


def provider_rules(settings: Settings, source: str) -> ProviderRules:
    """How this source's provider is spoken to. Secrets are read now; nothing is asked yet.

    Raises UnusableSettings, which names the knob, or the sources that have a provider.
    """
    told = provider_of(settings, source)
    try:
        tls = tls_of(told)
        authenticate = partial(
            auth_of, told, tls, timeout_seconds=told.timeout_seconds, scope="read write"
        )
        # Once now, so that a secret that is not there is said before anything begins.
        authenticate()
        return ProviderRules(
            base_url=_base_url(told.base_url, spoken_by(settings, source)),
            authenticate=authenticate,
            headers=told.all_headers(),
            tls=tls,
            proxy=told.proxy,
            timeout_seconds=told.timeout_seconds,
            requests_per_second=told.requests_per_second,
            attempts=told.attempts,
            longest_pause_seconds=told.longest_pause_seconds,
            page_size=told.page_size,
        )
    except (ValueError, OSError) as error:
        raise UnusableSettings(f"sources.{source}.provider: {error}") from error


def provider_of(settings: Settings, source: str) -> Provider:
    """The provider's settings. Raises UnusableSettings where this source has none."""
    found = settings.sources.get(source)
    if found is None or found.provider is None:
        known = ", ".join(providers(settings)) or "none"
        raise UnusableSettings(
            f"{source!r} is no source with a provider; with one: {known}. "
            f"See [sources.{source}.provider] in config/example.toml."
        )
    return found.provider


def spoken_by(settings: Settings, source: str) -> Dialect:
    """The dialect in which this source is spoken to."""
    return dialect_of(settings.sources[source].dialect)


def hub_rules(settings: Settings, source: str) -> HubRules:
    """How we want to be notified by it. Raises UnusableSettings, which names the knob."""
    told, dialect = provider_of(settings, source), spoken_by(settings, source)
    path = dialect.provider.path("hub")
    if path is None:
        raise UnusableSettings(f"sources.{source}.dialect: {dialect.name} has no hub.")
    if not told.hub_callback:
        raise UnusableSettings(
            f"sources.{source}.provider.hub_callback: there is none. It is our own address as the "
            "provider reaches it, as https://listener.example.net/tmf-api/troubleTicket/v5."
        )
    try:
        members = told.all_hub_members()
    except ValueError as error:
        raise UnusableSettings(f"sources.{source}.provider.{error}") from error
    return HubRules(
        callback=told.hub_callback.rstrip("/"),
        path=path,
        query=told.hub_query,
        form=dialect.provider.hub_form if told.hub_form == "dialect" else told.hub_form,
        members=members,
        registers=told.registers,
        unregisters=told.unregister,
        look_seconds=told.hub_look_seconds,
        silence_seconds=told.silence_seconds,
        silence_times=told.silence_times,
    )


def watched(settings: Settings) -> list[Watched]:
    """The sources whose provider notifies us. Raises UnusableSettings, which names the knob."""
    return [
        watched_one(settings, name)
        for name, source in settings.sources.items()
        if source.provider is not None and source.provider.hub_callback
    ]


def watched_one(settings: Settings, source: str) -> Watched:
    """One of them. Raises UnusableSettings, which names the knob."""
    return Watched(source, provider_rules(settings, source), hub_rules(settings, source))


def providers(settings: Settings) -> list[str]:
    """The sources that have a provider."""
    return [name for name, source in settings.sources.items() if source.provider]


def _base_url(told: str, dialect: Dialect) -> str:
    """FIT leaves the base path to the provider, so there a host alone is all there is."""
    is_host = not urlsplit(told).path
    base = dialect.provider.base_path if is_host and dialect.name != DEFAULT else ""
    return told.rstrip("/") + base
