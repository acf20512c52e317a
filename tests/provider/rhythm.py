"""When things happen: people sleep, offices close, and Mondays are worse."""

from datetime import UTC, datetime, time, timedelta
from math import log
from random import Random
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
HOURS = (2, 1, 1, 1, 1, 2, 5, 9, 14, 16, 15, 13, 11, 12, 13, 12, 12, 13, 14, 13, 11, 9, 6, 3)
"""How many tickets come in each hour of a local day, against the others."""
DAYS = (1.25, 1.0, 1.0, 1.0, 0.95, 0.45, 0.35)
"""The same for Monday to Sunday."""


def arrivals(chance: Random, count: int, start: datetime, end: datetime) -> list[datetime]:
    """`count` moments between start and end, ascending, denser by day and in the week."""
    moments: list[datetime] = []
    most = max(HOURS) * max(DAYS)
    while len(moments) < count:
        moment = start + (end - start) * chance.random()
        local = moment.astimezone(ZONE)
        if chance.random() * most < HOURS[local.hour] * DAYS[local.weekday()]:
            moments.append(to_milliseconds(moment))
    return sorted(moments)


def around(chance: Random, hours: float) -> timedelta:
    """A time that is `hours` in the median, sometimes much longer."""
    return timedelta(hours=chance.lognormvariate(log(hours), 0.7))


def at_work(chance: Random, moment: datetime) -> datetime:
    """The moment itself in office hours, else some time into the next ones."""
    local = moment.astimezone(ZONE)
    for _ in range(4):
        opens, closes = (time(9), time(13)) if local.weekday() == 5 else (time(7, 30), time(18))
        if local.weekday() < 6 and local.time() < closes:
            break
        local = datetime.combine(local.date() + timedelta(days=1), time(0), ZONE)
    if local.time() >= opens:
        return local.astimezone(UTC)
    start = datetime.combine(local.date(), opens, ZONE)
    return (start + timedelta(minutes=chance.uniform(0, 150))).astimezone(UTC)


def to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
