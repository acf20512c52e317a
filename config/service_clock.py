"""The knobs of the service clock, and how business hours are written: `mon-fri = "08:00-18:00"`."""

import re
from datetime import date
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Spans = tuple[tuple[int, int], ...]
"""Of one day, in minutes since midnight: in order, apart."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", re.ASCII)
_MIDNIGHT = 24 * 60


def known_zone(name: str) -> str:
    """The name of a time zone. ValueError when there is none of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(f"no time zone {name!r}; write an IANA name as Europe/Berlin") from error
    return name


def known_holidays(name: str) -> str:
    """`DE` or `DE-NW`, or nothing. ValueError when the library `holidays` knows no such place."""
    if not name:
        return name
    # Loaded where it is wanted: without holidays nobody waits for the library.
    from holidays import country_holidays

    country, _, subdivision = name.partition("-")
    try:
        country_holidays(country, subdivision or None)
    except NotImplementedError as error:
        raise ValueError(f"{error}; write a country as DE, or one of its parts as DE-NW") from error
    return name


def week(hours: dict[str, str]) -> tuple[Spans, ...]:
    """The spans of each weekday from Monday on. ValueError says what cannot be read."""
    found: dict[str, Spans] = {}
    for days, text in hours.items():
        spans = _spans(text)
        for day in _days(days):
            if day in found:
                raise ValueError(f"{day} is there twice")
            found[day] = spans
    return tuple(found.get(day, ()) for day in _DAYS)


def _readable(hours: dict[str, str]) -> dict[str, str]:
    week(hours)
    return hours


def _days(text: str) -> list[str]:
    first, dash, last = text.casefold().partition("-")
    last = last if dash else first
    if first not in _DAYS or last not in _DAYS:
        raise ValueError(f"{text!r} is no weekday; write mon or mon-fri")
    start = _DAYS.index(first)
    count = (_DAYS.index(last) - start) % 7 + 1
    return [_DAYS[(start + more) % 7] for more in range(count)]


def _spans(text: str) -> Spans:
    spans: list[tuple[int, int]] = []
    for part in text.split(","):
        read = _SPAN.fullmatch(part.strip())
        if not read:
            raise ValueError(
                f"{part.strip()!r} are no hours; write 08:00-18:00 or 08:00-12:00, 13:00-17:00, "
                "and leave out a day off"
            )
        opens, opens_minute, closes, closes_minute = (int(number) for number in read.groups())
        span = (opens * 60 + opens_minute, closes * 60 + closes_minute)
        if not span[0] < span[1] <= _MIDNIGHT:
            raise ValueError(
                f"{part.strip()!r} must end after it begins and by 24:00; hours after midnight "
                "belong to the next day"
            )
        spans.append(span)
    if any(before[1] > after[0] for before, after in pairwise(spans)):
        raise ValueError(f"{text!r} overlap or are out of order")
    return tuple(spans)


def _apart(targets: dict[str, float]) -> dict[str, float]:
    if len({severity.casefold() for severity in targets}) < len(targets):
        raise ValueError("a severity is there twice; capitals make no difference")
    return targets


ZoneName = Annotated[str, AfterValidator(known_zone)]


class ServiceClock(BaseModel):
    """Which time counts towards a promise, and how much was promised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stopped_by: tuple[str, ...] = Field(
        default=("pending", "held"),
        description="Statuses in which somebody else is awaited: they do not count.",
    )
    time_zone: ZoneName = Field(
        default="Europe/Berlin",
        description="Whose wall clock the hours and the days off are told by (IANA name).",
    )
    hours: Annotated[dict[str, str], AfterValidator(_readable)] = Field(
        default_factory=dict[str, str],
        description='Business hours by weekday: mon-fri = "08:00-12:00, 13:00-18:00". Days that '
        "are not named are off. None at all: round the clock.",
    )
    holidays: Annotated[str, AfterValidator(known_holidays)] = Field(
        default="",
        description="Whose public holidays do not count: DE, or DE-NW for a part of it.",
    )
    free_days: tuple[date, ...] = Field(
        default=(), description="Further dates that do not count, as 2026-12-24."
    )
    target_hours: Annotated[
        dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]], AfterValidator(_apart)
    ] = Field(
        default_factory=dict[str, float],
        description="Hours on this clock within which a ticket is to be resolved, by severity; "
        "capitals make no difference.",
    )
