"""Entries of a timeline as the pages tell them: what, when, how long after, how we know."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards import words
from dashboards.differences import Difference, Remark, differences, remarks
from dashboards.history import Changes, Row
from dashboards.parts import LATE_SECONDS
from store.times import seconds_between

_MANY = 6
"""More differences than this are folded for a creation, which sets every member."""

_NAMES = {
    "created": "created",
    "attributes": "attributes changed",
    "status": "status changed",
    "resolved": "resolved",
    "information": "information required",
    "milestone": "milestone",
    "jeopardy": "jeopardy alert",
    "task": "task",
    "deleted": "deleted",
    "other": "event",
    "reconciled": "read from the provider",
    "requested": "requested",
}

_NAMED_BY_TITLE = frozenset({"task", "milestone", "jeopardy", "information"})
"""Kinds whose title says what kind they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """One entry, ready to be shown."""

    anchor: str
    """What its address on the page ends with; the same for ever, whatever else arrives."""
    row: Row
    name: str
    title: str
    """One more line, where name, statuses and differences do not say it already."""
    after: str
    """Time since the entry before, in words."""
    arrived: str
    """How long after it was sent it was received: `received 2 s later`."""
    arrived_late: bool
    flags: tuple[str, ...]
    positions: tuple[int, ...]
    redeliveries: int
    """How often its notifications came again."""
    differences: list[Difference]
    remarks: list[Remark]
    folded: bool


def entries_of(
    timeline: Sequence[Row], changes: Changes, redelivered: Mapping[int, int] | None = None
) -> list[Told]:
    """Tell rows of `timeline` that follow each other; `redelivered` counts by position."""
    told: list[Told] = []
    before: str | None = None
    for row in timeline:
        told.append(_told(row, before, changes, redelivered or {}))
        before = row["at"] or before
    return told


def anchor(entry: str) -> str:
    """The end of an entry's address on its page, from its key `source/id#moment_rank`."""
    return f"entry-{entry.rpartition('#')[2]}"


def _told(
    row: Row,
    before: str | None,
    changes: Mapping[str, Sequence[Row]],
    redelivered: Mapping[int, int],
) -> Told:
    own = changes.get(row["entry"], ())
    seconds = seconds_between(before, row["at"]) if before and row["at"] else None
    found = differences(own, status_shown=bool(row["status_after"]))
    lateness = row["lateness_seconds"]
    positions = _positions(row)
    return Told(
        anchor=anchor(row["entry"] or ""),
        row=row,
        name=_name(row),
        title=_title(row, bool(own)),
        after="" if seconds is None else f"+{words.span(seconds)}" if seconds else "same instant",
        arrived=_arrived(lateness),
        arrived_late=lateness is not None and lateness >= LATE_SECONDS,
        flags=tuple(str(flag).replace("_", " ") for flag in _list(row["flags"])),
        positions=positions,
        redeliveries=sum(redelivered.get(position, 0) for position in positions),
        differences=found,
        remarks=remarks(own),
        folded=row["kind"] == "created" and len(found) > _MANY,
    )


def _arrived(lateness: float | None) -> str:
    if lateness is None:
        return ""
    if lateness < 0:
        return f"received {words.span(-lateness)} before it was sent, by the sender's clock"
    return f"received {words.span(lateness)} later"


def _name(row: Row) -> str:
    kind, title = row["kind"] or "event", row["title"]
    if kind in _NAMED_BY_TITLE and title:
        return f"task: {title}" if kind == "task" else title
    return _NAMES.get(kind, kind.replace("_", " "))


def _title(row: Row, has_changes: bool) -> str:
    title = "" if row["kind"] in _NAMED_BY_TITLE else row["title"] or ""
    told_by_pills = row["kind"] in ("status", "resolved") and row["status_after"]
    told_by_changes = row["kind"] in ("attributes", "reconciled") and has_changes
    if told_by_pills or told_by_changes or row["kind"] in ("created", "deleted"):
        return ""
    return title


def _positions(row: Row) -> tuple[int, ...]:
    """The events that tell an entry, its own first."""
    own = [row["position"]] if row["position"] is not None else []
    others = [number for number in _list(row["positions"]) if isinstance(number, int)]
    return tuple(dict.fromkeys([*own, *others]))


def _list(text: Any) -> list[Any]:
    try:
        read = json.loads(text) if text else []
    except ValueError:
        return []
    return read if isinstance(read, list) else []
