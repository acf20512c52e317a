"""Gaps: transitions that events prove and no event told. Found without asking anybody. Pure.

Proven by statusChangeHistory (v5) or statusChange (v4), or by another status (or another date of
it) that shows in an event which is not about status. Each is an inferred point; it goes when the
event that tells it arrives. What the provider itself answered, asked by us, is no gap any more.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from store.history.points import (
    ROUNDING_SECONDS,
    SKEW_SECONDS,
    Dates,
    Point,
    are_near,
    is_plausible,
)
from store.history.view import STATUS_KINDS, View
from store.times import seconds_between

_NOT_IN_PASSING = STATUS_KINDS | {"task", "deleted"}


def proven_by_history(views: Sequence[View], told: Sequence[Point]) -> list[Point]:
    """Inferred points: entries of status histories that no event told us of.

    A history that reaches back before the create notification proves no gap there: that one
    notification told all of it.
    """
    created_at = min((view.occurred_at for view in views if view.kind == "created"), default="")
    inferred: list[Point] = []
    seen: set[tuple[str, str | None]] = set()
    matching = _Matching(told)
    for view in _read_first(views):
        if not view.past:
            continue
        for claim, following in pairwise((*view.past, None)):
            if claim is None or not claim.date or (change := (claim.status, claim.date)) in seen:
                continue
            if not is_plausible(claim.date, view.occurred_at, None):
                continue
            seen.add(change)
            until = following.date if following else None
            if matching.knows(claim.status, claim.date, until, view.occurred_at):
                continue
            point = Point(
                *(claim.status, claim.date, "statusChangeHistory", claim.reason),
                inferred=True,
                gap=view.kind != "reconciled" and (not created_at or claim.date > created_at),
                witnesses=[view],
                dates={claim.date},
            )
            inferred.append(point)
            matching.add(point)
    return inferred


def shown_in_passing(
    views: Sequence[View], points: Sequence[Point], born_at: str | None
) -> list[Point]:
    """Inferred points: another status (or its date) shows in an event that is not about status.

    `points`: those known so far, in order.
    """
    showing = [
        view
        for view in views
        if (view.status or view.status_date) and view.kind not in _NOT_IN_PASSING
    ]
    if not showing:
        return []
    known = _Known(points)
    found: list[Point] = []
    was_created = any(view.kind == "created" for view in views)
    for view in _read_first(showing):
        date = view.status_date
        dated = date if is_plausible(date, view.occurred_at, born_at) else None
        status = view.status.status if view.status else None
        was_asked = view.kind == "reconciled"
        if not status and not dated:
            continue
        if known.has(status, dated, view.occurred_at, was_asked=was_asked):
            continue
        point = Point(
            status=status,
            at=dated or view.occurred_at,
            rule="statusChangeDate" if dated else view.occurred_rule,
            reason=view.status.reason if view.status else "",
            inferred=True,
            gap=not was_asked and (was_created or bool(known.points)),
            witnesses=[view],
            dates={dated} if dated else set(),
        )
        found.append(point)
        known.add(point)
    found += _read_last(showing, known)
    return found


def _read_last(showing: Sequence[View], known: "_Known") -> list[Point]:
    """What the provider answered is so, even where its date was told of something else: a ticket
    that never left its status, whatever a notification said, is in it when we ask.
    """
    found: list[Point] = []
    for view in showing:
        status = view.status if view.kind == "reconciled" else None
        if status is None or known.has(status.status, None, view.occurred_at, was_asked=True):
            continue
        point = Point(
            *(status.status, view.occurred_at, view.occurred_rule, status.reason),
            inferred=True,
            gap=False,
            witnesses=[view],
            dates=set(),
        )
        found.append(point)
        known.add(point)
    return found


def _read_first(views: Sequence[View]) -> Sequence[View]:
    """What was read from the provider before what was told: it closes the gap that both prove."""
    read = [view for view in views if view.kind == "reconciled" and view.status_date]
    return [*read, *(view for view in views if view not in read)] if read else views


class _Matching:
    """Which point a history's entry means: by its date, else by its place in the history."""

    def __init__(self, told: Sequence[Point]) -> None:
        self._dates = Dates()
        self._undated: dict[str | None, list[Point]] = {}
        for point in told:
            if not point.dates:
                self._undated.setdefault(point.status, []).append(point)
        self._exact = {(point.status, date) for point in told for date in point.dates}
        self._told: Sequence[Point] = told
        """Those that are not among the dates yet: where every date is told exactly, nobody asks."""

    def add(self, point: Point) -> None:
        self._all_dates().add_all(point)

    def knows(self, status: str, date: str, until: str | None, told_at: str) -> bool:
        """Whether there is a point for the entry. An undated one answers for one entry only."""
        if not self._undated and (status, date) in self._exact:
            return True
        undated = self._undated.get(status, [])
        point = self._all_dates().near(status, date) or next(
            (one for one in undated if _may_tell(one, date, until, told_at)), None
        )
        if point is None:
            return False
        if point in undated:
            undated.remove(point)
            # Another event may write the same date in another precision.
            self._dates.add(point, date)
        return True

    def _all_dates(self) -> Dates:
        for point in self._told:
            self._dates.add_all(point)
        self._told = ()
        return self._dates


def _may_tell(point: Point, date: str, until: str | None, told_at: str) -> bool:
    """Whether an undated point falls after the date of a history's entry and before the next."""
    if point.at < date and not are_near(point.at, date, SKEW_SECONDS):
        return False
    if until is not None:
        return point.at < until
    return point.at <= told_at or are_near(point.at, told_at, SKEW_SECONDS)


class _Known:
    """The points known so far, told and inferred, in order."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = list(points)
        self._dates = Dates()
        for point in points:
            self._dates.add_all(point)

    def add(self, point: Point) -> None:
        place = bisect_right(self.points, point.order, key=lambda other: other.order)
        self.points.insert(place, point)
        self._dates.add_all(point)

    def has(
        self, status: str | None, dated: str | None, occurred_at: str, *, was_asked: bool
    ) -> bool:
        """Whether what an event lets show was known: this status then, or a change at that date.

        `was_asked`: it is the provider's answer, which knows of every change.
        """
        if dated and self._dates.near(status, dated):
            return True
        if status is None:
            return bool(dated) and self._was_told_soon_after(dated)
        place = bisect_right(self.points, occurred_at, key=_at)
        now = self._status_point(range(place - 1, -1, -1))
        if now and now.status == status:
            # Another date of the status it had already: meanwhile it was left, and came back.
            return not (dated and now.dates and dated > now.at)
        return self._changed_soon(status, occurred_at, place) or (
            not was_asked and self._changed_just_then(status, occurred_at, now)
        )

    def _was_told_soon_after(self, date: str) -> bool:
        place = bisect_left(self.points, date, key=_at)
        return any(
            not point.dates and seconds_between(date, point.at) <= SKEW_SECONDS
            for point in self.points[place : place + 1]
        )

    def _changed_soon(self, status: str, occurred_at: str, place: int) -> bool:
        # The attribute event that explains a status change may be sent just before it.
        soon = self._status_point(range(place, len(self.points)))
        return bool(soon and soon.status == status and are_near(soon.at, occurred_at, SKEW_SECONDS))

    def _changed_just_then(self, status: str, occurred_at: str, now: Point | None) -> bool:
        # Until the change itself is told, it may be sent with the old status.
        if now is None or not _may_be_untold(now, occurred_at):
            return False
        number = bisect_left(self.points, now.at, key=_at)
        before = self._status_point(range(number - 1, -1, -1))
        return bool(before and before.status == status)

    def _status_point(self, places: range) -> Point | None:
        """The first point, in this order, whose status is known."""
        return next((self.points[n] for n in places if self.points[n].status), None)


def _may_be_untold(point: Point, occurred_at: str) -> bool:
    """Whether events sent at that moment may not know of the point yet."""
    told_at = point.witnesses[0].occurred_at
    is_untold = point.inferred or told_at >= occurred_at
    return are_near(point.at, occurred_at, SKEW_SECONDS if is_untold else ROUNDING_SECONDS)


def _at(point: Point) -> str:
    return point.at
