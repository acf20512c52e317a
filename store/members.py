"""What the members of a resource say, whatever the spelling.

Pure functions on parsed JSON, for the edge and the fold. TMF621 v5 and v4 names, FIT's, and those
of real senders are read alike; nothing is changed. Unreadable members read as absent: events in
the log are facts and must always fold.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

Json = dict[str, Any]
"""A JSON object."""

MILESTONES = ("troubleTicketMilestone", "milestone")
JEOPARDY_ALERTS = ("troubleTicketJeopardyAlert", "jeopardyAlert")

_HISTORIES = ("statusChangeHistory", "stateChangeHistory", "statusChange", "stateChange")
_DATES = ("statusChangeDate", "stateChangeDate", "changeDate")
_REASONS = (
    *("statusChangeMessage", "stateChangeMessage", "changeMessage"),
    *("statusChangeReason", "stateChangeReason", "changeReason"),
)

_TEXTS = ("text", "description", "message", "additionalInformation")

_STATUSES: dict[str, str] = {
    "acknowledged": "acknowledged",
    "rejected": "rejected",
    "pending": "pending",
    "held": "held",
    "onhold": "held",
    "inprogress": "inProgress",
    "workinprogress": "inProgress",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "closed": "closed",
    "resolved": "resolved",
    "submitted": "submitted",
    "reopened": "reopened",
    "assessingcancellation": "assessingCancellation",
    "accepted": "accepted",
    "done": "done",
    "terminatedwitherror": "terminatedWithError",
}


def id_text(value: object) -> str | None:
    """An id as text: numbers become their digits, everything else is no id, nor is blank text."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def reference_id(value: object) -> str | None:
    """The id that a reference names: of an object, of an array of one, or the bare id itself."""
    found = sole_object(value)
    return id_text(found[1].get("id")) if found else id_text(value)


def text_of(value: object) -> str | None:
    """A member as text: numbers and booleans as JSON writes them; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


@lru_cache(maxsize=1_024)  # the same few words, in every entry of every history
def normal_status(text: str) -> str:
    """TMF's spelling of a status or state where it is obvious, else the text unchanged."""
    letters = "".join(letter for letter in text if letter.isalnum()).casefold()
    return _STATUSES.get(letters, text)


def status_of(resource: Json) -> str | None:
    """The status of a ticket, the state of a task or the lifecycleStatus of a specification."""
    text = resource.get("status")
    if type(text) is not str or not text:
        text = _first_text(resource, ("status", "state", "lifecycleStatus"))
    return normal_status(text) if text else None


def status_date(resource: Json) -> str | None:
    """When the status became what it is, as the sender wrote it."""
    date = resource.get("statusChangeDate")
    return date if type(date) is str and date else _first_text(resource, _DATES)


def status_reason(resource: Json) -> str | None:
    """Why the status is what it is: text, or FIT's list of Message, as one line."""
    for name in _REASONS:
        if name in resource:
            line = reason_text(resource[name])
            if line:
                return line
    return None


def status_changes(resource: Json) -> list[tuple[str, Json]]:
    """(status normalised, what was told of it) of each past change, in the sender's order."""
    found: list[tuple[str, Json]] = []
    for name in _HISTORIES:
        if name in resource:
            for change in objects(resource[name]):
                status = status_of(change)
                if status:
                    found.append((status, change))
    return found


def status_history(resource: Json) -> list[tuple[str, str | None, str | None]]:
    """(status normalised, date as written, reason) of each past change, in the sender's order."""
    return [
        (status, status_date(change), status_reason(change))
        for status, change in status_changes(resource)
    ]


def messages(value: object) -> list[dict[str, str]]:
    """FIT's Message, a list of them or plain text, as `{"code", "text"}`; "" where absent.

    A code is text: leading zeros matter (`0018`).
    """
    if isinstance(value, str):
        return [{"code": "", "text": value}] if value.strip() else []
    if isinstance(value, list):
        return [message for one in cast("list[object]", value) for message in messages(one)]
    if not isinstance(value, dict):
        return []
    code, text = _message(cast("Json", value))
    return [{"code": code, "text": text}] if code or text else []


def reason_text(value: object) -> str | None:
    """Messages as one line, `0018 Access refused; …`; None when they say nothing."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    only = sole_object(value)
    if only:  # as nearly every sender writes it
        code, text = _message(only[1])
        return f"{code} {text}".strip() or None
    lines = [f"{message['code']} {message['text']}".strip() for message in messages(value)]
    return "; ".join(lines) or None


def _message(value: Json) -> tuple[str, str]:
    code, text = value.get("code"), value.get("text")
    return (
        code if type(code) is str else text_of(code) or "",
        text if type(text) is str and text else _first_text(value, _TEXTS) or "",
    )


def milestones(resource: Json, event: object = None) -> list[Json]:
    """The milestones of a ticket, wherever they are: in it, or beside it in `event`."""
    return _alerts(MILESTONES, "milestoneDate", resource, event)


def jeopardy_alerts(resource: Json, event: object = None) -> list[Json]:
    """The jeopardy alerts of a ticket, wherever they are: in it, or beside it in `event`."""
    return _alerts(JEOPARDY_ALERTS, "alertDate", resource, event)


def information_required(document: Json) -> list[Json]:
    """What the provider asks for, as `{"op", "path", "value"}`.

    JsonPatch, a list of them, or v4's fieldPath in the envelope (text, list or object).
    """
    inside = sole_object(document.get("event"))
    places = [document] if inside is None else [inside[1], document]
    for place in places:
        for name in ("informationRequired", "fieldPath"):
            asked = [patch for one in _each(place.get(name)) for patch in _patch(one)]
            if asked:
                return asked
    return []


def parties(resource: Json) -> list[dict[str, str | None]]:
    """role, id, name, type of each related party; v5 (nested) or v4 (flat)."""
    return [
        _related(party, party.get("partyOrPartyRole"))
        for party in objects(resource.get("relatedParty"))
    ]


def relations(resource: Json) -> list[dict[str, str | None]]:
    """role, id, name, type of each other thing a ticket names, tickets included."""
    entities = [
        _related(entity, entity.get("entity")) for entity in objects(resource.get("relatedEntity"))
    ]
    tickets = [
        _related(other, None)
        | {"role": _first_text(other, ("relationshipType",)), "type": "TroubleTicket"}
        for other in objects(resource.get("troubleTicketRelationship"))
    ]
    return entities + tickets


def external_ids(resource: Json) -> list[dict[str, str | None]]:
    """id, owner, kind of each name that other systems have for a resource."""
    named = [
        {
            "id": id_text(one.get("id")),
            "owner": text_of(one.get("owner")),
            "kind": text_of(one.get("externalIdentifierType")),
        }
        for one in objects(resource.get("externalIdentifier"))
    ]
    plain = id_text(resource.get("externalId"))
    return named + ([{"id": plain, "owner": None, "kind": None}] if plain else [])


def notes(resource: Json) -> list[dict[str, str | None]]:
    """id, author, date (as written), text of each note."""
    return [
        {"id": id_text(note.get("id"))}
        | {name: text_of(note.get(name)) for name in ("author", "date", "text")}
        for note in objects(resource.get("note"))
    ]


def objects(value: object) -> list[Json]:
    """The objects of a list; a single object is a list of one."""
    if isinstance(value, list):
        return [one for one in cast("list[Json]", value) if type(one) is dict]
    return [cast("Json", value)] if isinstance(value, dict) else []


def _each(value: object) -> list[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    return [] if value is None else [value]


def sole_object(value: object) -> tuple[str, Json] | None:
    """An object, or the only one of an array, with the pointer's rest."""
    if isinstance(value, dict):
        return "", cast("Json", value)
    if isinstance(value, list):
        only = cast("list[Json]", value)
        if len(only) == 1 and type(only[0]) is dict:
            return "/0", only[0]
    return None


def _first_text(resource: Json, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = resource.get(name)
        if value is not None:
            text = value if type(value) is str else text_of(value)
            if text:
                return text
    return None


def _alerts(names: tuple[str, ...], date: str, resource: Json, event: object) -> list[Json]:
    inside = sole_object(event)
    places = [resource] if inside is None or inside[1] is resource else [resource, inside[1]]
    found = [alert for place in places for name in names for alert in objects(place.get(name))]
    if not found:
        found = [place for place in places if date in place]
    # The same alert may be told in the ticket and beside it.
    return [alert for number, alert in enumerate(found) if alert not in found[:number]]


def _patch(value: object) -> Iterator[Json]:
    if isinstance(value, str):
        # v2 wrote `missing=attachment`.
        yield {"op": "add", "path": value.removeprefix("missing="), "value": None}
    elif isinstance(value, dict):
        patch = cast("Json", value)
        path = _first_text(patch, ("path", "fieldPath"))
        if path:
            op = _first_text(patch, ("op", "typeOfChange")) or "add"
            yield {"op": op, "path": path, "value": patch.get("value")}


def _related(outer: Json, inner: object) -> dict[str, str | None]:
    nested = sole_object(inner) if inner is not None else None
    reference = nested[1] if nested else outer
    names = ("@referredType", "@type") if nested else ("@referredType",)
    return {
        "role": text_of(outer.get("role")),
        "id": id_text(reference.get("id")),
        "name": text_of(reference.get("name")),
        "type": _first_text(reference, names),
    }
