"""Naming: whether bytes speak of a party or a ticket. Pure.

A party is named where TMF puts parties: in `relatedParty`, or in an object whose type is that of a
party. What else speaks of it is found by its names, as told beside its id, and by the id itself
where that is long enough (6 characters) to mean nothing else.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from store.members import id_text

SHORTEST_NAME = 4
"""Shorter names are words of other meaning too."""
SHORTEST_ID = 6

_PARTY_MEMBERS = frozenset({"relatedparty", "partyorpartyrole", "engagedparty", "party", "author"})
_PARTY_TYPES = re.compile(r"party|individual|organi[sz]ation|customer", re.IGNORECASE)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def names_of_party(body: bytes, party: str) -> set[str] | None:
    """The names a body tells beside this id; None when it does not name the party."""
    found = [one for one in _parties(_document(body), within=False) if _is(one, party)]
    if not found:
        return None
    return {name for one in found for name in _names(one)}


def speaks_of(body: bytes, words: Iterable[re.Pattern[str]]) -> bool:
    """Whether a body has any of the words, in whatever case and however it is escaped."""
    text = _text(body)
    return any(word.search(text) for word in words)


def words(party: str, names: Iterable[str]) -> list[re.Pattern[str]]:
    """What to look for once a party's names are known: whole words."""
    told = {name for name in names if len(name) >= SHORTEST_NAME}
    if len(party) >= SHORTEST_ID:
        told.add(party)
    return [_word(one) for one in sorted(told)]


def names_ticket(body: bytes, ticket: str) -> bool:
    """Whether any member of a body, or a word of what is no JSON, is this ticket's id."""
    document = _document(body)
    if document is None:
        return bool(_word(ticket).search(_text(body)))
    return any(id_text(value) == ticket for value in _values(document))


def _word(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(text.casefold())}(?!\w)")


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    if "\\" in text:
        # As JSON wants it read, even where it is no JSON: \u00fc is ü, and \/ is /.
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("\\/", "/")
    return text.casefold()


def _parties(value: object, *, within: bool) -> Iterator[Any]:
    """Everything that stands where a party does: objects, and ids and names alone."""
    if isinstance(value, list):
        for one in cast("list[object]", value):
            yield from _parties(one, within=within)
    elif isinstance(value, dict):
        members = cast("dict[str, object]", value)
        kinds = (members.get("@type"), members.get("@referredType"))
        if within or any(isinstance(kind, str) and _PARTY_TYPES.search(kind) for kind in kinds):
            yield members
        for name, one in members.items():
            yield from _parties(one, within=name.casefold() in _PARTY_MEMBERS)
    elif within:
        yield value


def _is(one: Any, party: str) -> bool:
    if not isinstance(one, dict):
        return id_text(one) == party
    members = cast("dict[str, object]", one)
    inner = members.get("partyOrPartyRole")
    return id_text(members.get("id")) == party or (isinstance(inner, dict) and _is(inner, party))


def _names(one: Any) -> Iterator[str]:
    """Names in an object that is a party, and in what stands inside it (v5 nests the reference)."""
    if isinstance(one, dict):
        members = cast("dict[str, object]", one)
        for name, value in members.items():
            if name in {"name", "fullName", "partyName"} and isinstance(value, str):
                yield value.strip()
        yield from _names(members.get("partyOrPartyRole"))


def _values(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for one in cast("list[object]", value):
            yield from _values(one)
    elif isinstance(value, dict):
        for one in cast("dict[str, object]", value).values():
            yield from _values(one)
    else:
        yield value
