"""OCEL 2.0 as JSON: one object with types, objects and events, written piece by piece."""

from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import msgspec

from store.export.histories import Histories
from store.export.ocel import (
    EVENT_ATTRIBUTES,
    OBJECT_ATTRIBUTES,
    Event,
    Names,
    Object,
    events,
    objects,
)

Json = dict[str, Any]


def export(
    histories: Histories, out: IO[bytes], done: Callable[[int], None], *, pseudonymise: bool = False
) -> tuple[int, int]:
    """Write the log; how many events and objects. Raises OSError."""
    names = Names(pseudonymise=pseudonymise)
    types: set[str] = set()
    out.write(b'{"objectTypes":')
    out.write(msgspec.json.encode([_type(name, of) for name, of in OBJECT_ATTRIBUTES.items()]))
    out.write(b',\n"objects":[\n')
    told = _written(out, (_object(one) for one in objects(histories, names)), lambda _count: None)
    out.write(b'],\n"events":[\n')
    happened = _written(out, (_event(one, types) for one in events(histories, names)), done)
    out.write(b'],\n"eventTypes":')
    # Only now it is known which there are; members of a JSON object have no order.
    out.write(msgspec.json.encode([_type(name, EVENT_ATTRIBUTES) for name in sorted(types)]))
    out.write(b"}\n")
    return happened, told


def _written(out: IO[bytes], entries: Iterator[Json], done: Callable[[int], None]) -> int:
    count = 0
    for entry in entries:
        out.write((b",\n" if count else b"") + msgspec.json.encode(entry))
        count += 1
        done(1)
    return count


def _type(name: str, attributes: Mapping[str, str]) -> Json:
    told = [{"name": attribute, "type": kind} for attribute, kind in attributes.items()]
    return {"name": name, "attributes": told}


def _object(one: Object) -> Json:
    return {
        "id": one.id,
        "type": one.type,
        "attributes": [
            {"name": name, "time": since, "value": value} for name, since, value in one.attributes
        ],
        "relationships": _relations(one.relations),
    }


def _event(one: Event, types: set[str]) -> Json:
    types.add(one.type)
    return {
        "id": one.id,
        "type": one.type,
        "time": one.time,
        "attributes": [{"name": name, "value": value} for name, value in one.attributes.items()],
        "relationships": _relations(one.relations),
    }


def _relations(relations: tuple[tuple[str, str], ...]) -> list[Json]:
    return [{"objectId": name, "qualifier": qualifier} for name, qualifier in relations]
