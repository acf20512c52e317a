"""The status lane: when a ticket was in which status, and which transitions we were never told.

Pure. Points in time come from events whose business is the status, from dates in other events,
and from statusChangeHistory (v5) or statusChange (v4). A point that only a later event proves is
inferred, with that event as its witness.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.history.view import STATUS_KINDS, StatusClaim, View
from store.times import moment, seconds_between

SKEW_SECONDS = 300.0
"""How far two clocks may differ before a date is implausible, and how far apart two events may
tell one undated change."""
ROUNDING_SECONDS = 1.0
"""Senders write one date with and without its fraction."""

_LIFECYCLE = (
    *("submitted", "acknowledged", "rejected", "inProgress", "pending", "held", "reopened"),
    *("assessingCancellation", "resolved", "cancelled", "closed"),
)
_AFTER = {status: rank for rank, status in enumerate(_LIFECYCLE)}

TERMINAL = frozenset({"rejected", "cancelled", "closed"})
"""TMF621: nothing follows. `resolved` is not among them (MEF: it may be reopened)."""
OPEN_ENDED = TERMINAL | {"resolved"}
"""Statuses in which nobody works on a ticket any more."""

_LEGAL: dict[str, frozenset[str]] = {
    # TMF621's lifecycle, and reopening after MEF.
    "submitted": frozenset({"acknowledged", "rejected"}),
    "acknowledged": frozenset({"rejected", "inProgress", "pending", "held", "cancelled"}),
    "inProgress": frozenset({"pending", "held", "resolved", "cancelled"}),
    "pending": frozenset({"inProgress", "held", "resolved", "cancelled"}),
    "held": frozenset({"inProgress", "pending", "resolved", "cancelled"}),
    "resolved": frozenset({"closed", "reopened", "acknowledged", "inProgress", "pending", "held"}),
    "reopened": frozenset({"inProgress", "pending", "held", "resolved", "cancelled"}),
    "rejected": frozenset(),
    "cancelled": frozenset(),
    "closed": frozenset(),
}


@dataclass(slots=True)
class Point:
    """From here on the status was this. `witnesses` tell it, or, when inferred, prove it."""

    status: str | None
    """None: it changed, and to what was never told."""
    at: str
    rule: str
    """The member `at` was read from."""
    reason: str
    inferred: bool
    gap: bool
    witnesses: list[View]
    dates: set[str]
    """Every date by which senders name it."""

    @property
    def order(self) -> tuple[str, int, str, str]:
        first = self.witnesses[0]
        return (self.at, _AFTER.get(self.status or "", -1), first.occurred_at, first.content)


def is_plausible(date: str | None, occurred_at: str, born_at: str | None) -> bool:
    """Whether a change may have happened then: not after it was told, not before its ticket."""
    if not date or (date > occurred_at and seconds_between(occurred_at, date) > SKEW_SECONDS):
        return False
    return not born_at or date >= born_at or seconds_between(date, born_at) <= SKEW_SECONDS


def lane(views: Sequence[View], born_at: str | None) -> list[Point]:
    """Every point of a ticket's status, in order; repetitions of a status included."""
    points = _told(views, born_at)
    created_at = min((v.occurred_at for v in views if v.kind == "created"), default="")
    points += _proven_by_history(views, points, created_at)
    points.sort(key=lambda point: point.order)
    for point in _shown_in_passing(views, points, born_at):
        points.append(point)
    points.sort(key=lambda point: point.order)
    return points


def transitions(points: Iterable[Point]) -> list[Point]:
    """Those points at which the status became another."""
    kept: list[Point] = []
    for point in points:
        if point.status and not (kept and kept[-1].status == point.status):
            kept.append(point)
    return kept


def is_illegal(before: str, after: str) -> bool:
    """Whether TMF621's lifecycle has no way from one status to the other (unknown ones: no)."""
    return before != after and before in _LEGAL and after in _LEGAL and after not in _LEGAL[before]


def _told(views: Sequence[View], born_at: str | None) -> list[Point]:
    """Points from events about status. StatusChange and Resolved may tell one change together."""
    points: list[Point] = []
    for view in views:
        if view.kind in STATUS_KINDS and view.status:
            at, rule = _changed_at(view, view.status, born_at)
            dates = {view.status.date} if view.status.date else set[str]()
            points.append(
                Point(view.status.status, at, rule, view.status.reason, False, False, [view], dates)
            )
    points.sort(key=lambda point: point.order)
    kept: list[Point] = []
    for point in points:
        if kept and _is_same_change(kept[-1], point):
            kept[-1].witnesses += point.witnesses
            kept[-1].dates |= point.dates
            kept[-1].reason = kept[-1].reason or point.reason
        else:
            kept.append(point)
    return kept


def _changed_at(view: View, claim: StatusClaim, born_at: str | None) -> tuple[str, str]:
    if claim.date and is_plausible(claim.date, view.occurred_at, born_at):
        return claim.date, "statusChangeDate"
    if view.kind == "created" and is_plausible(view.created_at, view.occurred_at, None):
        return view.created_at or view.occurred_at, "creationDate"
    return view.occurred_at, view.occurred_rule


def _is_same_change(earlier: Point, later: Point) -> bool:
    if earlier.status != later.status:
        return False
    if earlier.dates and later.dates:
        return bool(earlier.dates & later.dates)
    return seconds_between(earlier.at, later.at) <= SKEW_SECONDS


def _proven_by_history(
    views: Sequence[View], told: Sequence[Point], created_at: str
) -> list[Point]:
    """Inferred points: entries of status histories that no event told us of.

    A history that reaches back before the create notification proves no gap there: that one
    notification told all of it.
    """
    inferred: dict[tuple[str, str], Point] = {}
    matched: set[tuple[str, str]] = set()
    matching = _Matching(told)
    for view in views:
        if view.kind == "task":
            continue
        for number, claim in enumerate(view.past):
            date = claim.date or ""
            key = (claim.status, date)
            if key in matched or key in inferred:
                continue
            if date > view.occurred_at and not is_plausible(date, view.occurred_at, None):
                continue
            following = view.past[number + 1 :]
            until = following[0].date if following else None
            if matching.find(claim.status, date, until):
                matched.add(key)
                continue
            gap = not (created_at and date <= created_at)
            inferred[key] = Point(
                *(claim.status, date, "statusChangeHistory", claim.reason, True, gap),
                *([view], {date}),
            )
    return list(inferred.values())


class _Matching:
    """Which told point a history's entry means: by its date, else by its place in the history."""

    def __init__(self, told: Sequence[Point]) -> None:
        self._dated: dict[str, list[tuple[float, Point]]] = {}
        self._undated: dict[str, list[Point]] = {}
        for point in told:
            status = point.status or ""
            for date in point.dates | {point.at}:
                self._dated.setdefault(status, []).append((moment(date).timestamp(), point))
            if not point.dates:
                self._undated.setdefault(status, []).append(point)
        for dated in self._dated.values():
            dated.sort(key=lambda one: one[0])

    def find(self, status: str, date: str, until: str | None) -> bool:
        dated = self._dated.get(status, [])
        when = moment(date).timestamp()
        place = bisect_right(dated, when, key=lambda one: one[0])
        for near, _ in dated[max(0, place - 1) : place + 1]:
            if abs(near - when) <= ROUNDING_SECONDS:
                return True
        for point in self._undated.get(status, []):
            early = point.at < date and seconds_between(point.at, date) > SKEW_SECONDS
            if not early and (until is None or point.at < until):
                self._undated[status].remove(point)
                return True
        return False


def _shown_in_passing(
    views: Sequence[View], points: Sequence[Point], born_at: str | None
) -> list[Point]:
    """Inferred points: another status (or its date) shows in an event that is not about status."""
    known = list(points)
    found: list[Point] = []
    was_created = any(view.kind == "created" for view in views)
    for view in views:
        if view.kind in STATUS_KINDS or view.kind in {"task", "deleted"}:
            continue
        date = view.status_date
        dated = date if is_plausible(date, view.occurred_at, born_at) else None
        status = view.status.status if view.status else None
        if (not status and not dated) or _is_known(status, dated, view.occurred_at, known):
            continue
        point = Point(
            status=status,
            at=dated or view.occurred_at,
            rule="statusChangeDate" if dated else view.occurred_rule,
            reason=view.status.reason if view.status else "",
            inferred=True,
            gap=was_created or bool(known),
            witnesses=[view],
            dates={dated} if dated else set(),
        )
        found.append(point)
        known.insert(bisect_right(known, point.order, key=lambda other: other.order), point)
    return found


def _is_known(
    status: str | None, dated: str | None, occurred_at: str, known: Sequence[Point]
) -> bool:
    if dated and any(
        abs(seconds_between(date, dated)) <= ROUNDING_SECONDS
        for point in known
        if status is None or point.status == status
        for date in point.dates | {point.at}
    ):
        return True
    if status is None:
        return False
    place = bisect_right(known, occurred_at, key=lambda point: point.at)
    now = next((point for point in reversed(known[:place]) if point.status), None)
    if now and now.status == status:
        return True
    # The attribute event that explains a status change may be sent just before it.
    soon = next((point for point in known[place:] if point.status), None)
    return bool(
        soon and soon.status == status and seconds_between(occurred_at, soon.at) <= SKEW_SECONDS
    )
