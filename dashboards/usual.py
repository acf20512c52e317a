"""How long tickets usually stay in a status, and which ones are stuck by that.

A ticket is stuck when nothing was told of it for longer than 95 % of the past periods in its
status lasted: of its own source where there are enough of them, else of all sources.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dashboards.filters import NARROWED, Filters
from dashboards.history import Ask
from store.times import moment, utc_text

STUCK_PERCENT = 95
ENOUGH = 20
"""Past periods from which a percentile is taken."""
SAMPLED = 5_000
"""Tickets whose periods are looked at; of more, every second, third, … block of them."""
BLOCK = 64
"""Tickets that stand together in the file: of scattered ones, each would be a read of its own."""

_BLOCKS = (
    "with recursive blocks(first) as (select 0 union all select first + :step from blocks"
    " where first < (select max(rowid) from main.tickets))"
    " select t.rowid from blocks cross join main.tickets t not indexed"
    f" on t.rowid between first and first + {BLOCK - 1}"
)

Lengths = Mapping[tuple[str, str], Sequence[float]]
"""Seconds of past periods by (source, status), ascending."""


@dataclass(frozen=True, slots=True)
class Limit:
    """From how many seconds without an event a ticket of this source and status is stuck."""

    source: str
    status: str
    seconds: float
    periods: int
    of_all_sources: bool


@dataclass(frozen=True, slots=True)
class TimeInStatus:
    """How long tickets stay in a status, of the periods that have ended. Seconds."""

    status: str
    periods: int
    median: float
    ninetieth: float
    ninety_ninth: float


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The value that so many percent of these are below. They must not be empty."""
    return ascending[min(int(len(ascending) * percent / 100), len(ascending) - 1)]


def limits(lengths: Lengths, sources: Sequence[str]) -> list[Limit]:
    """The limits of these sources, status by status; none where nobody has enough past periods."""
    together = by_status(lengths)
    found: list[Limit] = []
    for source in sources:
        for status, of_all in together.items():
            own = lengths.get((source, status), ())
            taken = own if len(own) >= ENOUGH else of_all
            if len(taken) >= ENOUGH:
                seconds = percentile(taken, STUCK_PERCENT)
                found.append(Limit(source, status, seconds, len(taken), taken is not own))
    return found


def by_status(lengths: Lengths) -> dict[str, list[float]]:
    """The lengths of all sources together, ascending."""
    found: dict[str, list[float]] = {}
    for (_, status), seconds in lengths.items():
        found.setdefault(status, []).extend(seconds)
    for seconds in found.values():
        seconds.sort()
    return found


def times_in_status(lengths: Lengths) -> list[TimeInStatus]:
    """Percentiles, status by status."""
    return [
        TimeInStatus(status, len(found), *(percentile(found, one) for one in (50, 90, 99)))
        for status, found in by_status(lengths).items()
    ]


def as_json(found: Sequence[Limit], now: str) -> str:
    """The limits as the queries take them: [source, status, stuck when last told of before]."""
    at = moment(now)
    return json.dumps(
        [(one.source, one.status, utc_text(at - timedelta(seconds=one.seconds))) for one in found]
    )


async def lengths(ask: Ask, filters: Filters) -> tuple[Lengths, int]:
    """Past periods of the tickets that pass, and of every how manieth block of tickets they are."""
    where, values = filters.where()
    among = f"main.tickets t indexed by {NARROWED} where {where}"
    counted = await ask(f"select count(*) as n from {among}", values)
    every = -(-counted[0]["n"] // SAMPLED) or 1
    looked_at = f"select t.rowid from {among} and t.rowid % :step < {BLOCK}" if filters else _BLOCKS
    rows = await ask(
        "select t.source, p.status, json_group_array(p.seconds) as seconds from main.tickets t"
        f" cross join status_periods p on p.ticket = t.ticket where t.rowid in ({looked_at})"
        " and p.status is not null and p.seconds is not null group by t.source, p.status",
        {**values, "step": every * BLOCK},
    )
    found: dict[tuple[str, str], list[Any]] = {
        (row["source"], row["status"]): sorted(json.loads(row["seconds"])) for row in rows
    }
    return found, every
