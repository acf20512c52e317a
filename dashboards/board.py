"""The board in figures: what is open, what is late, what arrives, how long things take.

Every query walks an index (see store.history.tables); together they take a fraction of a second
on a hundred thousand tickets. `now` is given, so that all figures speak of one instant.
"""

import asyncio
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from dashboards.history import Ask, Row
from store.times import moment, utc_text

SOON = timedelta(hours=8)
HOURS = 72
LISTED = 12
LAG_EVENTS = 1_000

RESOLUTION_BUCKETS: tuple[tuple[str, float | None], ...] = (
    ("< 1 h", 3_600),
    ("1–4 h", 14_400),
    ("4–8 h", 28_800),
    ("8–24 h", 86_400),
    ("1–2 d", 172_800),
    ("2–5 d", 432_000),
    ("> 5 d", None),
)


@dataclass(frozen=True, slots=True)
class TimeInStatus:
    """How long tickets stay in a status, of the periods that have ended. Seconds."""

    status: str
    periods: int
    median: float
    ninetieth: float
    ninety_ninth: float


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: tickets created and tickets resolved in it."""

    hour: str
    arrivals: int
    resolutions: int


@dataclass(frozen=True, slots=True)
class Board:
    """All figures of one instant."""

    now: str
    soon: str
    tickets: int
    open: int
    past_due: int
    due_soon: int
    in_jeopardy: int
    awaiting_information: int
    lag_median: float | None
    lag_worst: float | None
    by_status: dict[str, int]
    by_severity: dict[str, int]
    hours: list[Hour]
    time_in_status: list[TimeInStatus]
    resolution: list[tuple[str, int]]
    late: list[Row]
    jeopardy: list[Row]
    latest: list[Row]

    def plain(self) -> dict[str, Any]:
        """As JSON wants it."""
        return asdict(self)


async def read(ask: Ask, now: str) -> Board:
    """Ask history.db for everything the board shows."""
    soon = utc_text(moment(now) + SOON)
    open_counts, flags, lag, hours, time_in_status, resolution, lists = await asyncio.gather(
        _open(ask),
        _flags(ask, now, soon),
        _lag(ask),
        _hours(ask, now),
        _time_in_status(ask),
        _resolution(ask),
        _lists(ask, now),
    )
    by_status, by_severity = open_counts
    return Board(
        now=now,
        soon=soon,
        open=sum(by_status.values()),
        by_status=by_status,
        by_severity=by_severity,
        lag_median=lag[len(lag) // 2] if lag else None,
        lag_worst=lag[-1] if lag else None,
        hours=hours,
        time_in_status=time_in_status,
        resolution=resolution,
        **flags,
        **lists,
    )


async def _open(ask: Ask) -> tuple[dict[str, int], dict[str, int]]:
    by_status: dict[str, int] = {}
    by_severity: dict[str, int] = {}
    for row in await ask(
        "select status, severity, count(*) as n from tickets where is_open = 1 group by status, severity"
    ):
        for counts, name in ((by_status, row["status"]), (by_severity, row["severity"])):
            counts[name or ""] = counts.get(name or "", 0) + row["n"]
    return by_status, by_severity


async def _flags(ask: Ask, now: str, soon: str) -> dict[str, int]:
    # One small query each: together they would keep SQLite from using an index of its own for each.
    queries: dict[str, tuple[str, list[str]]] = {
        "tickets": ("select count(*) from tickets", []),
        "past_due": ("select count(*) from tickets where is_open = 1 and due_at < ?", [now]),
        "due_soon": (
            "select count(*) from tickets where is_open = 1 and due_at >= ? and due_at < ?",
            [now, soon],
        ),
        "in_jeopardy": (
            "select count(*) from tickets where is_open = 1 and in_jeopardy = 1",
            [],
        ),
        "awaiting_information": (
            "select count(*) from tickets where is_open = 1 and awaiting_information = 1",
            [],
        ),
    }
    counted = await asyncio.gather(*(ask(sql, values) for sql, values in queries.values()))
    return {name: rows[0]["count(*)"] for name, rows in zip(queries, counted, strict=True)}


async def _lag(ask: Ask) -> list[float]:
    """Received minus sent, of the latest events that say when they were sent, ascending."""
    rows = await ask(
        "select lateness_seconds from events order by position desc limit ?", [LAG_EVENTS]
    )
    return sorted(row["lateness_seconds"] for row in rows if row["lateness_seconds"] is not None)


async def _hours(ask: Ask, now: str) -> list[Hour]:
    last = moment(now).replace(minute=0, second=0, microsecond=0)
    hours = [utc_text(last - timedelta(hours=back)) for back in reversed(range(HOURS))]
    counts: list[dict[str, int]] = []
    for column in ("created_at", "resolved_at"):
        rows = await ask(
            f"select substr({column}, 1, 13) as hour, count(*) as n from tickets"
            f" where {column} >= ? and {column} <= ? group by hour",
            [hours[0], now],
        )
        counts.append({row["hour"]: row["n"] for row in rows})
    return [Hour(hour, *(count.get(hour[:13], 0) for count in counts)) for hour in hours]


async def _time_in_status(ask: Ask) -> list[TimeInStatus]:
    # A walk from status to status along the index, instead of over every period.
    statuses = await ask(
        "with recursive walk(status) as (select min(status) from status_periods union all"
        " select (select min(status) from status_periods where status > walk.status) from walk"
        " where walk.status is not null) select status from walk where status is not null"
    )
    found = await asyncio.gather(*(_percentiles(ask, row["status"]) for row in statuses))
    return [times for times in found if times]


async def _percentiles(ask: Ask, status: str) -> TimeInStatus | None:
    """The median and the long tail, by walking the index (status, seconds) from its nearer end."""
    where = "from status_periods where status = ? and seconds is not null"
    periods = (await ask(f"select count(*) as n {where}", [status]))[0]["n"]
    if not periods:
        return None
    walk = f"select seconds {where} order by seconds desc limit 1 offset ?"
    values = [
        (await ask(walk, [status, periods * above // 100]))[0]["seconds"] for above in (50, 10, 1)
    ]
    return TimeInStatus(status, periods, *values)


async def _resolution(ask: Ask) -> list[tuple[str, int]]:
    lower = 0.0
    counts: list[tuple[str, int]] = []
    for name, upper in RESOLUTION_BUCKETS:
        below = "and seconds_to_resolution < ?" if upper else ""
        rows = await ask(
            f"select count(*) as n from tickets where seconds_to_resolution >= ? {below}",
            [lower, upper] if upper else [lower],
        )
        counts.append((name, rows[0]["n"]))
        lower = upper or lower
    return counts


async def _lists(ask: Ask, now: str) -> dict[str, list[Row]]:
    columns = "ticket, id, name, status, severity, due_at, status_since"
    return {
        "late": await ask(
            f"select {columns} from tickets where is_open = 1 and due_at < ? order by due_at limit ?",
            [now, LISTED],
        ),
        "jeopardy": await ask(
            f"select {columns} from tickets where is_open = 1 and in_jeopardy = 1"
            " order by due_at limit ?",
            [LISTED],
        ),
        "latest": await ask(
            "select e.position, e.event_type, e.received_at, e.occurred_at, e.ticket,"
            " e.specification, e.resource_type, e.resource_id, t.name as name, t.status as status"
            " from events e left join tickets t on t.ticket = e.ticket"
            " order by e.position desc limit ?",
            [LISTED],
        ),
    }
