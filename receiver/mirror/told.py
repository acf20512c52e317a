"""A resource as it is told: whole, or only some of its fields; always with @type, id and href.

Members are passed on as the provider told them. What it cleared (null) is not there; an id is
always text; a missing @type is the resource type's, a missing href ours.
"""

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from store.resources.question import Path
from store.resources.reader import Stored

ALWAYS = frozenset({"@type", "id", "href"})
"""TMF630: whatever fields are asked for. Inside of members too, where they are."""

Tree = dict[str, "Tree"]
"""Names with what is wanted below each; nothing below is everything."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ENCODER = msgspec.json.Encoder()


def told(stored: Stored, resource_type: str, path: str, fields: Iterable[Path] | None) -> bytes:
    """JSON of one resource; `path` is that of its collection."""
    members = {name: raw for name, raw in _members(stored.state).items() if bytes(raw) != b"null"}
    members["id"] = _raw(stored.id)
    members.setdefault("@type", _raw(resource_type))
    members.setdefault("href", _raw(f"{path}/{quote(stored.id, safe='')}"))
    return _ENCODER.encode(members if fields is None else _narrowed(members, tree(fields)))


def tree(fields: Iterable[Path]) -> Tree:
    """Paths by their beginnings. Who asks for a member and for something in it gets all of it."""
    found: Tree = {}
    wanted = set(fields)
    for path in wanted:
        if any(path[:length] in wanted for length in range(1, len(path))):
            continue
        at = found
        for name in path:
            at = at.setdefault(name, {})
    return found


def _members(state: bytes) -> dict[str, msgspec.Raw]:
    return _OBJECT.decode(state)


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(_ENCODER.encode(text))


def _narrowed(members: dict[str, msgspec.Raw], wanted: Tree) -> dict[str, msgspec.Raw]:
    found: dict[str, msgspec.Raw] = {}
    for name, raw in members.items():
        below = wanted.get(name)
        if name in ALWAYS or (below is not None and not below):
            found[name] = raw
        elif below and (part := _part(raw, below)) is not None:
            found[name] = part
    return found


def _part(raw: msgspec.Raw, wanted: Tree) -> msgspec.Raw | None:
    """What is wanted of one member; None where it has nothing inside."""
    text = bytes(raw)
    if text[:1] == b"{":
        return msgspec.Raw(_ENCODER.encode(_narrowed(_OBJECT.decode(text), wanted)))
    if text[:1] == b"[":
        parts = [part for one in _ARRAY.decode(text) if (part := _part(one, wanted)) is not None]
        return msgspec.Raw(_ENCODER.encode(parts))
    return None
