"""The status lane: when a ticket was in which status, and which transitions we were never told.

Pure. Points in time come from events whose business is the status; others are proven by what
events say in passing (`gaps`).
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from store.history import gaps
from store.history.points import ROUNDING_SECONDS, SKEW_SECONDS, Point, are_near, is_plausible
from store.history.view import STATUS_KINDS, StatusClaim, View

TERMINAL = frozenset({"rejected", "cancelled", "closed"})
"""TMF621: nothing follows. `resolved` is not among them (MEF: it may be reopened)."""
OPEN_ENDED = TERMINAL | {"resolved"}
"""Statuses in which nobody works on a ticket any more."""

_FIRST = frozenset({"submitted", "acknowledged"})
"""Statuses that a ticket is created in."""

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


def lane(views: Sequence[View], born_at: str | None) -> list[Point]:
    """Every point of a ticket's status, in order; repetitions of a status included."""
    points = _told(views, born_at)
    points = _in_order(points, gaps.proven_by_history(views, points))
    return _in_order(points, gaps.shown_in_passing(views, points, born_at))


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
        claim = view.status
        if claim and view.kind in STATUS_KINDS:
            at, rule = _changed_at(view, claim, born_at)
            dates = {date for date in (claim.date, view.history_date) if date}
            points.append(Point(claim.status, at, rule, claim.reason, False, False, [view], dates))
    points.sort(key=_order)
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
    """When the status became what the event tells, and the member that says so."""
    if claim.date and is_plausible(claim.date, view.occurred_at, born_at):
        return claim.date, "statusChangeDate"
    date = view.history_date
    if date and is_plausible(date, view.occurred_at, born_at):
        return date, "statusChangeHistory"
    born = view.created_at if view.kind == "created" else None
    # A create notification sent long after may tell a status that the ticket was not born in.
    if (
        born
        and is_plausible(born, view.occurred_at, None)
        and (claim.status in _FIRST or are_near(born, view.occurred_at, SKEW_SECONDS))
    ):
        return born, "creationDate"
    return view.occurred_at, view.occurred_rule


def _is_same_change(earlier: Point, later: Point) -> bool:
    if earlier.status != later.status:
        return False
    if earlier.dates and later.dates:
        return any(are_near(one, other) for one in earlier.dates for other in later.dates)
    # Without dates: told at one time, or about then by StatusChange and Resolved together.
    view = later.witnesses[0]
    kinds = {view.kind, *(witness.kind for witness in earlier.witnesses)}
    apart = SKEW_SECONDS if kinds == {"status", "resolved"} else ROUNDING_SECONDS
    return are_near(earlier.at, later.at, apart) or any(
        are_near(witness.occurred_at, view.occurred_at, apart) for witness in earlier.witnesses
    )


def _in_order(points: list[Point], inferred: list[Point]) -> list[Point]:
    return sorted([*points, *inferred], key=_order) if inferred else points


_order = attrgetter("order")
