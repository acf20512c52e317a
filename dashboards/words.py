"""Figures in words: spans of time, moments, counts, as people say them."""

import re
from datetime import UTC, datetime

from store.times import moment, utc_text

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_FRACTIONS_MATTER = 10

# Characters that reorder the text around them (Unicode bidirectional controls), for the places
# where no element can isolate them: a page's title, a tooltip.
_REORDERING = dict.fromkeys(
    [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


_UTC_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def span(seconds: float | None) -> str:
    """A length of time with two units at most: `0.63 s`, `47 min`, `5 h 22`, `1 d 8 h`."""
    if seconds is None:
        return ""
    if seconds < 0:
        return f"−{span(-seconds)}"
    if seconds < MINUTE:
        places = 2 if seconds < _FRACTIONS_MATTER else 0
        return f"{round(seconds, places):g} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h {int(seconds % HOUR // MINUTE):02d}"
    hours = int(seconds % DAY // HOUR)
    return f"{int(seconds // DAY)} d" + (f" {hours} h" if hours else "")


def allowance(seconds: float) -> str:
    """A length of time that was agreed on, as it is said: `8 h`, not `8 h 00`."""
    return span(seconds).removesuffix(" 00")


def when(text: str | None) -> str:
    """UTC text as a person writes it, to the second: `19 Oct 2026 19:18:12`. Else as it is."""
    read = _read(text)
    return f"{read.day} {read:%b %Y %H:%M:%S}" if read else str(text or "")


def when_short(text: str | None) -> str:
    """UTC text to the minute, without its year: `19 Oct 19:18`."""
    read = _read(text)
    return f"{read.day} {read:%b %H:%M}" if read else str(text or "")


def count(number: float | None) -> str:
    """`12,345`."""
    return "" if number is None else f"{number:,}"


def some(number: int, one: str, many: str | None = None) -> str:
    """`1 event`, `2 events`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def with_times(text: str) -> str:
    """A sentence with its UTC texts written as a person writes them."""
    return _UTC_TEXT.sub(lambda found: when(found[0]), text)


def unordered(text: object) -> str:
    """Text without the characters that turn the direction of what stands beside it."""
    return str(text).translate(_REORDERING)


def now_text() -> str:
    """The present instant as UTC text."""
    return utc_text(datetime.now(UTC))


def _read(text: str | None) -> datetime | None:
    try:
        return moment(text) if text else None
    except ValueError:
        return None
