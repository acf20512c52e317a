"""What all charts share: statuses and their colours, a scale of time, escaped SVG.

Colours are classes of the style sheet, so both themes and the content security policy (which
allows no inline style) are served by one drawing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from store.times import moment

STATUSES = (
    "submitted",
    "acknowledged",
    "accepted",
    "reopened",
    "inProgress",
    "pending",
    "held",
    "assessingCancellation",
    "resolved",
    "done",
    "closed",
    "cancelled",
    "rejected",
    "terminatedWithError",
)
"""Statuses of tickets and states of tasks that have a colour, in the order of a usual life."""

_STEPS = [
    *(timedelta(seconds=seconds) for seconds in (1, 5, 15, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 12)),
    *(timedelta(days=days) for days in (1, 2, 4, 7, 14, 28, 91, 182, 364, 1820)),
]

_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""Weeks on a scale begin on one."""
_EARLIEST = datetime(200, 1, 1, tzinfo=UTC)
_LATEST = datetime(9800, 1, 1, tzinfo=UTC)
"""What senders can write reaches further; a picture with margins does not."""


def status_class(status: str | None) -> str:
    """The class that colours a status; unknown ones share a neutral colour."""
    return f"s-{status}" if status in STATUSES else "s-other"


def in_order(statuses: set[str]) -> list[str]:
    """Statuses in the order of a usual life, unknown ones last."""
    known = [status for status in STATUSES if status in statuses]
    return known + sorted(statuses - set(known))


def svg(template: str, /, **values: object) -> Markup:
    """Fill an SVG template; every value is escaped unless it is a number, or Markup already."""
    # Markup.format does the same eight times slower, and a picture has a thousand marks.
    safe = {
        name: value if isinstance(value, int | float) else escape(value)
        for name, value in values.items()
    }
    return Markup(template.format_map(safe))  # noqa: S704 - templates are this package's own constants


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Instants to horizontal positions, clamped to the picture."""

    start: datetime
    end: datetime
    left: float
    right: float

    @classmethod
    def over(cls, first: str, last: str, left: float, right: float) -> "TimeScale":
        """A scale from one instant to another; an instant alone gets a quarter of an hour round it."""
        start, end = max(moment(first), _EARLIEST), min(moment(last), _LATEST)
        if end - start < timedelta(seconds=10):
            start, end = start - timedelta(minutes=7.5), end + timedelta(minutes=7.5)
        margin = (end - start) / 100
        return cls(start - margin, end + margin, left, right)

    def x(self, text: str) -> float:
        """Where an instant stands."""
        share = (moment(text) - self.start) / (self.end - self.start)
        return round(self.left + min(max(share, 0.0), 1.0) * (self.right - self.left), 1)

    def ticks(self, most: int = 8) -> list[tuple[float, str]]:
        """Round instants to write above the picture: (where, label)."""
        length = self.end - self.start
        step = next((step for step in _STEPS if length / step <= most), length / most)
        # Counted as distances: they may grow where dates would leave the calendar.
        offset = ((self.start - _MONDAY) // step + 1) * step
        ticks: list[tuple[float, str]] = []
        while offset < self.end - _MONDAY:
            at = _MONDAY + offset
            ticks.append((self.x(at.isoformat()), _tick_label(at, step)))
            offset += step
        return ticks


def _tick_label(at: datetime, step: timedelta) -> str:
    if step >= timedelta(days=91):
        return f"{at:%b %Y}"
    if step >= timedelta(days=1):
        return f"{at.day} {at:%b}"
    if step >= timedelta(minutes=1):
        return f"{at.day} {at:%b %H:%M}"
    return f"{at:%H:%M:%S}"
