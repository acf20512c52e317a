"""What differs between a resource as the provider answers it and as we hold it. Pure.

By meaning: JSON-equal, dates as instants, statuses in any spelling, objects of a list in any order,
null and empty as absent. What the provider does not tell is no difference, unless the answer
is the whole resource and the member is one that TMF621's resource has.
"""

from collections.abc import Iterator
from typing import Any, cast

from store.history.members import STATED_WHOLE, UNTOLD
from store.payload import Json, normal_status, status_changes, status_date, status_of
from store.reconciling.held import Gap, Held
from store.times import read_time, seconds_between

STATUS, HISTORY = "status", "statusChangeHistory"
NEAR_SECONDS = 1.0
"""Senders write one date with and without its fraction."""
TELLS_NOTHING = UNTOLD
"""Members of a resource that say which it is, and no more."""
_EMPTY: tuple[Any, ...] = (None, [], {}, "")


def differences(held: Held | None, theirs: Json, zone: str, *, whole: bool) -> list[str]:
    """The members that differ, in alphabetical order; empty when the provider tells what we hold.

    A resource that we do not hold, or hold as deleted, differs in every member.
    """
    if held is None or held.deleted_at is not None:
        return sorted(set(theirs) - UNTOLD) or ["id"]
    found = {
        name
        for name, value in theirs.items()
        if name not in UNTOLD and not _same_member(name, held.state.get(name), value, zone)
    }
    if whole:
        found |= {
            name
            for name in STATED_WHOLE & held.state.keys()
            if held.state[name] not in _EMPTY and name not in theirs
        }
    status = status_of(theirs)
    if status and status != held.status:
        found.add(STATUS)
    if any(proves(theirs, gap, zone) for gap in held.gaps):
        found.add(HISTORY)
    return sorted(found)


def proves(theirs: Json, gap: Gap, zone: str) -> bool:
    """Whether the answer tells the transition that nobody told us."""
    told = [*status_changes(theirs), (status_of(theirs) or "", theirs)]
    for status, change in told:
        date = read_time(status_date(change), zone)
        if (
            date
            and gap.status in (None, status)
            and abs(seconds_between(date, gap.at)) <= NEAR_SECONDS
        ):
            return True
    return False


def _same_member(name: str, ours: Any, theirs: Any, zone: str) -> bool:
    if name in ("status", "state", "lifecycleStatus") and isinstance(theirs, str):
        return isinstance(ours, str) and normal_status(ours) == normal_status(theirs)
    return same(ours, theirs, zone)


def same(ours: Any, theirs: Any, zone: str) -> bool:
    """Whether two JSON values mean the same."""
    if ours in _EMPTY and theirs in _EMPTY:
        return True
    if isinstance(ours, dict) and isinstance(theirs, dict):
        one, other = cast("Json", ours), cast("Json", theirs)
        return all(same(one.get(name), other.get(name), zone) for name in one.keys() | other.keys())
    if isinstance(ours, list) and isinstance(theirs, list):
        return _same_list(cast("list[Any]", ours), cast("list[Any]", theirs), zone)
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours == theirs or _same_instant(ours, theirs, zone)
    # True is 1 for Python, and not for JSON.
    return ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)


def _same_instant(ours: str, theirs: str, zone: str) -> bool:
    one, other = read_time(ours, zone), read_time(theirs, zone)
    return one is not None and one == other


def _same_list(ours: list[Any], theirs: list[Any], zone: str) -> bool:
    if len(ours) != len(theirs):
        return False
    if all(same(one, other, zone) for one, other in zip(ours, theirs, strict=True)):
        return True
    left = list(ours)
    for other in theirs:
        match = next(_objects_like(other, left, zone), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _objects_like(other: Any, items: list[Any], zone: str) -> Iterator[Any]:
    """Objects that say the same: TMF621's lists of them (parties, notes, changes) have no order."""
    for one in items:
        if isinstance(one, dict) and same(one, other, zone):
            yield cast("Json", one)
