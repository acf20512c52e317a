"""Differences for a reader: what an entry changed, and only that, in words (`dashboards.shapes`)."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.history import Row
from dashboards.shapes import Json, in_words, scalar, value_lines


@dataclass(frozen=True, slots=True)
class Difference:
    """One member, before and after, a line an item."""

    member: str
    action: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A note that an entry added."""

    author: str
    text: str


_TOLD_BY_THE_ENTRY = frozenset({"status", "state", "lifecycleStatus"})
"""The entry's own line shows these."""


def differences(changes: Sequence[Row], status_shown: bool) -> list[Difference]:
    """What changed, without the notes that were added (see remarks) and the status if shown.

    Of a list only the items that came or went, of an object only the members that differ.
    """
    return [
        difference
        for change in changes
        if not _is_remark(change) and not (status_shown and change["member"] in _TOLD_BY_THE_ENTRY)
        for difference in _differences(change)
    ]


def remarks(changes: Sequence[Row]) -> list[Remark]:
    """Notes that were added."""
    found: list[Remark] = []
    for change in changes:
        if _is_remark(change):
            value = _loaded(change["after"])
            for note in value if isinstance(value, list) else [value]:
                if isinstance(note, dict):
                    found.append(Remark(str(note.get("author") or ""), str(note.get("text") or "")))
                else:
                    found.append(Remark("", scalar(note)))
    return found


def lines(text: str | None) -> tuple[str, ...]:
    """A JSON value as lines for a person: one for each item of a list."""
    if text is None:
        return ()
    return value_lines(_loaded(text))


def _differences(change: Row) -> Iterator[Difference]:
    name = " ".join(part for part in (change["member"], change["item"]) if part)
    action = change["action"] or ""
    before, after = _loaded(change["before"]), _loaded(change["after"])
    if isinstance(before, dict) and isinstance(after, dict) and not _lines_differ(before, after):
        for path, was, becomes in _members(before, after):
            yield Difference(f"{name} · {path}", action, _shown(was), _shown(becomes))
        return
    if isinstance(before, list) and isinstance(after, list):
        before, after = _without_common(before, after)
    shown = [_shown(_ABSENT if text is None else value)
             for text, value in ((change["before"], before), (change["after"], after))]  # fmt: skip
    yield Difference(name, action, *shown)


_ABSENT = object()


def _lines_differ(before: Json, after: Json) -> bool:
    """Whether both have a shape with words of its own, and the words are others."""
    told = [in_words(value) for value in (before, after)]
    return all(told) and told[0] != told[1]


def _members(before: Json, after: Json, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Members that differ, each with the names that lead to it."""
    for member in sorted(before.keys() | after.keys()):
        was, becomes = before.get(member, _ABSENT), after.get(member, _ABSENT)
        name = f"{path}.{member}" if path else member
        if isinstance(was, dict) and isinstance(becomes, dict):
            yield from _members(was, becomes, name)
        elif isinstance(was, list) and isinstance(becomes, list) and was != becomes:
            yield name, *_without_common(was, becomes)
        elif was is _ABSENT or becomes is _ABSENT or _written(was) != _written(becomes):
            yield name, was, becomes


def _without_common(before: list[Any], after: list[Any]) -> tuple[list[Any], list[Any]]:
    """Items of each that the other has not; all of them where only their order differs."""
    kept = Counter(map(_written, before)) & Counter(map(_written, after))
    pair = [_leave_out(items, Counter(kept)) for items in (before, after)]
    return (pair[0], pair[1]) if pair[0] or pair[1] else (before, after)


def _leave_out(items: list[Any], kept: Counter[str]) -> list[Any]:
    left: list[Any] = []
    for item in items:
        written = _written(item)
        if kept[written]:
            kept[written] -= 1
        else:
            left.append(item)
    return left


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(value: Any) -> tuple[str, ...]:
    return () if value is _ABSENT else value_lines(value)


def _is_remark(change: Row) -> bool:
    return change["member"] == "note" and change["action"] in ("added", "set") and change["after"]


def _loaded(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
