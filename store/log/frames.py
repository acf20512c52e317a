"""What the receiver and its writer process say to each other, over a pipe of their own.

A frame is a length (4 bytes, big-endian) and marshalled plain values; both ends are the same
Python. To the writer go batches: a list of entries, each the tuple of its fields. Back come
READY once, then for each batch KEPT with its answers or FAILED with an error's name and sentence.
"""

import marshal
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, cast

from store.events import Appended, NewEvent, Reason, Refused
from store.log.group_commit import Answer, Entry
from store.log.protocol import LogError, LogFollows, LogLocked, LogUnavailable

LENGTH = 4
"""Bytes that say how long the frame is."""

READY, KEPT, FAILED = "ready", "kept", "failed"

_EVENT = tuple(NewEvent.__dataclass_fields__)
_REFUSED = tuple(Refused.__dataclass_fields__)
_event_values = attrgetter(*_EVENT)
_refused_values = attrgetter(*_REFUSED)

_ERRORS = {kind.__name__: kind for kind in (LogError, LogFollows, LogLocked, LogUnavailable)}


def frame(content: Any) -> bytes:
    body = marshal.dumps(content)
    return len(body).to_bytes(LENGTH, "big") + body


def content(body: bytes | bytearray) -> Any:
    """What a frame's body says. Only ever from the process at the other end of our own pipe."""
    return marshal.loads(body)  # noqa: S302  our own parent or child wrote it


def pack(batch: Sequence[Entry]) -> list[tuple[Any, ...]]:
    return [_pack(entry) for entry in batch]


def unpack(batch: list[tuple[Any, ...]]) -> list[Entry]:
    return [_unpack(values) for values in batch]


def pack_answer(answer: Answer) -> Any:
    """Where an event is as a tuple, an id as a number, why an entry was unfit as text."""
    if isinstance(answer, Appended):
        return answer.position, answer.duplicate, answer.conflict_of
    return answer if isinstance(answer, int) else str(answer)


def unpack_answer(answer: Any) -> Answer:
    if isinstance(answer, tuple):
        return Appended(*cast("tuple[int, bool, int | None]", answer))
    return ValueError(answer) if isinstance(answer, str) else answer


def failed(error: LogError) -> tuple[str, str, str]:
    return FAILED, type(error).__name__, str(error)


def error_of(name: str, sentence: str) -> LogError:
    """The error that `failed` told of."""
    return _ERRORS.get(name, LogError)(sentence)


def _pack(entry: Entry) -> tuple[Any, ...]:
    if isinstance(entry, NewEvent):
        return _event_values(entry)
    values = dict(zip(_REFUSED, _refused_values(entry), strict=True))
    values["reasons"] = tuple((why.code, why.pointer, why.expected) for why in entry.reasons)
    return tuple(values.values())


def _unpack(values: tuple[Any, ...]) -> Entry:
    if len(values) == len(_EVENT):
        return NewEvent(**dict(zip(_EVENT, values, strict=True)))
    members = dict(zip(_REFUSED, values, strict=True))
    members["reasons"] = tuple(Reason(*why) for why in members["reasons"])
    return Refused(**members)
