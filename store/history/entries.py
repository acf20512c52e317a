"""Entries of a timeline: one a fact, one an inferred point, and what each changed. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple, cast

from store import payload
from store.history import rows, statuses, tasks
from store.history.attached import key, plain
from store.history.facts import Fact
from store.history.members import text
from store.history.points import Point
from store.history.view import View
from store.times import seconds_between

Json = dict[str, Any]

INFERRED_RANK = 4
"""Inferred status changes stand where a StatusChange would."""


class Subject(NamedTuple):
    """Whose timeline it is: a ticket's or a specification's."""

    source: str
    ticket: str | None
    specification: str | None

    @property
    def name(self) -> str:
        return self.ticket or self.specification or self.source


class Timeline(NamedTuple):
    """Entries and their changes, and which entry tells what an event told."""

    entries: list[rows.Entry]
    changes: list[rows.Change]
    entry_of: dict[View, str]
    """The entry that tells what an event told, by its key."""

    def until(self, end: str) -> "Timeline":
        """What of it had happened by then."""
        if not self.entries or (self.entries[-1].at or "") <= end:
            return self
        found = [entry for entry in self.entries if (entry.at or "") <= end]
        kept = {entry.entry for entry in found}
        changes = [change for change in self.changes if change.entry in kept]
        entry_of = {view: name for view, name in self.entry_of.items() if name in kept}
        return Timeline(found, changes, entry_of)


def timeline(
    subject: Subject, facts: Sequence[Fact], lane: Sequence[Point], deleted_at: str | None
) -> Timeline:
    """One entry a fact and one an inferred point; witnesses of one change share an entry."""
    by_view = {fact.view: fact for fact in facts}
    entry_of = _keys(subject, facts)
    steps = _steps(lane)
    told_at = {
        witness: point for point in lane if not point.inferred for witness in point.witnesses
    }
    found: list[rows.Entry] = []
    changes: list[rows.Change] = []
    changed: dict[str, int] = {}
    for fact in facts:
        point = told_at.get(fact.view)
        together = [fact]
        if point and len(point.witnesses) > 1:
            together = _together(point, by_view)
            entry_of[fact.view] = entry_of[together[0].view]
        entry_key = entry_of[fact.view]
        if fact.changes:
            before = changed.get(entry_key, 0)
            changes += _change_rows(subject, entry_key, fact, before + 1)
            changed[entry_key] = before + len(fact.changes)
        if together[0] is fact:
            found.append(
                _entry(subject, entry_key, together, point, steps=steps, deleted_at=deleted_at)
            )
    found += [_inferred(subject, point, steps) for point in lane if point.inferred]
    found.sort(key=_place)
    changes.sort()
    return Timeline(found, changes, entry_of)


def reference(value: object) -> tuple[str, str | None] | None:
    """(id, name) of what a reference names, None when it names nothing."""
    named_id = payload.reference_id(value)
    if named_id is None:
        return None
    name = cast("Json", value).get("name") if isinstance(value, dict) else None
    return named_id, plain(name)


def named(value: object) -> str | None:
    """A channel or the like by its name, else its id, else as it stands."""
    for one in payload.objects(value):
        return plain(one.get("name")) or plain(one.get("id"))
    return plain(value)


def _keys(subject: Subject, facts: Sequence[Fact]) -> dict[View, str]:
    """The key of each fact's entry: the moment and rank of what it tells. Among equals, which few
    are, all but the first (in fold order) need the digest beside it.
    """
    stem = f"{subject.name}#" if subject.ticket else f"{subject.name}#specification_"
    keys: dict[View, str] = {}
    taken: set[str] = set()
    for fact in facts:
        view = fact.view
        moment = view.occurred_at.replace("-", "").replace(":", "").replace(".", "")
        entry_key = f"{stem}{moment}_{view.rank}"
        if entry_key in taken:
            entry_key = f"{entry_key}_{view.content[:16]}"
        taken.add(entry_key)
        keys[view] = entry_key
    return keys


class _Steps(NamedTuple):
    """The status before and after each moment."""

    times: list[str]
    points: list[Point]
    places: dict[int, int]
    """Identity of a point -> its place among them."""

    def at(self, moment: str) -> str | None:
        place = bisect_right(self.times, moment)
        return self.points[place - 1].status if place else None

    def before(self, point: Point) -> str | None:
        place = self.places.get(id(point))
        if place is None:  # a repetition: the status already was this
            return point.status
        return self.points[place - 1].status if place else None


def _steps(lane: Sequence[Point]) -> _Steps:
    points = statuses.transitions(lane)
    places = {id(point): place for place, point in enumerate(points)}
    return _Steps([point.at for point in points], points, places)


def _together(point: Point, by_view: dict[View, Fact]) -> list[Fact]:
    """The facts that tell one change, by rank."""
    together = [by_view[one] for one in point.witnesses if one in by_view]
    together.sort(key=_rank)
    return together


def _rank(fact: Fact) -> tuple[int, tuple[str, int, View]]:
    return fact.view.rank, fact.view.order


# By `at`, rank and key; a row's members are read at once, which a sort of many feels.
_place = itemgetter(*(rows.Entry._fields.index(name) for name in ("at", "rank", "entry")))


def _entry(
    subject: Subject,
    entry_key: str,
    together: Sequence[Fact],
    point: Point | None,
    *,
    steps: _Steps,
    deleted_at: str | None,
) -> rows.Entry:
    view = together[0].view
    if point:
        at, rule, reason = point.at, point.rule, point.reason
        before, after = steps.before(point), point.status
    else:
        at, rule = _when(view)
        reason = view.status.reason if view.status else ""
        before = after = steps.at(at)
    if len(together) == 1 and not together[0].aliases:
        received_at, positions = view.received_at, f"[{view.position}]"
    else:
        views = [one for fact in together for one in (fact.view, *fact.aliases)]
        received_at = min(one.received_at for one in views)
        positions = text(sorted(one.position for one in views))
    return rows.Entry(
        entry_key,
        subject.ticket,
        subject.specification,
        at,
        view.rank,
        view.kind,
        _title(view, together, before, after),
        view.provenance,
        before,
        after,
        reason or None,
        rule,
        view.occurred_at,
        view.event_type,
        view.event_id,
        tasks.task_key(subject.source, view) if view.kind == "task" else None,
        len(together),
        _flags(together, before, after, at, deleted_at),
        view.position,
        positions,
        received_at,
        seconds_between(view.event_time or view.occurred_at, received_at),
    )


def _when(view: View) -> tuple[str, str]:
    if view.kind == "task":
        at = tasks.changed_at(view)
        return at, view.occurred_rule if at == view.occurred_at else "stateChangeDate"
    return view.occurred_at, view.occurred_rule


def _inferred(subject: Subject, point: Point, steps: _Steps) -> rows.Entry:
    witness = point.witnesses[0]
    before = steps.before(point)
    return rows.Entry(
        entry=f"{subject.name}#{key('inferred', point.status, point.at)}",
        ticket=subject.ticket,
        specification=subject.specification,
        at=point.at,
        rank=INFERRED_RANK,
        kind="status",
        title=_inferred_title(before, point.status),
        provenance=point.provenance,
        status_before=before,
        status_after=point.status or steps.at(point.at),
        reason=point.reason or None,
        time_rule=point.rule,
        occurred_at=None,
        event_type=witness.event_type,
        event_id=witness.event_id,
        task=None,
        witnesses=1,
        flags='["gap"]' if point.gap else "[]",
        position=witness.position,
        positions=text([witness.position]),
        received_at=witness.received_at,
        lateness_seconds=None,
    )


def _flags(
    together: Sequence[Fact],
    before: str | None,
    after: str | None,
    at: str,
    deleted_at: str | None,
) -> str:
    flags: list[str] = []
    for fact in together:
        if fact.conflict and "conflict" not in flags:
            flags.insert(0, "conflict")
        if fact.aliases and "alias" not in flags:
            flags.append("alias")
    if deleted_at and at > deleted_at:
        flags.append("after_delete")
    if before and after and before != after and statuses.is_illegal(before, after):
        flags.append("illegal_transition")
    return text(flags) if flags else "[]"


def _title(view: View, together: Sequence[Fact], before: str | None, after: str | None) -> str:
    match view.kind:
        case "created" | "deleted" | "erased":
            title = view.kind
        case "status" | "resolved":
            title = (
                _transition(before, after) if view.status else "status changed, not told to what"
            )
        case "information":
            asked = ", ".join(str(one["path"]).strip("/") for one in view.information)
            title = f"asked for: {asked or 'not told what'}"
        case "milestone":
            title = "milestone: " + _names(view.milestones)
        case "jeopardy":
            title = "in jeopardy: " + _names(view.alerts)
        case "task":
            state = view.status.status if view.status else "told without a state"
            title = f"{tasks.NAMES.get(view.resource_type, 'task')} {state}"
        case "requested":
            name = tasks.NAMES.get(view.resource_type, "ticket")
            title = f"we asked for a {name}: {view.answered}"
        case _:
            members = sorted({change.member for fact in together for change in fact.changes})
            nothing = (
                "as it was answered" if view.kind == "reconciled" else "told again, nothing new"
            )
            title = "changed: " + ", ".join(members) if members else nothing
    return title


def _transition(before: str | None, after: str | None) -> str:
    if before == after:
        return f"{after or 'no status'}, told again"
    return f"{before} → {after}" if before else str(after)


def _inferred_title(before: str | None, after: str | None) -> str:
    if after is None:
        return "status changed, to what is unknown"
    return f"{after}, left and come back to" if before == after else _transition(before, after)


def _names(told: Sequence[Json]) -> str:
    names = [plain(one.get("name")) or plain(one.get("id")) or "unnamed" for one in told]
    return ", ".join(names) or "unnamed"


def _change_rows(subject: Subject, entry_key: str, fact: Fact, first: int) -> list[rows.Change]:
    """A row for each change, numbered from `first` on within their entry."""
    return [
        rows.Change(
            f"{entry_key}#{number:04d}",
            entry_key,
            subject.ticket,
            subject.specification,
            one.member,
            one.item,
            one.action,
            one.before,
            one.after,
        )
        for number, one in enumerate(fact.changes, first)
    ]
