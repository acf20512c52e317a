"""Limits: what is taken in at most, and whether the shape of a body stays within it.

A body is measured in two steps. First bounds on its bytes, which cost next to nothing and which
almost every event meets: no object has more members than its body has commas. The document itself
is looked at only beyond one of them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from store.events import Reason
from store.payload import escaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the edge takes in; config/limits.py says why so much."""

    max_body_bytes: int = 1_048_576
    refused_body_bytes: int = 4_194_304
    json_depth: int = 64
    json_members: int = 1_000
    string_characters: int = 524_288
    number_characters: int = 100
    url_bytes: int = 8_192
    headers: int = 100
    header_bytes: int = 16_384
    connections: int = 1_000
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    keep_alive_seconds: int = 75


DEFAULT_LIMITS = Limits()

_STRIDE = 10
"""Every tenth byte is enough to find long numbers: they cover several in a row."""
_NO_MARKS = bytes(set(range(256)) - set(b"{[,:"))
_AS_DIGITS = bytes.maketrans(b"123456789.eE+-", b"0" * 14)


def marks(text: bytes) -> bytes:
    """The marks that give JSON its shape, and nothing else of it: what is counted in one pass."""
    return text.translate(None, _NO_MARKS)


def excess(body: bytes, document: dict[str, Any], shape: bytes, limits: Limits) -> Reason | None:
    """The first thing about this JSON that is beyond its limit.

    `document` is the body, read; `shape` are the body's marks.
    """
    if _may_have_long_number(body, limits.number_characters):
        longest = _longest_number(body)
        if longest > limits.number_characters:
            most = f"numbers of at most {limits.number_characters} characters"
            return Reason("number-too-long", "", most)
    if (
        shape.count(b"{") + shape.count(b"[") > limits.json_depth
        or shape.count(b",") >= limits.json_members
        or len(body) > limits.string_characters
    ):
        return next(_beyond(document, limits), None)
    return None


def _may_have_long_number(body: bytes, most: int) -> bool:
    needle = b"0" * ((most + 1) // _STRIDE)
    return (
        needle in body[::_STRIDE].translate(_AS_DIGITS)
        and b"0" * (most + 1) in body.translate(_AS_DIGITS)
    )  # fmt: skip


def _longest_number(body: bytes) -> int:
    """In characters as written; digits inside strings are no number."""
    longest = 0

    def read(text: str) -> None:
        nonlocal longest
        longest = max(longest, len(text))

    json.loads(body.decode(), parse_int=read, parse_float=read)
    return longest


def _beyond(document: dict[str, Any], limits: Limits) -> Iterator[Reason]:
    """Level by level, so that depth is counted and no recursion can be driven too far."""
    level: list[tuple[str, Any]] = [("", document)]
    for depth in range(1, limits.json_depth + 2):
        if not level:
            return
        if depth > limits.json_depth:
            yield Reason("too-deep", level[0][0], f"at most {limits.json_depth} levels")
            return
        deeper: list[tuple[str, Any]] = []
        for pointer, container in level:
            if len(container) > limits.json_members:
                yield Reason("too-many", pointer, f"at most {limits.json_members} members")
            for name, value in _members(container):
                if len(name) > limits.string_characters:
                    yield _too_long(pointer, limits)
                if isinstance(value, str) and len(value) > limits.string_characters:
                    yield _too_long(f"{pointer}/{escaped(name)}", limits)
                elif isinstance(value, dict | list):
                    deeper.append((f"{pointer}/{escaped(name)}", cast("Any", value)))
        level = deeper


def _members(container: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(container, dict):
        yield from cast("dict[str, Any]", container).items()
    else:
        for number, value in enumerate(cast("list[Any]", container)):
            yield str(number), value


def _too_long(pointer: str, limits: Limits) -> Reason:
    return Reason("too-long", pointer, f"at most {limits.string_characters} characters")
