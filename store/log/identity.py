"""When two deliveries are one event, and how each row of the log seals the one before.

The key of an event is (source, event_type, event_id), for ever. The chain of a row is
SHA-256(chain of the row before, 32 bytes || UTF-8 of a JSON array without spaces:
[position, source, event_type, event_id, resource_type, resource_id, ticket_id, occurred_at,
event_time, received_at, path, headers, drift, digest in hex, conflict_of], characters outside
ASCII written as themselves). Before the first row there are 32 zero bytes. The digest stands for
the body.

The log finds an identity by a number that is made of source and event_id, its key; different
identities may share one. A running number at the end of an id stays as it is in the key, so that
ids given in order lie side by side in the index and each commit writes few of its pages; before it
comes a hash of all the rest.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from store.events import Appended, NewEvent, RecordedEvent
from store.log.protocol import LogReader

FIRST_CHAIN = bytes(32)
"""What the first row is chained to."""

_encode = msgspec.json.Encoder().encode


_RUNNING_DIGITS = 9
_RUNNING_BITS = 30
"""Enough for nine digits; 33 bits of hash fill up what SQLite's integers hold."""


def key_of(source: str, event_id: str) -> int:
    """Under what the log finds the events with this source and id: 63 bits."""
    digits = len(event_id) - len(event_id.rstrip("0123456789"))
    digits = min(digits, _RUNNING_DIGITS)
    cut = len(event_id) - digits
    stem = f"{len(source)} {source} {digits} {event_id[:cut]}"
    digest = hashlib.blake2b(stem.encode("utf-8", "surrogatepass"), digest_size=5).digest()
    return (int.from_bytes(digest, "big") >> 7) << _RUNNING_BITS | int(event_id[cut:] or 0)


def known(
    event: NewEvent, kept: Sequence[tuple[int, bytes]], body_of: Callable[[int], bytes]
) -> Appended | None:
    """The answer for a redelivery of one of `kept`, or None when `event` is an event of its own.

    `kept`: (position, digest) of every event with the same key, the first one first. Equal bytes
    are the same content; else equal JSON is: only then are bodies fetched and parsed.
    """
    if not kept:
        return None
    digest = bytes.fromhex(event.digest)
    for position, other in kept:
        if other == digest:
            return _redelivery(position, kept[0][0])
    for position, _ in kept:
        if same_json(event.body, body_of(position)):
            return _redelivery(position, kept[0][0])
    return None


def _redelivery(position: int, first: int) -> Appended:
    return Appended(position, duplicate=True, conflict_of=None if position == first else first)


def same_json(one: bytes, other: bytes) -> bool:
    """Whether both are JSON of the same value: order of members, spaces and escapes aside.

    Whatever leaves room for doubt is different: a member named twice, NaN, bytes that are not
    JSON. Numbers are equal when they are exactly equal (1 = 1.0), never by rounding.
    """
    try:
        return bool(_value(one) == _value(other))
    except (ValueError, ArithmeticError, RecursionError):
        return False


def _value(body: bytes) -> Any:
    return json.loads(
        body,
        object_pairs_hook=_members,
        parse_int=_number,
        parse_float=_number,
        parse_constant=_not_json,
    )


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is named twice")
    return members


def _number(text: str) -> tuple[str, Decimal]:
    # A tuple, because Python holds True == 1, and Decimal, because floats round.
    return "number", Decimal(text)


def _not_json(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def chain_of(previous: bytes, event: NewEvent, position: int, conflict_of: int | None) -> bytes:
    """The seal of one row, 32 bytes. Raises ValueError for text that is not Unicode."""
    fields = [
        position,
        event.source,
        event.event_type,
        event.event_id,
        event.resource_type,
        event.resource_id,
        event.ticket_id,
        event.occurred_at,
        event.event_time,
        event.received_at,
        event.path,
        event.headers,
        event.drift,
        event.digest,
        conflict_of,
    ]
    return hashlib.sha256(previous + _encode(fields)).digest()


def verify_chain(reader: LogReader) -> int | None:
    """The first position that is missing, altered or wrongly chained; None when all is well.

    Reads the whole log once. What was cut off at the end cannot be seen from inside. An event
    without bytes is altered; store/keeping/check.py knows which were erased.
    """
    previous = FIRST_CHAIN
    for expected, event in enumerate(reader.read(), start=1):
        chain = sealed(previous, event, expected)
        if chain is None or event.digest != hashlib.sha256(event.body).hexdigest():
            return expected
        previous = chain
    return None


def sealed(previous: bytes, event: RecordedEvent, position: int) -> bytes | None:
    """The chain of a row that stands at `position` behind one with the chain `previous`; None
    when its own chain is another.
    """
    if event.position != position:
        return None
    chain = chain_of(previous, event, position, event.conflict_of)
    return chain if event.chain == chain.hex() else None
