"""Values for a reader: a party is a name and a role, a note its author and text, never raw JSON.

Reads TMF621 v5 shapes and the flat ones of v4. What fits no shape stays what it is: compact JSON.
Everything returned is text; templates escape it.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from dashboards import words
from store.times import parse_time

Json = dict[str, Any]


def value_lines(value: Any) -> tuple[str, ...]:
    """A value as lines: one for each item of a list."""
    if isinstance(value, list):
        return tuple(_line(item) for item in value) or ("none",)
    return (_line(value),)


def _line(value: Any) -> str:
    if not isinstance(value, dict):
        return scalar(value)
    return in_words(value) or json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def in_words(value: Json) -> str:
    """An object by the first shape that it has; empty when it has none."""
    return next((told for shape in _SHAPES if (told := shape(value))), "")


def scalar(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str():
            return _instant(value) or value
        case int() | float():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _instant(value: str) -> str | None:
    """A date-time that names its zone, in UTC like all times of the page."""
    read = parse_time(value)
    return words.when(read[0]) if read and read[1] else None


def _joined(parts: Iterable[Any], between: str = " ") -> str:
    return between.join(str(part) for part in parts if part not in (None, ""))


def _named(reference: Json) -> str:
    """A reference: its name with its id, or the id alone."""
    name, number = reference.get("name"), reference.get("id")
    return f"{name} ({number})" if name and number else str(name or number or "")


def _party(value: Json) -> str:
    party = value.get("partyOrPartyRole") or value.get("partyRole") or value.get("party")
    if isinstance(party, dict):
        return _joined((_named(party), value.get("role")), " · ")
    return ""


def _related(value: Json) -> str:
    entity = value.get("entity")
    if isinstance(entity, dict):
        kind = entity.get("@referredType") or entity.get("@type")
        return _joined((value.get("role"), _joined((kind, _named(entity)))), ": ")
    return ""


def _note(value: Json) -> str:
    return (
        _joined((value.get("author"), value["text"]), ": ")
        if "text" in value and "code" not in value
        else ""
    )


def _coded(value: Json) -> str:
    """FIT's Message: its code is text, leading zeros matter."""
    return (
        _joined((value["code"], value.get("text") or value.get("description")))
        if "code" in value
        else ""
    )


def _characteristic(value: Json) -> str:
    if "name" not in value or "value" not in value:
        return ""
    held = value["value"]
    return f"{value['name']}: {_line(held) if not isinstance(held, list) else ', '.join(map(_line, held))}"


def _status(value: Json) -> str:
    status = value.get("status") or value.get("state")
    at = value.get("statusChangeDate") or value.get("stateChangeDate") or value.get("changeDate")
    reason = value.get("statusChangeReason") or value.get("changeReason")
    return (
        _joined((status, scalar(at), reason if isinstance(reason, str) else None), " · ")
        if status and at
        else ""
    )


def _period(value: Json) -> str:
    start, end = value.get("startDateTime"), value.get("endDateTime")
    return f"{scalar(start or '…')} to {scalar(end or '…')}" if start or end else ""


def _external(value: Json) -> str:
    kind = value.get("externalIdentifierType")
    return (
        _joined((value.get("id"), _joined((kind, value.get("owner")))), " · ")
        if kind or value.get("owner")
        else ""
    )


def _attachment(value: Json) -> str:
    if "attachment" in str(value.get("@type", "")).lower() or "mimeType" in value:
        name = value.get("name") or value.get("id")
        return _joined((name, value.get("mimeType"), value.get("url")), " · ")
    return ""


def _reference(value: Json) -> str:
    """Anything with an id or a name, and at most words about its type or role beside them."""
    known = {
        "id",
        "name",
        "href",
        "role",
        "version",
        "relationshipType",
        "ticketType",
        "creationDate",
    }
    if any(not member.startswith("@") and member not in known for member in value):
        return ""
    role = value.get("role") or value.get("relationshipType")
    return _joined((_named(value), role), " · ")


_SHAPES: tuple[Callable[[Json], str], ...] = (
    *(_party, _related, _characteristic, _coded, _note, _status, _period, _external, _attachment),
    _reference,
)
