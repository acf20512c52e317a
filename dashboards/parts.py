"""A long history in parts: how many entries of which kind, the rows of one page, and what a picture
shows of it.

What is read grows with the page and with the width of the picture, not with the ticket's life; what
must look at every row is counted by SQLite.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.charts.marks import TimeScale
from dashboards.charts.picture import WIDTH
from dashboards.history import ORDER, Ask, Row

PAGE = 100
"""Entries a page: a ticket of ten thousand is read in pages."""

NOTES = "note"
"""Not a kind of its own: entries that told of notes."""

_IN_ORDER = (
    *("created", "status", "resolved", "attributes", NOTES, "information", "milestone"),
    *("jeopardy", "task", "deleted"),
)

LATE_SECONDS = 60
"""A notification that took longer than this to arrive is pointed out."""

_BUCKET_PIXELS = 6
"""Marks nearer than this would cover each other."""

MOST_MARKS = WIDTH // _BUCKET_PIXELS
"""Marks of one kind in a picture."""

_TOLD_NOTES = "entry in (select entry from changes where ticket = :ticket and member = 'note')"


@dataclass(frozen=True, slots=True)
class Totals:
    """What is counted over a whole timeline."""

    entries: int
    late: int
    """Entries that took longer than LATE_SECONDS to arrive."""
    kinds: Mapping[str, int]
    """Entries of each kind, and of NOTES."""


async def totals(ask: Ask, ticket: str) -> Totals:
    """Count a ticket's timeline."""
    rows = await ask(
        "select kind, count(*) as n, sum(lateness_seconds >= :late) as late "
        "from timeline where ticket = :ticket group by kind",
        {"ticket": ticket, "late": LATE_SECONDS},
    )
    (notes,) = await ask(
        "select count(distinct entry) as n from changes where ticket = ? and member = 'note'",
        [ticket],
    )
    counted = {row["kind"]: row["n"] for row in rows} | {NOTES: notes["n"]}
    order = [*_IN_ORDER, *sorted(counted.keys() - set(_IN_ORDER))]
    return Totals(
        entries=sum(row["n"] for row in rows),
        late=sum(row["late"] or 0 for row in rows),
        kinds={kind: counted[kind] for kind in order if counted.get(kind)},
    )


async def page_of(ask: Ask, ticket: str, kind: str | None, number: int) -> list[Row]:
    """The rows of one page of a timeline, or of its entries of one kind; the first is 1."""
    return await ask(
        f"select * from timeline where ticket = :ticket{_only(kind)} order by {ORDER} "
        "limit :limit offset :skipped",
        {"ticket": ticket, "kind": kind, "limit": PAGE, "skipped": PAGE * (number - 1)},
    )


async def page_with(ask: Ask, ticket: str, entry: str) -> int:
    """The page of the whole timeline on which an entry stands; 1 when it has none of this key."""
    (before,) = await ask(
        f"select count(*) as n from timeline where ticket = :ticket and ({ORDER}) < "
        f"(select {ORDER} from timeline where entry = :entry and ticket = :ticket)",
        {"ticket": ticket, "entry": entry},
    )
    return before["n"] // PAGE + 1


def _only(kind: str | None) -> str:
    if kind is None:
        return ""
    return f" and {_TOLD_NOTES}" if kind == NOTES else " and kind = :kind"


async def extent(ask: Ask, ticket: str) -> list[str]:
    """The first and the last instant of its entries, periods and notes."""
    columns = {"timeline": ("at",), "status_periods": ("started_at", "ended_at"), "notes": ("at",)}
    ends = [
        f"select min({column}) as at from {table} where ticket = :ticket "
        f"union all select max({column}) from {table} where ticket = :ticket"
        for table, named in columns.items()
        for column in named
    ]
    rows = await ask(" union all ".join(ends), {"ticket": ticket})
    known = [row["at"] for row in rows if row["at"]]
    return [min(known), max(known)] if known else []


async def seconds_by_status(ask: Ask, ticket: str) -> list[Row]:
    """Time spent in each status by periods that ended: status, seconds, service_seconds, periods."""
    return await ask(
        "select coalesce(status, 'unknown') as status, sum(max(seconds, 0)) as seconds, "
        "sum(service_seconds) as service_seconds, count(*) as periods from status_periods "
        "where ticket = ? group by 1",
        [ticket],
    )


async def periods(ask: Ask, ticket: str, most: int) -> list[Row]:
    """The latest periods, in their order."""
    rows = await ask(
        "select * from status_periods where ticket = ? order by n desc limit ?", [ticket, most]
    )
    return rows[::-1]


async def notes(ask: Ask, ticket: str, most: int) -> list[Row]:
    """The latest notes, in their order."""
    rows = await ask(
        "select * from notes where ticket = ? order by at desc, note desc limit ?", [ticket, most]
    )
    return rows[::-1]


async def drawn_events(ask: Ask, ticket: str, scale: TimeScale) -> list[Row]:
    """Of the entries that would share a mark the first one, and how many they are (`marks`)."""
    return await ask(
        "select entry, kind, title, provenance, min(at) as at, count(*) as marks from timeline "
        f"where ticket = :ticket and at is not null group by kind, provenance, {_bucket('at')} "
        "order by at",
        {"ticket": ticket, **_places(scale)},
    )


async def drawn_notes(ask: Ask, ticket: str, scale: TimeScale) -> list[Row]:
    """Of the notes that would share a mark the first one, and how many they are (`marks`)."""
    return await ask(
        "select author, text, min(at) as at, count(*) as marks from notes "
        f"where ticket = :ticket and at is not null group by {_bucket('at')} order by at",
        {"ticket": ticket, **_places(scale)},
    )


async def drawn_periods(ask: Ask, ticket: str, scale: TimeScale) -> list[Row]:
    """The periods, those too short to be seen once in each place; `before` is the status before."""
    bucket = _bucket("started_at")
    return await ask(
        "select drawn.*, (select coalesce(status, 'unknown') from status_periods "
        "where ticket = :ticket and n < drawn.n order by n desc limit 1) as before from ("
        "select min(n) as n, status, started_at, ended_at, seconds, reason, provenance "
        "from status_periods where ticket = :ticket group by status, provenance, "
        f"case when seconds < :bucket_seconds then -{bucket} else n end) as drawn order by n",
        {"ticket": ticket, **_places(scale)},
    )


def _bucket(column: str) -> str:
    """Which few pixels an instant falls on."""
    return f"(1 + cast((julianday({column}) - julianday(:start)) * :buckets as int))"


def _places(scale: TimeScale) -> Mapping[str, str | float]:
    seconds = (scale.end - scale.start).total_seconds()
    buckets = (scale.right - scale.left) / _BUCKET_PIXELS
    return {
        "start": scale.start.isoformat(timespec="milliseconds").removesuffix("+00:00"),
        "buckets": buckets * 86_400 / seconds,
        "bucket_seconds": seconds / buckets,
    }
