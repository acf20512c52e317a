"""Status periods and what they add up to: how long in each status, how often back, how late.

Pure.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from store.history import rows
from store.history.clock import ServiceClock
from store.history.points import Point
from store.history.statuses import OPEN_ENDED, TERMINAL, transitions
from store.times import seconds_between


class Figures(NamedTuple):
    """A ticket's status and what its periods add up to. Durations in seconds."""

    status: str | None
    status_since: str | None
    status_reason: str | None
    created_at: str | None
    resolved_at: str | None
    """Start of the present resolution; None while it is worked on (again)."""
    closed_at: str | None
    """When it ended for good: closed, cancelled or rejected."""
    reopen_count: int
    bounce_count: int
    seconds_to_acknowledge: float | None
    seconds_to_resolution: float | None
    service_seconds: float | None


def status_periods(
    ticket: str, lane: Sequence[Point], deleted_at: str | None, clock: ServiceClock
) -> list[rows.StatusPeriod]:
    """Spans without holes or overlaps, oldest first; the last one is open (a delete ends it)."""
    points = transitions(lane)
    if not points:
        return []
    starts = [point.at for point in points]
    last_end = deleted_at if deleted_at and deleted_at >= starts[-1] else None
    ends = [*starts[1:], last_end]
    return [
        # In the order of the columns, as all rows of which there are many (`rows`).
        rows.StatusPeriod(
            f"{ticket}#{number:04d}",
            ticket,
            number,
            point.status,
            point.at,
            end,
            seconds_between(point.at, end) if end else None,
            clock.seconds(point.status or "", point.at, end) if end else None,
            point.reason or None,
            point.rule,
            point.provenance,
        )
        for number, (point, end) in enumerate(zip(points, ends, strict=True), start=1)
    ]


def figures(
    spans: Sequence[rows.StatusPeriod], created_at: str | None, clock: ServiceClock
) -> Figures:
    """What a ticket's periods add up to. `created_at` is its birth, or the first we know of it."""
    if not spans:
        return Figures(None, None, None, created_at, None, None, 0, 0, None, None, None)
    last = spans[-1]
    resolved_at = _resolved_at(spans)
    acknowledged = next((span for span in spans if span.status != "submitted"), None)
    until = resolved_at or last.started_at
    return Figures(
        status=last.status,
        status_since=last.started_at,
        status_reason=last.reason,
        created_at=created_at,
        resolved_at=resolved_at,
        closed_at=last.started_at if last.status in TERMINAL else None,
        reopen_count=sum(
            1
            for before, after in pairwise(spans)
            if before.status in OPEN_ENDED and after.status not in OPEN_ENDED
        ),
        bounce_count=len(spans) - len({span.status for span in spans}),
        seconds_to_acknowledge=_since(created_at, acknowledged and acknowledged.started_at),
        seconds_to_resolution=_since(created_at, resolved_at),
        service_seconds=_service_seconds(spans, until, clock),
    )


def _resolved_at(spans: Sequence[rows.StatusPeriod]) -> str | None:
    """Start of the run of resolved and closed periods at the end; None when there is none."""
    found = None
    for span in reversed(spans):
        if span.status not in {"resolved", "closed"}:
            break
        found = span.started_at
    return found


def _since(start: str | None, end: str | None) -> float | None:
    return max(0.0, seconds_between(start, end)) if start and end else None


def _service_seconds(
    spans: Sequence[rows.StatusPeriod], until: str | None, clock: ServiceClock
) -> float:
    if not until:
        return 0.0
    counted = [
        # Of those that ended it is known already.
        span.service_seconds
        if span.service_seconds is not None
        else clock.seconds(span.status or "", span.started_at or "", until)
        for span in spans
        if (span.started_at or "") < until
    ]
    return round(sum(counted), 3)
