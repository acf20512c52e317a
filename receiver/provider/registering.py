"""Registering: at most one registration of ours at a provider, whatever was killed in between.

It is on disk before it is asked for (store/hub/registrations.py), and what became of an earlier one
is found out first (ours.py). Another one than is wanted now is ended before: a provider may allow
only one. What may have been missed in between is to be reconciled, and that is on disk as well.
"""

from dataclasses import dataclass

from receiver.provider import hub
from receiver.provider.client import ProviderAway
from receiver.provider.hub import Found
from receiver.provider.ours import HubTrouble, Ours, name_of, whose_fault
from store.hub import registrations
from store.hub.registrations import Registration
from store.hub.standing import standing, want_reconcile

_MAY_HAVE_DONE_IT = frozenset({500, 502, 504})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What registering came to."""

    registration: Registration
    is_new: bool
    """Whether it was asked for now."""
    notes: tuple[str, ...] = ()
    """What else was found or done on the way."""


class Registrar:
    """Registers one source's listener at its provider."""

    def __init__(self, ours: Ours) -> None:
        self.ours = ours

    async def register(self, *, anew: bool = False, missed_since: str | None = None) -> Outcome:
        """Make sure that what is wanted is registered, once; `anew`: end it first, then register.

        `missed_since`: from when on something may not have been told, where that is known better
        than by our last look. Raises HubTrouble, ProviderAway.
        """
        ours = self.ours
        notes = [*await ours.settle(), *await ours.end_doubles()]
        current = ours.current()
        if current is not None:
            as_wanted = current.wanted == ours.wanted and not anew
            is_forgotten = as_wanted and await ours.is_forgotten(current)
            if as_wanted and not is_forgotten:
                return Outcome(current, is_new=False, notes=tuple(notes))
            want_reconcile(ours.file, ours.source, missed_since or self._well_until(current))
            if is_forgotten:
                ours.ended(current, "forgotten by the provider")
                notes.append(f"the provider had forgotten {name_of(current)}")
            else:
                notes.append(await ours.end(current))
        odd = hub.odd_types(ours.wanted.query)
        notes += [f"hub_query names {name}, which is no event that we take" for name in odd]
        outcome = await self._post()
        return Outcome(outcome.registration, outcome.is_new, (*notes, *outcome.notes))

    def _well_until(self, current: Registration) -> str:
        """Until when all that happened was told to us, as far as is known."""
        since = current.registered_at or current.asked_at
        return max(since, standing(self.ours.file, self.ours.source).well_at or since)

    async def adopt(self, hub_id: str) -> Outcome:
        """Keep what the provider has under this id, however it came there.

        Raises HubTrouble where it says that it has none, ProviderAway.
        """
        found, said = await hub.find(self.ours.client, self.ours.rules.path, hub_id)
        if found in (Found.ABSENT, Found.UNKNOWN):
            raise HubTrouble(f"GET /hub/{hub_id} {said}.")
        row = self.ours.of_id(hub_id) or self._asked()
        self.ours.registered(row, hub_id, is_probed=found is Found.THERE)
        return Outcome(self.ours.again(row), is_new=False)

    def _asked(self) -> Registration:
        ours = self.ours
        return registrations.asked(ours.file, ours.source, ours.wanted, now=ours.now())

    async def _post(self) -> Outcome:
        unsettled = any(not one.is_known for one in self.ours.unended())
        row = self._asked()
        try:
            answer = await hub.register(self.ours.client, self.ours.rules)
        except ProviderAway as error:
            if not error.may_have_arrived:
                self.ours.ended(row, f"never sent: {error}")
                raise
            raise HubTrouble(
                f"POST /hub: {error}; it may be registered all the same.",
                "`listener hub register` again finds it where the provider lists what it has.",
            ) from error
        if answer.is_conflict:
            return await self._conflict(row, answer, unsettled=unsettled)
        if not answer.is_done:
            if answer.status not in _MAY_HAVE_DONE_IT:
                self.ours.ended(row, f"refused: {answer.said}")
            raise HubTrouble(f"POST /hub {answer.said}.", whose_fault(answer.said))
        # First of all its id: without it nobody can end it.
        self.ours.registered(row, answer.hub_id)
        return await self._met(row, answer.hub_id)

    async def _met(self, row: Registration, hub_id: str | None) -> Outcome:
        """Find out what can be asked about it later, now that it is surely there."""
        if hub_id is None:
            return Outcome(self.ours.again(row), is_new=True, notes=("the provider told no id",))
        try:
            found, _ = await hub.find(self.ours.client, self.ours.rules.path, hub_id)
            named = await hub.listed(self.ours.client, self.ours.rules.path) or []
            is_listed = any(one.hub_id == hub_id for one in named)
            self.ours.registered(row, hub_id, is_probed=found is Found.THERE, is_listed=is_listed)
        except ProviderAway:
            # It is registered; what can be asked about it is not known, so a 404 will say nothing.
            return Outcome(self.ours.again(row), is_new=True)
        return Outcome(
            self.ours.again(row), is_new=True, notes=tuple(await self.ours.end_doubles())
        )

    async def _conflict(
        self, row: Registration, answer: hub.Registered, *, unsettled: bool
    ) -> Outcome:
        """409: the provider has one, perhaps ours. Keep it where that is sure."""
        known = {one.hub_id for one in self.ours.unended()}
        listed = await hub.listed(self.ours.client, self.ours.rules.path) or []
        ours = [one.hub_id for one in listed if self.ours.is_ours(one) and one.hub_id not in known]
        hub_id = ours[0] if ours else answer.hub_id
        if hub_id is None and not unsettled:
            self.ours.ended(row, f"refused: {answer.said}")
            raise HubTrouble(
                f"The provider has a registration already, and does not say which: {answer.said}.",
                "Have it ended there, or keep it by its id: `listener hub register --id ID`.",
            )
        self.ours.registered(row, hub_id, is_listed=bool(ours))
        for one in self.ours.unended():
            if not one.is_known:
                self.ours.ended(one, "the same as the one found")
        return Outcome(self.ours.again(row), is_new=False, notes=("the provider had it already",))
