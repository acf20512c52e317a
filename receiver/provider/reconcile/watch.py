"""Watch: in `listener serve`, reconciles by itself: at start, by the clock, and when asked to.

At start for the time that we were away: since the last certificate. Then every so often what
changed, and once a day everything. Whoever notices something (a source gone silent, a hub that was
forgotten) asks by `store.reconciling.ledger.wish`, from any process. Meanwhile notifications that
tell an id alone are completed (`thin.py`). What goes wrong is said, and tried again at the next turn.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.settings import Settings
from receiver.provider.client import ProviderAway, ProviderClient
from receiver.provider.door import provider_rules
from receiver.provider.reconcile.door import now, reconcile_rules, surroundings
from receiver.provider.reconcile.rules import ReconcileRules
from receiver.provider.reconcile.run import (
    NotReconciled,
    Outcome,
    Surroundings,
    reconcile,
    window_of,
)
from receiver.provider.reconcile.thin import Completer
from store import LogError
from store.reconciling.ledger import Wish, take_wish

LOOK_SECONDS = 1.0
"""How soon a wish is seen, and a thin notification completed."""
AGAIN_SECONDS = 30.0
"""Before another attempt where one failed; twice as long each time, up to `every_seconds`."""
LONGEST_AGAIN_SECONDS = 900.0

_log = logging.getLogger("listener.reconcile")


async def keep_watch(settings: Settings, sources: Sequence[str]) -> None:
    """Go on until SIGTERM, SIGINT or SIGHUP. Raises UnusableSettings."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    watched = [_Watched(settings, source) for source in sources]
    tasks = [asyncio.create_task(one.run()) for one in watched]
    _log.info("reconciling with %s", ", ".join(sources))
    ended = asyncio.create_task(stop.wait())
    await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in (ended, *tasks):
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(found, Exception):
            raise found
    _log.info("reconciles no more")


@dataclass(slots=True)
class _Watched:
    """One source."""

    settings: Settings
    source: str
    rules: ReconcileRules = field(init=False)
    due_at: float | None = field(init=False)
    """By the monotonic clock; None: only when asked."""
    failures: int = 0

    def __post_init__(self) -> None:
        self.rules = reconcile_rules(self.settings, self.source)
        first = 0.0 if self.rules.at_start else self.rules.every_seconds or None
        self.due_at = None if first is None else time.monotonic() + first

    async def run(self) -> None:
        around = await self._surroundings()
        async with ProviderClient(provider_rules(self.settings, self.source)) as client:
            completer = Completer(client, self.rules, around)
            at_start = self.rules.at_start
            while True:
                if self.rules.thin:
                    await self._tried(completer.complete())
                wish = self._wish()
                is_due = self.due_at is not None and time.monotonic() >= self.due_at
                if wish or is_due:
                    why = wish.why if wish else "back again" if at_start else "by the clock"
                    since = wish.since if wish else None
                    await self._turn(client, around, why, since, absent=bool(wish) or at_start)
                    at_start = at_start and self.failures > 0
                await asyncio.sleep(LOOK_SECONDS)

    def _wish(self) -> Wish | None:
        try:
            return take_wish(self.settings.data, self.source)
        except LogError as error:
            _log.warning("%s: cannot hear what is wished: %s", self.source, error)
            return None

    async def _surroundings(self) -> Surroundings:
        """A log that cannot be had now may be in a while: that must not end a whole `serve`."""
        while True:
            try:
                return surroundings(self.settings, _unheard)
            except LogError as error:
                _log.warning("%s: not reconciled now: %s", self.source, error)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _turn(
        self,
        client: ProviderClient,
        around: Surroundings,
        why: str,
        since: str | None,
        *,
        absent: bool,
    ) -> None:
        async def work() -> None:
            asked = since or window_of(self.settings.data, self.rules, now())
            whole = asked is None
            found = await reconcile(client, self.rules, around, since=asked, absent=absent or whole)
            _say(self.source, why, found)

        failed = not await self._tried(work())
        self.failures = self.failures + 1 if failed else 0
        pause = self.rules.every_seconds or None
        if failed:
            again = min(AGAIN_SECONDS * 2 ** (self.failures - 1), LONGEST_AGAIN_SECONDS)
            pause = min(again, pause or again)
        self.due_at = None if pause is None else time.monotonic() + pause

    async def _tried(self, work: Coroutine[Any, Any, object]) -> bool:
        try:
            await work
        except (ProviderAway, NotReconciled, LogError) as error:
            _log.warning("%s: not reconciled now: %s", self.source, error)
            return False
        return True


def _unheard(_kind: str, _seen: int, _total: int) -> None:
    """Nobody looks at a progress bar here."""


def _say(source: str, why: str, found: Outcome) -> None:
    figures = [one for one in found.told["resources"].values() if one["served"]]
    say = _log.warning if found.unexplained else _log.info
    say(
        "%s (%s): %d seen, %d healed, %d unexplained; certificate is event %s",
        *(source, why, sum(one["seen"] for one in figures)),
        *(found.healed, found.unexplained, found.position),
    )
