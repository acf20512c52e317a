"""The service clock: seconds that count towards a promise.

Pure. Every second of a status counts, save of those that stop the clock (waiting for somebody
else), of those in which nobody works any more, and of those in which nobody is at work: outside
the business hours, where there are any. Time is counted between instants, so a night on which
the clocks change has its true length.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from store.history.statuses import OPEN_ENDED
from store.times import milliseconds, seconds_between

ALL_WEEK = (((0, 24 * 60),),) * 7
"""Every weekday round the clock: a calendar of holidays alone."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2100
"""Whose business hours are known. A nonsensical date outside them costs no time, either way."""
_DAY = 24 * 60 * 60 * 1000
_FIRST = f"{_FIRST_YEAR}-01-01T00:00:00.000Z"
_LAST = f"{_LAST_YEAR}-12-31T23:59:59.999Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Calendar(NamedTuple):
    """When somebody is at work, by the clock on the wall. Hashable, picklable."""

    zone: str
    """IANA name."""
    week: tuple[tuple[tuple[int, int], ...], ...] = ALL_WEEK
    """From Monday on, the spans of each weekday in minutes since midnight: in order, apart."""
    holidays: str = ""
    """Whose public holidays are free, as the library `holidays` knows them: `DE`, `DE-NW`."""
    free_days: frozenset[date] = frozenset()
    """Further days off."""


@dataclass(frozen=True, slots=True)
class ServiceClock:
    """When the clock runs, and how long it may."""

    stopped_by: frozenset[str] = frozenset({"pending", "held"})
    calendar: Calendar | None = None
    """None: at all hours of all days."""
    targets: tuple[tuple[str, float], ...] = ()
    """(severity, seconds that a resolution may take); severities casefolded."""

    def seconds(self, status: str, start: str, end: str) -> float:
        """Service seconds between two UTC texts in one status, to the millisecond."""
        if status in self.stopped_by or status in OPEN_ENDED:
            return 0.0
        if self.calendar is None:
            return seconds_between(start, end)
        return _open_seconds(self.calendar, start, end)

    def target(self, severity: str | None) -> float | None:
        """Service seconds that a ticket of this severity may take, if anything was agreed."""
        name = (severity or "").casefold()
        return next((seconds for one, seconds in self.targets if one == name), None)

    def missed(self, severity: str | None, seconds: float | None, status: str | None) -> int | None:
        """1 once `seconds` are beyond the target, 0 when work ended within it, None until then.

        Needs no present: a target is missed for certain only when events prove it.
        """
        target = self.target(severity)
        if target is None or seconds is None:
            return None
        if seconds > target:
            return 1
        return 0 if status in OPEN_ENDED else None


class _Year(NamedTuple):
    """One UTC year's business hours, in milliseconds since 1970: in order, apart."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    before: tuple[int, ...]
    """How much of the year was open before each span; at the end, before the year's end."""

    def until(self, instant: int) -> int:
        """How much of the year was open before an instant of it."""
        place = bisect_right(self.starts, instant) - 1
        if place < 0:
            return 0
        return self.before[place] + min(instant, self.ends[place]) - self.starts[place]


def _open_seconds(calendar: Calendar, start: str, end: str) -> float:
    start, end = max(start, _FIRST), min(end, _LAST)
    if end <= start:
        return 0.0
    first, last = int(start[:4]), int(end[:4])
    whole = sum(_year(calendar, year).before[-1] for year in range(first, last))
    until_end = _year(calendar, last).until(milliseconds(end))
    return (whole + until_end - _year(calendar, first).until(milliseconds(start))) / 1000


# A folded year is some 20 KB; two calendars over all their years still fit.
@lru_cache(maxsize=2 * (_LAST_YEAR - _FIRST_YEAR + 1))
def _year(calendar: Calendar, year: int) -> _Year:
    """A day's spans are those instants at which the clock on its wall shows them: an hour that is
    left out has none, an hour that comes twice has both.
    """
    starts: list[int] = []
    ends: list[int] = []
    before = [0]
    for first, last, offset in _stretches(calendar.zone, year):
        for day in range((first + offset) // _DAY, (last - 1 + offset) // _DAY + 1):
            midnight = day * _DAY - offset
            for opens, closes in _hours(calendar, _EPOCH.date() + timedelta(days=day)):
                start = max(midnight + opens * 60_000, first)
                end = min(midnight + closes * 60_000, last)
                if start < end:
                    starts.append(start)
                    ends.append(end)
                    before.append(before[-1] + end - start)
    return _Year(tuple(starts), tuple(ends), tuple(before))


def _hours(calendar: Calendar, day: date) -> tuple[tuple[int, int], ...]:
    if day in calendar.free_days:
        return ()
    if calendar.holidays and day in _public_holidays(calendar.holidays, day.year):
        return ()
    return calendar.week[day.weekday()]


def _stretches(zone: str, year: int) -> list[tuple[int, int, int]]:
    """A UTC year's stretches of one offset from UTC: (start, end, offset) in milliseconds."""
    wall = ZoneInfo(zone)

    def offset(instant: int) -> int:
        moment = _EPOCH + timedelta(milliseconds=instant)
        return (moment.astimezone(wall).utcoffset() or timedelta()) // _MILLISECOND

    start = milliseconds(f"{year}-01-01T00:00Z")
    end = milliseconds(f"{year + 1}-01-01T00:00Z")
    found: list[tuple[int, int, int]] = []
    for midnight in range(start, end, _DAY):
        early, late = midnight, midnight + _DAY
        if offset(early) == offset(late):
            continue
        while late - early > 1:
            middle = (early + late) // 2
            early, late = (middle, late) if offset(middle) == offset(midnight) else (early, middle)
        found.append((start, late, offset(midnight)))
        start = late
    if start < end:
        found.append((start, end, offset(start)))
    return found


@lru_cache(maxsize=1024)
def _public_holidays(name: str, year: int) -> frozenset[date]:
    # Loaded where it is wanted: without holidays nobody waits for the library.
    from holidays import country_holidays

    country, _, subdivision = name.partition("-")
    return frozenset(country_holidays(country, subdivision or None, years=year))
