"""Wording: names and shapes of a dialect into those of TMF621 v5, and back. Pure.

What is already in our words stays as it is, so putting it into our words twice changes nothing.
Where a member is told under several names, ours counts, else the first; the others stay beside it.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from store.dialects.dialect import Speech, Word
from store.members import Json, objects, sole_object
from store.payload import member_of, resource_type_of

_INFORMATION = "informationRequired"
_REFERENCE = ("id", "href", "name", "version", "@referredType")
"""Members of a reference that go into it where it is nested; the rest (role, @type) stays outside."""


def in_our_words(document: Json, event_type: str, speech: Speech) -> Json:
    """An event, as it was opened (store/dialects/opening.py), in our words, its type included."""
    typed = {**document, "@type": event_type, "eventType": event_type}
    if "event" not in document:
        # The resource stands beside the members of the envelope.
        return {name: _all(value, speech.words) for name, value in typed.items()}
    inside = sole_object(document["event"])
    if inside is None:
        return typed
    payload = _payload(inside[1], event_type, speech)
    asked = document.get(speech.asks) if speech.asks else None
    if isinstance(asked, str) and _INFORMATION not in payload:
        del typed[speech.asks]
        payload[_INFORMATION] = {"op": "add", "path": asked}
    return {**typed, "event": [payload] if inside[0] else payload}


def _payload(told: Json, event_type: str, speech: Speech) -> Json:
    member = _member(event_type)
    if speech.bare and member and member not in told and "id" in told:
        return {member: reworded(told, speech.words)}
    if "id" in told:
        told = reworded(told, speech.words)
    return {name: _all(value, speech.words) for name, value in told.items()}


def reworded(resource: Json, words: tuple[Word, ...]) -> Json:
    """A resource, or an object in one, in our words."""
    table = _by_theirs(words)
    told: Json = {}
    for name, value in resource.items():
        word = table.get(name)
        if word is None:
            # What a word has added already is not to be lost.
            told[name] = value if name not in told else [*_each(value), *_each(told[name])]
        elif word.listed:
            told[word.ours] = [*_each(told.get(word.ours)), *_listed(value, word)] or None
        elif word.ours != name and (word.ours in resource or word.ours in told):
            told[name] = value
        else:
            told[word.ours] = _all(value, word.inside, word.nested)
    return told


def spoken(resource: Json, words: tuple[Word, ...]) -> Json:
    """A resource of ours in their words: what `reworded` reads back as the same.

    Of a list that they have as one text, the first id is told.
    """
    table = _by_ours(words)
    told: Json = {}
    for name, value in resource.items():
        word = table.get(name)
        if word is None:
            told[name] = value
        elif word.listed:
            told[word.theirs] = next((one.get("id") for one in objects(value)), None)
        else:
            told[word.theirs] = _all_spoken(value, word)
    return told


def as_told(pointer: str, document: Json, speech: Speech) -> str:
    """Where the sender has what a JSON pointer into our wording of its `document` names."""
    theirs = _names(speech.words)
    skipped = {word.nested for word in _every(speech.words)} - {""}
    node: Any = document
    told: list[str] = []
    for number, token in enumerate(pointer.split("/")[1:]):
        node, name = _step(node, token, theirs)
        if name is None:
            # It is flat there, bare, or an id as text; anything else is really missing.
            if token in skipped or (speech.bare and number == 1 and told == ["event"]):
                continue
            if not isinstance(node, dict | list):
                break
            name, node = token, {}
        told.append(name)
    return "".join(f"/{name}" for name in told)


def _step(node: Any, token: str, theirs: Mapping[str, tuple[str, ...]]) -> tuple[Any, str | None]:
    if isinstance(node, list):
        elements = cast("list[Any]", node)
        known = token.isdigit() and int(token) < len(elements)
        return (elements[int(token)], token) if known else (elements, None)
    if isinstance(node, dict):
        members = cast("Json", node)
        for name in (token, *theirs.get(token, ())):
            if name in members:
                return members[name], name
        return members, None
    return node, None


def _all(value: Any, words: tuple[Word, ...], nested: str = "") -> Any:
    if isinstance(value, list):
        return [_all(one, words, nested) for one in cast("list[Any]", value)]
    members = sole_object(value) if words or nested else None
    if members is None:
        return value
    told = reworded(members[1], words)
    return _nest(told, nested) if nested else told


def _nest(told: Json, member: str) -> Json:
    inner = {name: told[name] for name in _REFERENCE if name in told}
    if member in told or "id" not in inner:
        return told
    outer = {name: value for name, value in told.items() if name not in inner}
    return {**outer, member: inner}


def _all_spoken(value: Any, word: Word) -> Any:
    if isinstance(value, list):
        return [_all_spoken(one, word) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    told = spoken(cast("Json", value), word.inside)
    inner = told.pop(word.nested, None) if word.nested else None
    # What stands outside (role, @type) goes before what the reference says of itself.
    return {**cast("Json", inner), **told} if isinstance(inner, dict) else told


def _listed(value: Any, word: Word) -> list[Json]:
    kind = word.ours[0].upper() + word.ours[1:]
    return [{"id": one, "@type": kind} for one in _each(value) if not isinstance(one, dict)]


def _each(value: Any) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [] if value is None else [value]


@lru_cache(maxsize=256)
def _member(event_type: str) -> str | None:
    try:
        return member_of(resource_type_of(event_type))
    except KeyError:
        return None


@lru_cache(maxsize=256)
def _by_theirs(words: tuple[Word, ...]) -> Mapping[str, Word]:
    return {word.theirs: word for word in words}


@lru_cache(maxsize=256)
def _by_ours(words: tuple[Word, ...]) -> Mapping[str, Word]:
    return {word.ours: word for word in words}


def _names(words: tuple[Word, ...]) -> Mapping[str, tuple[str, ...]]:
    """Our name of a member, and those that they have for it, wherever."""
    found: dict[str, tuple[str, ...]] = {}
    for word in _every(words):
        found[word.ours] = (*found.get(word.ours, ()), word.theirs)
    return found


def _every(words: Iterable[Word]) -> list[Word]:
    return [one for word in words for one in (word, *_every(word.inside))]
