"""What holds for every clock: its sums add up, and it agrees with counting minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from store.history.clock import Calendar, ServiceClock
from store.times import seconds_between, utc_text

NEAR = [
    # Around changes of clocks, one of them by half an hour, one at midnight; around years.
    ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 12, 24, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 12, 31, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 7, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 3, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2028, 2, 28, tzinfo=UTC)),
]


@st.composite
def _spans(draw) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(st.integers(0, 24 * 60), max_size=6)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def _asked(draw, days: int) -> tuple[Calendar, list[datetime]]:
    zone, near = draw(st.sampled_from(NEAR))
    calendar = Calendar(
        zone,
        week=tuple(draw(_spans()) for _ in range(7)),
        holidays=draw(st.sampled_from(["", "DE", "DE-NW", "US"])),
        free_days=frozenset(draw(st.sets(st.just(near.date() + timedelta(days=1))))),
    )
    minutes = st.integers(0, days * 24 * 60)
    return calendar, sorted(near + timedelta(minutes=draw(minutes)) for _ in range(3))


def counted(calendar: Calendar, start: datetime, end: datetime) -> float:
    return ServiceClock(calendar=calendar).seconds("inProgress", utc_text(start), utc_text(end))


@given(_asked(days=3))
@settings(deadline=None, max_examples=60)
def test_it_agrees_with_counting_minute_by_minute(asked):
    calendar, (start, _, end) = asked
    wall = ZoneInfo(calendar.zone)
    country, _, part = calendar.holidays.partition("-")
    free: set[date] = set(calendar.free_days)
    if country:
        free |= set(holidays.country_holidays(country, part or None, years=range(2018, 2029)))
    open_minutes = 0
    for minute in range((end - start) // timedelta(minutes=1)):
        shown = (start + timedelta(minutes=minute)).astimezone(wall)
        since_midnight = shown.hour * 60 + shown.minute
        if shown.date() not in free:
            spans = calendar.week[shown.weekday()]
            open_minutes += any(opens <= since_midnight < closes for opens, closes in spans)
    assert counted(calendar, start, end) == open_minutes * 60


@given(_asked(days=1_000), st.integers(0, 999))
@settings(deadline=None, max_examples=60)
def test_parts_add_up_and_never_exceed_the_time_that_passed(asked, milliseconds):
    calendar, (start, between, end) = asked
    between = min(between + timedelta(milliseconds=milliseconds), end)
    whole = counted(calendar, start, end)
    parts = counted(calendar, start, between) + counted(calendar, between, end)
    assert round(parts, 3) == whole
    assert 0 <= whole <= seconds_between(utc_text(start), utc_text(end))
    assert counted(calendar, end, start) == 0 or start == end
