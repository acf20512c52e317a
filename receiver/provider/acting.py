"""What `listener hub` does for one source, and what it tells of it: plain JSON objects.

Every one has source, state (a sentence), problem (a sentence, or null) and advice.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from receiver.provider.client import ProviderAway, ProviderClient
from receiver.provider.hub import Found
from receiver.provider.ours import HubTrouble, Ours, name_of
from receiver.provider.registering import Outcome, Registrar
from receiver.provider.watching import Watched
from store.hub.file import HubFile
from store.hub.registrations import Registration
from store.hub.standing import forget as forget_standing
from store.hub.standing import standing, want

Json = dict[str, Any]


@asynccontextmanager
async def opened(directory: Path, one: Watched) -> AsyncGenerator[Ours]:
    """A source's registrations, ready to be asked about."""
    async with ProviderClient(one.provider) as client:
        yield Ours(one.source, one.hub, client, HubFile(directory))


async def register(ours: Ours, *, anew: bool, hub_id: str | None) -> Json:
    """Register, or keep what the provider has under this id."""
    registrar = Registrar(ours)
    try:
        outcome = await (registrar.adopt(hub_id) if hub_id else registrar.register(anew=anew))
    except (HubTrouble, ProviderAway) as error:
        return _trouble(ours, "not registered", error)
    want(ours.file, ours.source)
    return _shown(ours, outcome.registration) | {
        "state": _done(outcome),
        "is_new": outcome.is_new,
        "notes": list(outcome.notes),
    }


async def unregister(ours: Ours, *, forget: bool) -> Json:
    """End all of ours."""
    try:
        notes = ours.forget() if forget else await ours.unregister()
    except (HubTrouble, ProviderAway) as error:
        return _trouble(ours, "still registered", error)
    forget_standing(ours.file, ours.source, unwanted_since=ours.now())
    state = "not registered" if notes else "was not registered"
    return {"source": ours.source, "state": state, "notes": notes, "problem": None, "advice": None}


async def status(ours: Ours) -> Json:
    """What the provider says, and what was last seen."""
    seen = standing(ours.file, ours.source)
    told: Json = seen._asdict() | {"provider": ours.client.rules.base_url}
    current = ours.current()
    if current is None:
        told |= {"state": "not registered"} | _absent(ours, told)
        return told
    told |= _shown(ours, current, problem=seen.problem, advice=seen.advice)
    try:
        found = await ours.look_for(current)
    except (HubTrouble, ProviderAway) as error:
        return told | _trouble(ours, f"{name_of(current)}, as far as we know", error)
    told["state"] = f"{name_of(current)}, {_SEEN[found]}"
    if found is Found.ABSENT and ours.says_what_it_has():
        told["problem"] = "The provider has forgotten us: nothing is told to us."
        told["advice"] = "Run `listener hub register`; `listener serve` does it by itself."
    return told


_SEEN = {
    Found.THERE: "known to the provider",
    Found.ABSENT: "not known to the provider, or it cannot be asked",
    Found.NOT_SERVED: "as far as we know: the provider cannot be asked",
    Found.UNKNOWN: "as far as we know",
}


def _absent(ours: Ours, told: Json) -> Json:
    """Whether it is wrong that nothing is registered."""
    if told["unwanted_since"]:
        return {"state": f"not registered, by hand since {told['unwanted_since']}"}
    unsettled = [one.asked_at for one in ours.unended()]
    if unsettled:
        return {
            "problem": f"Asked for at {unsettled[-1]} and not answered: it may be there.",
            "advice": "Run `listener hub register`.",
        }
    if ours.rules.registers:
        return {
            "problem": told["problem"] or "Nothing is registered, although register = true.",
            "advice": told["advice"] or "Start `listener serve`, or run `listener hub register`.",
        }
    return {}


def _done(outcome: Outcome) -> str:
    name = name_of(outcome.registration)
    return f"registered: {name}" if outcome.is_new else f"already registered: {name}"


def _shown(
    ours: Ours, one: Registration, *, problem: str | None = None, advice: str | None = None
) -> Json:
    return {
        "source": ours.source,
        "provider": one.base_url,
        "hub_id": one.hub_id,
        "callback": one.callback,
        "query": one.query,
        "registered_at": one.registered_at,
        "problem": problem,
        "advice": advice,
    }


def _trouble(ours: Ours, state: str, error: HubTrouble | ProviderAway) -> Json:
    is_away = isinstance(error, ProviderAway)
    return {
        "source": ours.source,
        "state": state,
        "problem": f"The provider cannot be asked: {error}." if is_away else str(error),
        "advice": None if is_away else error.advice or None,
    }
