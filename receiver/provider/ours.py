"""Ours: the registrations of one source that may be at its provider: looked for, settled, ended.

What was asked for and not answered, or not kept, may be there: where the provider lists what it has
it is found by its callback, and kept or ended; else that is said.
"""

from collections.abc import Callable

from receiver.provider import hub
from receiver.provider.client import ProviderClient
from receiver.provider.hub import Found, HubRules, Listed
from store.hub import registrations
from store.hub.file import HubFile
from store.hub.heard import now_text
from store.hub.registrations import Registration, Serves, Wanted


class HubTrouble(Exception):
    """A provider's hub did not do what was asked. The text says why; `advice` what can be done."""

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.advice = advice


class Ours:
    """One source's. Whoever calls this holds `only_one` of store/hub/file.py."""

    def __init__(
        self,
        source: str,
        rules: HubRules,
        client: ProviderClient,
        file: HubFile,
        *,
        now: Callable[[], str] = now_text,
    ) -> None:
        self.source = source
        self.rules = rules
        self.client = client
        self.file = file
        self.now = now
        self.wanted = Wanted(client.rules.base_url, rules.callback.rstrip("/"), rules.query)

    def unended(self) -> list[Registration]:
        """Those that may be there, the oldest first."""
        return registrations.unended(self.file, self.source)

    def current(self) -> Registration | None:
        """The last one that the provider said it has, and that has not ended."""
        return next((one for one in reversed(self.unended()) if one.is_known), None)

    async def is_forgotten(self, one: Registration) -> bool:
        """Whether the provider says that it has it no more; asked twice, since one of several
        servers, or something in front of them, may be just starting.

        Raises HubTrouble where its answer says neither, ProviderAway.
        """
        for _ in range(2):
            if await self.look_for(one) is not Found.ABSENT:
                return False
        return self.says_what_it_has()

    def says_what_it_has(self) -> bool:
        """Whether this provider can be asked, so that what it does not tell is not there."""
        return any(self._serves())

    def _serves(self) -> Serves:
        return registrations.serves(self.file, self.source, self.wanted.base_url)

    async def look_for(self, one: Registration) -> Found:
        """GET /hub/{id}, or the list where it was named in it. Raises as is_forgotten."""
        if one.hub_id is None:
            return Found.NOT_SERVED
        found, said = await hub.find(self.client, self.rules.path, one.hub_id)
        if found is Found.UNKNOWN:
            raise HubTrouble(f"GET /hub/{one.hub_id} {said}.", whose_fault(said))
        if found is Found.THERE and not one.is_probed:
            # From now on a 404 says something.
            self.registered(one, one.hub_id, is_probed=True, is_listed=bool(one.is_listed))
        serves = self._serves()
        if found is not Found.THERE and serves.all and not serves.one:
            listed = await hub.listed(self.client, self.rules.path)
            if listed is not None:
                there = any(other.hub_id == one.hub_id for other in listed)
                return Found.THERE if there else Found.ABSENT
        return found

    async def settle(self) -> list[str]:
        """Find out about what was asked for and never answered; what was found.

        Raises ProviderAway.
        """
        unsettled = [one for one in self.unended() if not one.is_known]
        if not unsettled:
            return []
        listed = await hub.listed(self.client, self.rules.path)
        if listed is None:
            return [f"one was asked for at {one.asked_at} and not answered; it may be there too" for one in unsettled]  # fmt: skip
        known = {one.hub_id for one in self.unended()}
        left = [other for other in listed if other.hub_id not in known]
        return [self._settled(one, left) for one in unsettled]

    def _settled(self, one: Registration, left: list[Listed]) -> str:
        found = next((other for other in left if self.is_ours(other, one.wanted)), None)
        if one.base_url != self.wanted.base_url:
            self.ended(one, "left behind")
            return f"one was asked for at {one.base_url} and not answered: look for it there"
        if found is None:
            self.ended(one, "never arrived")
            return f"the one asked for at {one.asked_at} never arrived"
        left.remove(found)
        self.registered(one, found.hub_id, is_listed=True)
        return f"found the one asked for at {one.asked_at}: it is {found.hub_id}"

    async def end_doubles(self) -> list[str]:
        """End what is registered for us beside the current one; what was ended.

        Raises ProviderAway.
        """
        *earlier, current = [one for one in self.unended() if one.is_known] or [None]
        notes = [await self._ended_or_why(one) for one in earlier if one is not None]
        if current is None or not self._serves().all:
            return notes
        listed = await hub.listed(self.client, self.rules.path) or []
        for other in listed:
            if self.is_ours(other) and other.hub_id != current.hub_id:
                found, said = await hub.remove(self.client, self.rules.path, other.hub_id)
                notes.append(
                    f"ended a second one of ours, {other.hub_id}"
                    if found is Found.ABSENT
                    else f"a second one of ours, {other.hub_id}, is not ended: DELETE {said}"
                )
        return notes

    async def _ended_or_why(self, one: Registration) -> str:
        try:
            return await self.end(one)
        except HubTrouble as error:
            return str(error)

    async def end(self, one: Registration) -> str:
        """DELETE /hub/{id}; what came of it. Raises HubTrouble where it may still be there,
        ProviderAway.
        """
        if one.base_url != self.wanted.base_url:
            self.ended(one, "left behind")
            return f"{name_of(one)} stays at {one.base_url}: end it there"
        if one.hub_id is None:
            raise HubTrouble(
                "The provider told no id for our registration, so it cannot be ended from here.",
                "Have it ended at the provider, then run `listener hub unregister --forget`.",
            )
        found, said = await hub.remove(self.client, self.rules.path, one.hub_id)
        if found is Found.NOT_SERVED:
            raise HubTrouble(
                f"The provider ends no registrations (DELETE /hub/{one.hub_id} {said}).",
                "Have it ended there, then run `listener hub unregister --forget`.",
            )
        if found is not Found.ABSENT:
            raise HubTrouble(f"DELETE /hub/{one.hub_id} {said}.", whose_fault(said))
        self.ended(one, "ended by us")
        return f"ended {name_of(one)}"

    async def unregister(self) -> list[str]:
        """End all of ours; what was ended. Raises HubTrouble, ProviderAway."""
        notes = [*await self.settle(), *await self.end_doubles()]
        left = self.unended()
        notes += [await self.end(one) for one in left if one.is_known]
        for one in left:
            if not one.is_known:
                raise HubTrouble(
                    f"One was asked for at {one.asked_at} and not answered, and the provider "
                    "does not list what it has.",
                    "Ask there for one with our callback; then `listener hub unregister --forget`.",
                )
        return notes

    def forget(self) -> list[str]:
        """Know nothing of ours any more, without asking anybody; what was forgotten."""
        left = self.unended()
        for one in left:
            self.ended(one, "forgotten by us")
        return [f"forgot {name_of(one)}" for one in left]

    def is_ours(self, other: Listed, wanted: Wanted | None = None) -> bool:
        """Whether it has our callback and query; those that are wanted now, or these."""
        wanted = wanted or self.wanted
        return (other.callback, other.query) == (wanted.callback, wanted.query)

    def registered(
        self,
        row: Registration,
        hub_id: str | None,
        *,
        is_probed: bool = False,
        is_listed: bool = False,
    ) -> None:
        """Keep that the provider has it."""
        registrations.registered(
            self.file, row.number, hub_id, now=self.now(), is_probed=is_probed, is_listed=is_listed
        )

    def ended(self, row: Registration, end: str) -> None:
        """Keep that the provider has it no more, and how we know."""
        registrations.ended(self.file, row.number, end, now=self.now())

    def again(self, row: Registration) -> Registration:
        """The same, as it is kept now."""
        return next(one for one in self.unended() if one.number == row.number)

    def of_id(self, hub_id: str) -> Registration | None:
        """The one that the provider calls so."""
        return next((one for one in self.unended() if one.hub_id == hub_id), None)


def name_of(one: Registration) -> str:
    """For a person."""
    return f"registration {one.hub_id}" if one.hub_id else "a registration without id"


def whose_fault(said: str) -> str:
    """What can be done about an answer that is no success; empty: nothing that we know."""
    if said.startswith(("answered 401", "answered 403")):
        return "The provider does not let us in: see [sources.NAME.provider] in the settings."
    return ""
