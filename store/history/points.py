"""A point of the status lane: from here on the status was this. Pure."""

from bisect import bisect_right
from dataclasses import dataclass

from store.history.view import View
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


@dataclass(slots=True, eq=False)
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


class Dates:
    """Points by status and date; a date finds its point in any precision it is written in."""

    def __init__(self) -> None:
        self._points: dict[str | None, list[tuple[float, Point]]] = {}

    def add(self, point: Point, date: str) -> None:
        when = moment(date).timestamp()
        for status in {point.status, None}:
            dated = self._points.setdefault(status, [])
            dated.insert(bisect_right(dated, when, key=_when), (when, point))

    def near(self, status: str | None, date: str) -> Point | None:
        """The point of that status (None: of any) and date."""
        dated = self._points.get(status, [])
        when = moment(date).timestamp()
        place = bisect_right(dated, when, key=_when)
        around = dated[max(0, place - 1) : place + 1]
        close = [one for one in around if abs(one[0] - when) <= ROUNDING_SECONDS]
        return min(close, key=lambda one: abs(one[0] - when))[1] if close else None


def is_plausible(date: str | None, occurred_at: str, born_at: str | None) -> bool:
    """Whether a change may have happened then: not after it was told, not before its ticket."""
    if not date or (date > occurred_at and seconds_between(occurred_at, date) > SKEW_SECONDS):
        return False
    return not born_at or date >= born_at or seconds_between(date, born_at) <= SKEW_SECONDS


def are_near(one: str, other: str, seconds: float = ROUNDING_SECONDS) -> bool:
    """Whether two UTC texts may mean one moment."""
    return abs(seconds_between(one, other)) <= seconds


def _when(dated: tuple[float, Point]) -> float:
    return dated[0]
