"""From settings to what a reconciliation needs: the only place that knows both."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import store
from config.options import UnusableSettings
from config.settings import Settings
from receiver.provider.door import provider_of, spoken_by
from receiver.provider.reconcile.rules import ReconcileRules
from receiver.provider.reconcile.run import Surroundings
from receiver.provider.reconcile.walk import Progress
from store import Appended, LogError, NewEvent
from store.commands.cluster import place_of
from store.commands.common import rule_book
from store.keeping.head import signature
from store.reconciling.keeping_up import keep_up
from store.times import utc_text


def reconcile_rules(settings: Settings, source: str) -> ReconcileRules:
    """How this source is reconciled. Raises UnusableSettings where it has no provider, or where
    its certificates cannot be signed: nobody finds that out after everything was read.
    """
    told = provider_of(settings, source)
    if told.certificate_key is not None:
        try:
            signature(b"", told.certificate_key)
        except (LogError, OSError) as error:
            why = f"sources.{source}.provider: certificate_key: {error}"
            raise UnusableSettings(why) from error
    return ReconcileRules(
        source=source,
        dialect=spoken_by(settings, source),
        zone=settings.sources[source].time_zone,
        page_size=told.page_size,
        grace_seconds=told.reconcile_grace_seconds,
        most=told.reconcile_most,
        most_asked=told.reconcile_most_asked,
        key=told.certificate_key,
        at_start=told.reconcile_at_start,
        every_seconds=told.reconcile_every_seconds,
        whole_every_seconds=told.reconcile_whole_every_seconds,
        thin=told.complete_thin,
    )


def surroundings(settings: Settings, progress: Progress) -> Surroundings:
    """The data directory's log, written as a guest beside whoever has it, and its history."""
    rules = rule_book(settings)
    # Whoever begins has a log to compare with.
    settings.data.mkdir(parents=True, exist_ok=True)
    if place_of(settings) is None:
        with closing(store.open_guest(settings.data)):
            pass
    return Surroundings(
        directory=settings.data,
        now=now,
        append=lambda events: _append(settings, events),
        keep_up=lambda: keep_up(settings.data, rules),
        progress=progress,
    )


def now() -> str:
    """The present moment, as UTC text."""
    return utc_text(datetime.now(UTC))


def _append(settings: Settings, events: Sequence[NewEvent]) -> list[Appended]:
    if (place := place_of(settings)) is not None:
        return store.append_shared(settings.data, place, events)
    with closing(store.open_guest(settings.data)) as log:
        return log.append(events)
