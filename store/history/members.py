"""Members of a resource: merging the partial resources of events, and what each one changed.

Pure. A member present replaces, an absent one stays, null clears. A list replaces as a whole;
where its items have ids the difference names the items added, removed and changed.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

Json = dict[str, Any]

_ENCODER = msgspec.json.Encoder(order="sorted")

UNTOLD = frozenset(
    {
        *("id", "href", "@type", "@baseType", "@schemaLocation", "@referredType"),
        *("buyerId", "sellerId"),  # MEF: between whom it is
    }
)
"""Members that say what a resource is, not how it is."""

STATUS_MEMBERS = frozenset(
    {
        *("status", "statusChangeDate", "statusChangeReason", "statusChangeMessage"),
        *("statusChangeHistory", "statusChange", "changeDate", "changeReason", "lastUpdate"),
        *("stateChangeDate", "stateChangeReason", "stateChangeMessage", "stateChangeHistory"),
        *("state", "stateChange"),
    }
)
"""Members that the status lane tells better, and the stamp that changes with every update."""

LISTED_APART = frozenset(
    {"troubleTicketMilestone", "milestone", "troubleTicketJeopardyAlert", "jeopardyAlert"}
)
"""Members with entries and tables of their own."""

STATED_WHOLE = frozenset(
    {
        *("name", "description", "severity", "priority", "ticketType", "channel", "note"),
        *("attachment", "relatedParty", "relatedEntity", "troubleTicketRelationship"),
        *("troubleTicketCharacteristic", "externalIdentifier", "troubleTicketSpecification"),
        *("requestedResolutionDate", "expectedResolutionDate", "resolutionDate"),
    }
)
"""Members of TMF621's TroubleTicket that a whole answer without them clears. Those of the status
lane are told by it, those of events and senders' own may be no part of the answer."""

_TOLD_ELSEWHERE = UNTOLD | STATUS_MEMBERS | LISTED_APART


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One member, or one item of a list, before and after; JSON text, None where absent."""

    member: str
    item: str | None
    action: str
    before: str | None
    after: str | None


def merge(state: Json, resource: Json) -> list[Difference]:
    """Merge `resource` into `state`, in place; what changed, by member, in alphabetical order."""
    changed: list[str] = []
    for member, after in resource.items():
        if member not in _TOLD_ELSEWHERE:
            before = state.get(member)
            # Texts, as most members are, need no second look (`_same`).
            if before != after or (type(after) is not str and not _same(before, after)):
                changed.append(member)
    differences: list[Difference] = []
    for member in sorted(changed):
        differences += _differences(member, state.get(member), resource[member])
    state.update(resource)
    return differences


def whole(state: Json, resource: Json) -> Json:
    """`resource` with null for every member that `state` has, and a whole answer would name."""
    missing = STATED_WHOLE & (state.keys() - resource.keys())
    return {**resource, **dict.fromkeys(missing)} if missing else resource


def text(value: object) -> str:
    """JSON text that is the same for the same value, whatever order its members came in."""
    return written(value).decode("utf-8", "surrogatepass")


def written(value: object) -> bytes:
    """`text` as the bytes of its UTF-8."""
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, RecursionError):
        # Half a surrogate pair, or nested too deeply for the fast writer.
        odd = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return odd.encode("utf-8", "surrogatepass")


def _same(before: object, after: object) -> bool:
    # 1 == True and 1 == 1.0 in Python, but not in JSON.
    return before == after and (
        isinstance(after, str) or before is after or written(before) == written(after)
    )


def _differences(member: str, before: object, after: object) -> Iterable[Difference]:
    if list in {type(before), type(after)}:
        before_items = _by_id(before)
        after_items = _by_id(after)
        if before_items is not None and after_items is not None and (before_items or after_items):
            return _item_differences(member, before_items, after_items)
    if before is None or after is None:
        action = "set" if before is None else "cleared"
    else:
        action = "changed"
    return [Difference(member, None, action, _text(before), _text(after))]


def _item_differences(member: str, before: Json, after: Json) -> Iterator[Difference]:
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            yield Difference(member, key, "added", None, text(after[key]))
        elif key not in after:
            yield Difference(member, key, "removed", text(before[key]), None)
        elif not _same(before[key], after[key]):
            yield Difference(member, key, "changed", text(before[key]), text(after[key]))


def _text(value: object) -> str | None:
    return None if value is None else text(value)


def _by_id(value: object) -> Json | None:
    """The items of a list by their ids; None when it is no list, or an item has no id of its own."""
    if value is None:
        return {}
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    found: Json = {}
    for item in items:
        key = _item_id(item)
        if key is None or key in found:
            return None
        found[key] = item
    return found


def _item_id(item: object) -> str | None:
    """An item's own id, else the id of what it refers to with the role it has (TMF's RelatedX)."""
    if not isinstance(item, dict):
        return None
    reference = cast("Json", item)
    role = reference.get("role")
    for member in ("id", "partyOrPartyRole", "entity"):
        inner = reference.get(member)
        key = cast("Json", inner).get("id") if isinstance(inner, dict) else inner
        if isinstance(key, str | int) and not isinstance(key, bool):
            return f"{role} {key}" if isinstance(role, str) else str(key)
    return None
