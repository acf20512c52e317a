"""The payload: where an event's resource is, and which ticket it belongs to.

Pure functions on parsed JSON, used at the edge (to place an event) and by the fold (to tell its
history). What the members of a resource say is read by store/members.py, whose functions can be
had from here too.
"""

from difflib import get_close_matches
from functools import lru_cache
from typing import cast

from store.members import (
    JEOPARDY_ALERTS,
    MILESTONES,
    Json,
    external_ids,
    id_text,
    information_required,
    jeopardy_alerts,
    messages,
    milestones,
    normal_status,
    notes,
    objects,
    parties,
    reason_text,
    reference_id,
    relations,
    sole_object,
    status_changes,
    status_date,
    status_history,
    status_of,
    status_reason,
    text_of,
)

__all__ = [
    "RESOURCE_TYPES",
    "TASK_TYPES",
    "Json",
    "escaped",
    "external_ids",
    "id_text",
    "information_required",
    "jeopardy_alerts",
    "member_of",
    "messages",
    "milestones",
    "normal_status",
    "notes",
    "objects",
    "parties",
    "payload_of",
    "reason_text",
    "reference_id",
    "relations",
    "resource_type_of",
    "status_changes",
    "status_date",
    "status_history",
    "status_of",
    "status_reason",
    "text_of",
    "ticket_id_of",
]

RESOURCE_TYPES: tuple[str, ...] = (
    "CancelTroubleTicket",
    "InflightChangeTroubleTicket",
    "TroubleTicketSpecification",
    "TroubleTicket",
)
"""What events are about; an event type's name begins with one (the longer names first)."""

TASK_TYPES = frozenset({"CancelTroubleTicket", "InflightChangeTroubleTicket"})

_BESIDE = frozenset({*MILESTONES, *JEOPARDY_ALERTS, "informationRequired", "fieldPath"})
"""Members of `event` that stand beside the resource and are never it."""


@lru_cache(maxsize=64)
def resource_type_of(event_type: str) -> str:
    """`TroubleTicket` for `TroubleTicketCreateEvent`, and so on; KeyError for other families."""
    for name in RESOURCE_TYPES:
        if event_type.startswith(name):
            return name
    raise KeyError(event_type)


@lru_cache(maxsize=64)
def member_of(resource_type: str) -> str:
    """The member of `event` that carries the resource: the type with its first letter lowered."""
    return resource_type[0].lower() + resource_type[1:]


def payload_of(event_type: str, document: Json) -> tuple[str, Json] | None:
    """The resource of an event and the JSON pointer to it; None when there is none.

    Found as the named member of `event`, a near miss of that name, the whole of `event` (when it
    has an id), its only object, or, without `event`, beside the envelope's members. Each may be
    an array of one. An id or status beside a resource that lacks its own is read into it.
    """
    resource_type = resource_type_of(event_type)
    plain = _plainly(resource_type, document)
    if plain:
        return plain
    inside = sole_object(document.get("event"))
    if inside is None:
        if document.get("event") is not None:
            return None
        return _named(member_of(resource_type), "", _without_own_id(document))
    suffix, container = inside
    pointer = f"/event{suffix}"
    return (
        _named(member_of(resource_type), pointer, container)
        or _bare(resource_type, pointer, container)
        or _under_alert(pointer, container)
        or _only_object(resource_type, pointer, container)
    )


def ticket_id_of(resource_type: str, resource: Json) -> str | None:
    """The ticket a resource belongs to: itself, or what a task names; None for specifications.

    FIT's tasks name the ticket in `troubleTicket`, else in `entity` (any referred type but a
    ticket's is something else).
    """
    if resource_type == "TroubleTicket":
        return id_text(resource.get("id"))
    if resource_type not in TASK_TYPES:
        return None
    named = reference_id(resource.get("troubleTicket"))
    if named is not None:
        return named
    entity = sole_object(resource.get("entity"))
    if entity and entity[1].get("@referredType") in (None, "", "TroubleTicket", "FaultTicket"):
        return id_text(entity[1].get("id"))
    return None


def _plainly(resource_type: str, document: Json) -> tuple[str, Json] | None:
    """Where nearly every sender puts it: under its own name, with an id."""
    member = member_of(resource_type)
    event = document.get("event")
    if type(event) is dict:
        resource = cast("Json", event).get(member)
        if type(resource) is dict:
            named_id = cast("Json", resource).get("id")
            if type(named_id) is str and named_id.strip():
                return f"/event/{member}", cast("Json", resource)
    return None


def _named(member: str, pointer: str, container: Json) -> tuple[str, Json] | None:
    name = member
    found = sole_object(container.get(name))
    if found is None:
        near = _near(member, container)
        if near is None:
            return None
        name, found = near
    suffix, resource = found
    return f"{pointer}/{escaped(name)}{suffix}", _with_beside(name, resource, container)


def _near(member: str, container: Json) -> tuple[str, tuple[str, Json]] | None:
    """The official TMF622 schema itself misspells such a member (`canccelProductOrder`)."""
    names = {name.casefold(): name for name in container if name not in _BESIDE}
    for close in get_close_matches(member.casefold(), names, n=1, cutoff=0.85):
        found = sole_object(container[names[close]])
        if found:
            return names[close], found
    return None


def _with_beside(name: str, resource: Json, container: Json) -> Json:
    if id_text(resource.get("id")) is not None or len(container) == 1:
        return resource
    beside = {
        other: value
        for other, value in container.items()
        if other != name and not other.startswith("@") and text_of(value) is not None
    }
    if "troubleTicket" in container and name != "troubleTicket":
        beside["troubleTicket"] = container["troubleTicket"]
    return {**beside, **resource}


def _without_own_id(document: Json) -> Json:
    """An envelope whose `id` can only be the resource's: it has another id of its own."""
    own = [document[name] for name in ("eventId", "eventUuid") if document.get(name) is not None]
    hidden = {"eventId", "eventUuid", "description", "priority", "source", "href"}
    if not own or document.get("id") in own:
        hidden.add("id")
    return {name: value for name, value in document.items() if name not in hidden}


def _bare(resource_type: str, pointer: str, container: Json) -> tuple[str, Json] | None:
    named = id_text(container.get("id")) or (
        resource_type in TASK_TYPES and ticket_id_of(resource_type, container)
    )
    return (pointer, container) if named else None


def _under_alert(pointer: str, container: Json) -> tuple[str, Json] | None:
    """A milestone or alert directly under `event`, which names its ticket itself."""
    for name in (*MILESTONES, *JEOPARDY_ALERTS):
        found = sole_object(container.get(name))
        if found and (ticket := sole_object(found[1].get("troubleTicket"))):
            place = f"{pointer}/{name}{found[0]}/troubleTicket{ticket[0]}"
            return place, {**ticket[1], name: [found[1]]}
    return None


def _only_object(resource_type: str, pointer: str, container: Json) -> tuple[str, Json] | None:
    others = {member_of(other) for other in RESOURCE_TYPES if other != resource_type}
    found = [
        (name, inside)
        for name, value in container.items()
        if name not in _BESIDE and name not in others and (inside := sole_object(value))
    ]
    if len(found) != 1:
        return None
    name, (suffix, resource) = found[0]
    return f"{pointer}/{escaped(name)}{suffix}", resource


def escaped(name: str) -> str:
    """A member's name as a token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
