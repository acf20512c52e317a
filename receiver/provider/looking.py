"""One look at a source's registration: is it there, is the source silent, is everything told twice?
What is wrong is healed where that is safe, and said where it is not.

    not registered, although `register = true`    registered
    the provider has forgotten it                 registered anew, then reconciled
    silent against its habit                      alarm; ended, registered anew, then reconciled
    everything told twice                         the other registration ended where it is known
    the provider is away, or answers neither      said, and looked at again

What cannot be ended is not registered anew because of a silence: that would make two. Nothing is
healed twice without new evidence, and each look begins from what is on disk.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from receiver.provider import silence
from receiver.provider.client import ProviderAway
from receiver.provider.hub import Found
from receiver.provider.ours import HubTrouble, Ours, name_of
from receiver.provider.registering import Registrar
from receiver.provider.silence import MOST_DOUBLINGS
from store.hub.heard import Heard, heard
from store.hub.registrations import Registration
from store.hub.standing import Standing, keep, reconciled, standing
from store.times import seconds_between

Reconcile = Callable[[str, str], Awaitable[None]]
"""Read what this source's provider has since this time (UTC), and keep what we were not told.
Returns when that is done; raises whatever it likes when it is not, and is asked again."""

_log = logging.getLogger(__name__)


class Look:
    """Looks after one source's registration. Whoever calls `look` holds `only_one`."""

    def __init__(self, directory: Path, ours: Ours, reconcile: Reconcile | None = None) -> None:
        self._directory = directory
        self._ours = ours
        self._registrar = Registrar(ours)
        self._reconcile = reconcile
        self._now = ours.now
        self._said: frozenset[str] = frozenset()

    async def look(self) -> Standing:
        """How it stands now, kept as well. Never raises for what a provider does."""
        before = standing(self._ours.file, self._ours.source)
        found = before._replace(looked_at=self._now(), problem=None, advice=None)
        try:
            found = await self._seen(found, before)
        except HubTrouble as error:
            found = found._replace(problem=str(error), advice=error.advice or None)
        except ProviderAway as error:
            found = found._replace(problem=f"The provider cannot be asked: {error}.")
        self._keep(before, found)
        await self._reconciled()
        return standing(self._ours.file, self._ours.source)

    async def _seen(self, found: Standing, before: Standing) -> Standing:
        current = self._ours.current()
        if current is None or current.wanted != self._ours.wanted:
            return await self._registered(found, current)
        self._say_once([*await self._ours.settle(), *await self._ours.end_doubles()])
        there = await self._ours.look_for(current)
        if there is Found.ABSENT and await self._ours.is_forgotten(current):
            return await self._healed(found, "the provider had forgotten it")
        if there is Found.THERE:
            found = found._replace(well_at=self._now())
        since = current.registered_at or current.asked_at
        told = heard(
            self._directory,
            self._ours.source,
            now=self._now(),
            since=since,
            patience=silence.patience(self._ours.rules),
        )
        if told is None:
            # Nothing new is known: a silence is not over for that.
            silent = before.silent_since is not None
            return found._replace(problem=before.problem, advice=before.advice) if silent else found
        return await self._told(found, current, told)

    async def _registered(self, found: Standing, current: Registration | None) -> Standing:
        """Where what is wanted is not registered."""
        if current is None and (found.unwanted_since or not self._ours.rules.registers):
            return found._replace(silent_since=None, silence_heals=0, well_at=None)
        if not self._ours.rules.registers:
            problem = "What is registered is not what the settings say."
            return found._replace(problem=problem, advice="Run `listener hub register`.")
        unsettled = [one for one in self._ours.unended() if not one.is_known]
        if unsettled and await self._ours.settle() and self._waits(unsettled):
            problem = f"Asked for at {unsettled[-1].asked_at} and not answered; asked again later."
            return found._replace(problem=problem)
        outcome = await self._registrar.register()
        self._say_registered(outcome.registration, outcome.notes)
        return found._replace(well_at=self._now(), silent_since=None, silence_heals=0)

    def _waits(self, unsettled: list[Registration]) -> bool:
        """Whether it is too soon to ask again for what may be there: each time might make one more
        that we do not know, so each time we wait twice as long.
        """
        if not any(not one.is_known for one in self._ours.unended()):
            return False
        wait = self._ours.rules.look_seconds * 2 ** min(len(unsettled), MOST_DOUBLINGS)
        return seconds_between(unsettled[-1].asked_at, self._now()) < wait

    async def _told(self, found: Standing, current: Registration, told: Heard) -> Standing:
        """What the events that arrive say."""
        if silence.is_told_once(told):
            for one in self._ours.unended():
                if not one.is_known:
                    self._ours.ended(one, "never arrived: nothing is told twice")
        if silence.is_told_twice(told):
            problem = (
                "The same is told twice, under different event ids: the provider has a second "
                f"registration of ours beside {name_of(current)}. Histories stay right."
            )
            advice = "Have it ended at the provider."
            return found._replace(problem=problem, advice=advice)
        since = silence.silent_since(told, now=self._now())
        if since is None:
            return found._replace(silent_since=None, silence_heals=0)
        return await self._silent(found._replace(silent_since=since), current, told)

    async def _silent(self, found: Standing, current: Registration, told: Heard) -> Standing:
        found = found._replace(
            problem=f"Silent since {found.silent_since}, longer than it ever is at this time.",
            advice="Ask the provider, unless nothing happened there.",
        )
        # Not before this registration had its chance.
        healed_at = max(current.registered_at or "", found.healed_at or "")
        again_at = silence.heals_again_at(told, healed_at=healed_at, heals=found.silence_heals)
        if self._now() < again_at:
            return found
        healed = await self._healed(found, "it was silent", missed_since=told.last_at)
        return healed._replace(silence_heals=found.silence_heals + 1)

    async def _healed(
        self, found: Standing, why: str, *, missed_since: str | None = None
    ) -> Standing:
        _log.warning("%s: registering anew: %s", self._ours.source, why)
        outcome = await self._registrar.register(
            anew=missed_since is not None, missed_since=missed_since
        )
        self._say_registered(outcome.registration, outcome.notes)
        now = self._now()
        if not outcome.is_new:
            return found._replace(well_at=now)
        return found._replace(heals=found.heals + 1, healed_at=now, healed=why, well_at=now)

    async def _reconciled(self) -> None:
        since = standing(self._ours.file, self._ours.source).reconcile_since
        if since is None or self._reconcile is None:
            return
        try:
            await self._reconcile(self._ours.source, since)
        except Exception as error:  # noqa: BLE001  whatever it was: it stays wanted, and is said
            _log.warning("%s: not reconciled: %s", self._ours.source, error)
            return
        reconciled(self._ours.file, self._ours.source, since)

    def _keep(self, before: Standing, found: Standing) -> None:
        began = before.problem_since if before.problem else found.looked_at
        found = found._replace(problem_since=began if found.problem else None)
        keep(self._ours.file, found)
        if found.problem and found.problem != before.problem:
            advice = f" {found.advice}" if found.advice else ""
            _log.warning("%s: %s%s", self._ours.source, found.problem, advice)
        if before.problem and not found.problem:
            _log.info("%s: all is well again", self._ours.source)

    def _say_once(self, notes: list[str]) -> None:
        """What was not said at the look before."""
        for note in notes:
            if note not in self._said:
                _log.warning("%s: %s", self._ours.source, note)
        self._said = frozenset(notes)

    def _say_registered(self, one: Registration, notes: tuple[str, ...]) -> None:
        for note in notes:
            _log.warning("%s: %s", self._ours.source, note)
        _log.info("%s: registered at its provider: %s", self._ours.source, name_of(one))
