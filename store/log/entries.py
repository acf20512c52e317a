"""What one message of the stream holds: what one transaction keeps on every node, and its bytes.

MessagePack of the fields by their names (msgpack.org), so that any language can read it, and so
that a member that comes later is ignored by who does not know it. Everything that enters a chain
is in here, received_at included: whoever copies the same messages seals the same chain.
"""

import hashlib
import json

import msgspec

from store.events import NewEvent, Refused
from store.log.group_commit import Entry


class Decided(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided about an entry of the quarantine; void where something was decided before."""

    entry: int
    event: NewEvent | None = None
    """What it was released as; None: it was dropped."""
    reason: str | None = None
    decided_at: str
    decided_by: str


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transaction: all of it or nothing, in this order."""

    events: tuple[NewEvent, ...] = ()
    refused: tuple[Refused, ...] = ()
    decided: tuple[Decided, ...] = ()


class Unreadable(Exception):
    """These bytes are no entry of a log that this version knows."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Kept)


def encode(kept: Kept) -> bytes:
    """Raises ValueError for text that is not Unicode, and for a digest that is none."""
    for event in kept.events:
        if len(bytes.fromhex(event.digest)) != hashlib.sha256().digest_size:
            raise ValueError("a digest has 32 bytes")
    return _ENCODER.encode(kept)


def decode(payload: bytes) -> Kept:
    """Raises Unreadable."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, ValueError) as error:
        raise Unreadable(str(error)) from error


def alone(entry: Entry) -> Kept:
    """One event or one refusal as a transaction of its own."""
    return Kept(events=(entry,)) if isinstance(entry, NewEvent) else Kept(refused=(entry,))


def name_of(event: NewEvent) -> str:
    """Of the event's key and content: what the stream knows it by, while it remembers.

    Equal for a redelivery of the same bytes, different for a conflict. 64 hex digits.
    """
    told = (event.source, event.event_type, event.event_id, event.digest)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
