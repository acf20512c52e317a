"""What a history says is missing or odd: gaps with their proof, notices in words. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from store.history import rows, statuses
from store.history.attached import key
from store.history.entries import Timeline
from store.history.points import SKEW_SECONDS, Point, are_near, is_plausible
from store.history.view import View
from store.times import seconds_between

_TELLS_ITS_BIRTH = frozenset({"created", "erased", "reconciled"})
"""Kinds after which nobody misses a create notification: the provider's answer is as good."""


def gap_rows(ticket: str, lane: Sequence[Point], told: Timeline) -> list[rows.Gap]:
    """A row for every transition that a later event proves and no event told."""
    return [
        rows.Gap(
            gap=f"{ticket}#{key(point.status, point.at)}",
            ticket=ticket,
            status=point.status,
            at=point.at,
            witness=told.entry_of.get(point.witnesses[0]),
            proof=_proof(point),
        )
        for point in lane
        if point.gap
    ]


def notice_rows(
    ticket: str,
    views: Sequence[View],
    lane: Sequence[Point],
    deleted_at: str | None,
    born_at: str | None,
) -> list[rows.Notice]:
    """What is odd, in words, oldest first."""
    found = _oddities(views, lane, deleted_at, born_at)
    return [
        rows.Notice(f"{ticket}#{key(kind, at, words)}", ticket, kind, at, words)
        for kind, at, words in sorted(set(found), key=lambda one: (one[1], one[0], one[2]))
    ]


def _proof(point: Point) -> str:
    witness = point.witnesses[0]
    told = f"became {point.status}" if point.status else "changed"
    return (
        f"{witness.event_type} of {witness.occurred_at} proves by its {point.rule} that the status "
        f"{told} at {point.at}; no event told us so."
    )


def _oddities(
    views: Sequence[View], lane: Sequence[Point], deleted_at: str | None, born_at: str | None
) -> Iterator[tuple[str, str, str]]:
    told_at = {view.occurred_at for view in views} | {point.at for point in lane}
    if told_at and not any(view.kind in _TELLS_ITS_BIRTH for view in views):
        first_at = min(told_at)
        yield "never_created", first_at, "No create notification was received for this ticket."
    moves = statuses.transitions(lane)
    for before, after in pairwise(moves):
        if statuses.is_illegal(before.status or "", after.status or ""):
            kind = "left_terminal" if before.status in statuses.TERMINAL else "illegal_transition"
            words = f"{before.status} → {after.status} is not a way that TMF621 knows."
            yield kind, after.at, words
    later = [view for view in views if deleted_at and view.occurred_at > deleted_at]
    if later:
        words = f"Told of after it was deleted, {len(later)} times."
        yield "after_delete", later[0].occurred_at, words
    yield from _unseen_updates(views, told_at, born_at)


def _unseen_updates(
    views: Sequence[View], told_at: set[str], born_at: str | None
) -> Iterator[tuple[str, str, str]]:
    """LastUpdate names a moment at which we were told nothing: a hint, not a proof of a gap."""
    known: list[str] = []
    for view in views:
        updated = view.last_update
        if not updated or updated in told_at or view.kind in ("created", "reconciled"):
            continue
        if are_near(updated, view.occurred_at, SKEW_SECONDS):
            continue  # as nearly always: it names the moment of this very event
        if not is_plausible(updated, view.occurred_at, born_at):
            continue
        known = known or sorted(told_at)
        place = bisect_right(known, updated)
        near = known[max(0, place - 1) : place + 1]
        if all(abs(seconds_between(moment, updated)) > SKEW_SECONDS for moment in near):
            words = f"lastUpdate names {updated}, when no event told of a change."
            yield "unseen_update", updated, words
