"""The board in figures: what is open, what is late, what is stuck, what arrives, how long things take.

Every query walks an index (see store.history.tables); together they take a fraction of a second
on a hundred thousand tickets. One instant and one set of filters for all figures; those that have
a list behind them (dashboards.lists) count what that list holds.
"""

import asyncio
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from dashboards import lists, usual
from dashboards.filters import NARROWED, Filters
from dashboards.history import Ask, Row
from dashboards.lists import BOUNCES, HOURS, Wanted
from dashboards.usual import Limit, TimeInStatus
from store.times import moment, utc_text

LISTED = 12
LAG_EVENTS = 1_000
LATEST = 2_000
"""Events among which the latest of a narrowed board are looked for."""

RESOLUTION_BUCKETS: tuple[tuple[str, float | None], ...] = (
    ("< 1 h", 3_600),
    ("1–4 h", 14_400),
    ("4–8 h", 28_800),
    ("8–24 h", 86_400),
    ("1–2 d", 172_800),
    ("2–5 d", 432_000),
    ("> 5 d", None),
)
RESOLUTION_PERCENTS = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: tickets created and tickets resolved in it."""

    hour: str
    arrivals: int
    resolutions: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Resolved tickets whose time to resolution is from, and below, so many seconds."""

    name: str
    at_least: float
    below: float | None
    tickets: int


@dataclass(frozen=True, slots=True)
class Board:
    """All figures of one instant."""

    now: str
    filters: dict[str, str]
    tickets: int
    open: int
    past_due: int
    due_soon: int
    in_jeopardy: int
    awaiting_information: int
    stuck: int
    bouncing: int
    reopened: int
    bounced: int
    reopened_ever: int
    lag_median: float | None
    lag_worst: float | None
    by_status: dict[str, int]
    by_severity: dict[str, int]
    hours: list[Hour]
    time_in_status: list[TimeInStatus]
    every: int
    """Time in status is of every so manieth ticket."""
    limits: list[Limit]
    resolution: list[Bucket]
    resolved: int
    resolution_percentiles: dict[int, float]
    late: list[Row]
    jeopardy: list[Row]
    stuck_longest: list[Row]
    latest: list[Row]

    def plain(self) -> dict[str, Any]:
        """As JSON wants it."""
        return asdict(self)


async def read(ask: Ask, filters: Filters) -> Board:
    """Ask history.db for everything the board shows."""
    all_lengths, all_every = await usual.lengths(ask, Filters(filters.now))
    lengths, every = await usual.lengths(ask, filters) if filters else (all_lengths, all_every)
    sources = await ask("select source from sources", {})
    limits = usual.limits(all_lengths, [row["source"] for row in sources])
    usual_json = usual.as_json(limits, filters.now)
    open_figures, ever, lag, hours, resolution, latest, found = await asyncio.gather(
        _open(ask, filters, usual_json),
        _ever(ask, filters),
        _lag(ask, filters),
        _hours(ask, filters),
        _resolution(ask, filters),
        _latest(ask, filters),
        _found(ask, filters, usual_json),
    )
    return Board(
        now=filters.now,
        filters=dict(filters.told),
        lag_median=lag[len(lag) // 2] if lag else None,
        lag_worst=lag[-1] if lag else None,
        hours=hours,
        time_in_status=usual.times_in_status(lengths),
        every=every,
        limits=limits,
        latest=latest,
        **open_figures,
        **ever,
        **resolution,
        **found,
    )


_COUNTED = ("past_due", "due_soon", "in_jeopardy", "awaiting_information", "stuck", "bouncing", "reopened")  # fmt: skip


async def _open(ask: Ask, filters: Filters, usual_json: str) -> dict[str, Any]:
    """One walk over what is open: its statuses, severities, and each list's length."""
    sums = ", ".join(f"total({lists.VIEWS[name].where}) as {name}" for name in _COUNTED)
    narrowed, values = filters.where()
    rows = await ask(
        f"{lists.USUAL}select t.status, t.severity, count(*) as n, {sums} from main.tickets t"
        f" indexed by {lists.VIEWS['open'].index} where t.is_open = 1 and {narrowed} group by t.status, t.severity",
        {**values, **lists.times(filters), "usual": usual_json},
    )
    by_status: dict[str, int] = {}
    by_severity: dict[str, int] = {}
    for row in rows:
        for counts, name in ((by_status, row["status"]), (by_severity, row["severity"])):
            counts[name or ""] = counts.get(name or "", 0) + row["n"]
    return {
        "open": sum(by_status.values()),
        "by_status": by_status,
        "by_severity": by_severity,
        **{name: int(sum(row[name] for row in rows)) for name in _COUNTED},
    }


async def _ever(ask: Ask, filters: Filters) -> dict[str, int]:
    where, values = filters.where()
    rows = await ask(
        f"select count(*) as tickets, coalesce(sum(t.bounce_count >= {BOUNCES}), 0) as bounced,"
        f" coalesce(sum(t.reopen_count > 0), 0) as reopened_ever from main.tickets t"
        f" indexed by {NARROWED} where {where}",
        values,
    )
    return rows[0]


async def _lag(ask: Ask, filters: Filters) -> list[float]:
    """Received minus sent, of the latest events that say when they were sent, ascending."""
    source = filters.told.get("source")
    rows = await ask(
        "select lateness_seconds from events order by position desc limit ?"
        if source is None
        else "select lateness_seconds from events where source = ? order by received_at desc limit ?",
        [LAG_EVENTS] if source is None else [source, LAG_EVENTS],
    )
    return sorted(row["lateness_seconds"] for row in rows if row["lateness_seconds"] is not None)


async def _hours(ask: Ask, filters: Filters) -> list[Hour]:
    first = moment(lists.times(filters)["first"])
    hours = [utc_text(first + timedelta(hours=forward)) for forward in range(HOURS)]
    counts: list[dict[str, int]] = []
    for view, column in (("arrived", "created_at"), ("resolved_lately", "resolved_at")):
        select = f"substr(t.{column}, 1, 13) as hour, count(*) as n"
        rows = await ask(*Wanted(view, filters).sql(select, "group by hour"))
        counts.append({row["hour"]: row["n"] for row in rows})
    return [Hour(hour, *(count.get(hour[:13], 0) for count in counts)) for hour in hours]


async def _resolution(ask: Ask, filters: Filters) -> dict[str, Any]:
    """One walk for the buckets, then one to each percentile, along the index."""
    below = [upper for _, upper in RESOLUTION_BUCKETS if upper is not None]
    sums = ", ".join(f"total(t.seconds_to_resolution < {upper})" for upper in below)
    sql, values = Wanted("resolved", filters).sql(f"count(*), {sums}")
    (row,) = await ask(sql, values)
    total, *cumulated = (int(one) for one in row.values())
    buckets: list[Bucket] = []
    lower, until = 0.0, 0
    for (name, upper), counted in zip(RESOLUTION_BUCKETS, [*cumulated, total], strict=True):
        buckets.append(Bucket(name, lower, upper, counted - until))
        lower, until = upper or lower, counted
    sql, values = Wanted("resolved", filters).sql(
        "t.seconds_to_resolution as seconds", "order by 1 limit 1 offset :offset"
    )
    percentiles: dict[int, float] = {}
    for percent in RESOLUTION_PERCENTS if total else ():
        offset = min(total * percent // 100, total - 1)
        percentiles[percent] = (await ask(sql, {**values, "offset": offset}))[0]["seconds"]
    return {"resolution": buckets, "resolved": total, "resolution_percentiles": percentiles}


async def _latest(ask: Ask, filters: Filters) -> list[Row]:
    where, values = filters.where()
    among = f"where e.position > (select max(position) from events) - {LATEST} and {where}"
    return await ask(
        "select e.position, e.event_type, e.received_at, e.occurred_at, e.ticket,"
        " e.specification, e.resource_type, e.resource_id, t.name as name, t.status as status"
        f" from events e {'cross' if filters else 'left'} join tickets t on t.ticket = e.ticket"
        f" {among if filters else ''}"
        " order by e.position desc limit :most",
        {**values, "most": LISTED},
    )


async def _found(ask: Ask, filters: Filters, usual_json: str) -> dict[str, list[Row]]:
    """The first of three lists."""
    shown = {"late": "past_due", "jeopardy": "in_jeopardy", "stuck_longest": "stuck"}
    return {
        name: await lists.read(
            ask, Wanted(view, filters, usual=usual_json), lists.VIEWS[view].sort, LISTED
        )
        for name, view in shown.items()
    }
