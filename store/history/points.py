"""A point of the status lane: from here on the status was this. Pure."""

from bisect import bisect_right

import msgspec

from store.history.view import View
from store.times import instant, seconds_between

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


class Point(msgspec.Struct, gc=False, eq=False):
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
    def provenance(self) -> str:
        """How we know: inferred, unless an event tells it or the provider answered it."""
        if not self.inferred:
            return "received"
        return "reconciled" if self.witnesses[0].provenance == "reconciled" else "inferred"

    @property
    def order(self) -> tuple[str, int, tuple[str, int, View]]:
        return (self.at, _AFTER.get(self.status or "", -1), self.witnesses[0].order)


class Dates:
    """Points by status and date; a date finds its point in any precision it is written in."""

    def __init__(self) -> None:
        self._dated: dict[str | None, tuple[list[float], list[Point]]] = {}
        """By status, the moments in order and the point of each."""

    def add_all(self, point: Point) -> None:
        """Add a point under every date that names it, and where it stands."""
        for date in point.dates:
            self.add(point, date)
        if point.at not in point.dates:
            self.add(point, point.at)

    def add(self, point: Point, date: str) -> None:
        when = instant(date)
        moments, points = self._dated.setdefault(point.status, ([], []))
        place = bisect_right(moments, when)
        moments.insert(place, when)
        points.insert(place, point)

    def near(self, status: str | None, date: str) -> Point | None:
        """The nearest point of that status and date (status None: some point of that date)."""
        if status is None:
            anywhere = (self._near(dated, date) for dated in self._dated.values())
            return next((point for point in anywhere if point), None)
        return self._near(self._dated.get(status, ([], [])), date)

    def _near(self, dated: tuple[list[float], list[Point]], date: str) -> Point | None:
        moments, points = dated
        when = instant(date)
        after = bisect_right(moments, when)
        found, closest = None, ROUNDING_SECONDS
        for place in range(max(0, after - 1), min(after + 1, len(moments))):
            apart = abs(moments[place] - when)
            if apart < closest or (found is None and apart <= closest):
                found, closest = points[place], apart
        return found


def is_plausible(date: str | None, occurred_at: str, born_at: str | None) -> bool:
    """Whether a change may have happened then: not after it was told, not before its ticket."""
    if not date or (date > occurred_at and seconds_between(occurred_at, date) > SKEW_SECONDS):
        return False
    return not born_at or date >= born_at or seconds_between(date, born_at) <= SKEW_SECONDS


def are_near(one: str, other: str, seconds: float = ROUNDING_SECONDS) -> bool:
    """Whether two UTC texts may mean one moment."""
    return one == other or abs(seconds_between(one, other)) <= seconds
