"""The lists behind the board's figures: which tickets each holds, counted and read alike.

One condition for the figure and the list, so that they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dashboards import usual
from dashboards.filters import NARROWED, Filters
from dashboards.history import Ask, Row
from store.times import moment, utc_text

SOON = timedelta(hours=8)
HOURS = 72
"""Of arrivals and resolutions."""
BOUNCES = 2
"""Returns to a status it had left that make a ticket a bouncing one."""


@dataclass(frozen=True, slots=True)
class View:
    """A list: its title, what its tickets have in common (on `tickets t`), its order."""

    title: str
    where: str
    sort: str
    rule: str = ""
    """In words, where the title does not say it all."""
    index: str = ""
    """The index to walk: filters would lead the planner to others, which read far more rows."""


_NARROWING = "source_ticket_type_specification_created_at"
_OPEN = (
    f"idx_tickets_is_open_due_at_{_NARROWING}_status_severity_status_since_last_event_at"
    "_in_jeopardy_awaiting_information_bounce_count_reopen_count"
)
_RESOLVED = f"idx_tickets_seconds_to_resolution_{_NARROWING}"

VIEWS: dict[str, View] = {
    "open": View("Open tickets", "t.is_open = 1", "due_at", index=_OPEN),
    "past_due": View("Past due", "t.is_open = 1 and t.due_at < :now", "due_at", index=_OPEN),
    "due_soon": View(
        "Due within 8 h",
        "t.is_open = 1 and t.due_at >= :now and t.due_at < :soon",
        "due_at",
        index=_OPEN,
    ),
    "in_jeopardy": View(
        "In jeopardy", "t.is_open = 1 and t.in_jeopardy = 1", "due_at", index=_OPEN
    ),
    "awaiting_information": View(
        "Awaiting information from us",
        "t.is_open = 1 and t.awaiting_information = 1",
        "status_since",
        index=_OPEN,
    ),
    "stuck": View(
        "Stuck",
        "t.is_open = 1 and exists (select 1 from usual u where u.source = t.source"
        " and u.status = t.status and t.last_event_at < u.before)",
        "last_event_at",
        f"No event for longer than {usual.STUCK_PERCENT} % of the past periods in the same status"
        f" lasted: of the same source where it has {usual.ENOUGH} of them, else of all sources.",
        index=_OPEN,
    ),
    "bouncing": View(
        "Bouncing",
        f"t.is_open = 1 and t.bounce_count >= {BOUNCES}",
        "-bounce_count",
        f"Open, and back in a status it had left at least {BOUNCES} times.",
        index=_OPEN,
    ),
    "reopened": View(
        "Reopened",
        "t.is_open = 1 and t.reopen_count > 0",
        "-reopen_count",
        "Open, and reopened after it had been resolved or closed.",
        index=_OPEN,
    ),
    "arrived": View(
        f"Created in the last {HOURS} hours",
        "t.created_at >= :first and t.created_at <= :last",
        "-created_at",
        index="idx_tickets_created_at_source_ticket_type_specification",
    ),
    "resolved_lately": View(
        f"Resolved in the last {HOURS} hours",
        "t.resolved_at >= :first and t.resolved_at <= :last",
        "-resolved_at",
        index=f"idx_tickets_resolved_at_{_NARROWING}",
    ),
    "resolved": View(
        "Resolved", "t.seconds_to_resolution >= 0", "-seconds_to_resolution", index=_RESOLVED
    ),
    "bounced": View(
        "Ever bounced",
        f"t.bounce_count >= {BOUNCES}",
        "-bounce_count",
        "Ended ones too.",
        index=NARROWED,
    ),
    "reopened_ever": View(
        "Ever reopened", "t.reopen_count > 0", "-reopen_count", "Ended ones too.", index=NARROWED
    ),
    "all": View("All tickets", "1", "-last_event_at"),
}

SORTS = (
    *("id", "name", "status", "severity", "source", "ticket_type", "created_at", "due_at"),
    *("status_since", "last_event_at", "seconds_to_resolution", "bounce_count", "reopen_count"),
    *("resolved_at", "events"),
)
USUAL = (
    "with usual (source, status, before) as materialized (select json_extract(value, '$[0]'),"
    " json_extract(value, '$[1]'), json_extract(value, '$[2]') from json_each(:usual)) "
)
"""Begins every query whose conditions speak of what is usual."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One list: the view, what narrows it, and the instant it speaks of."""

    view: str
    filters: Filters
    equals: Mapping[str, str] = field(default_factory=dict)
    """Further columns (status, severity) and their values; empty for those without one."""
    seconds: tuple[float | None, float | None] = (None, None)
    """Time to resolution: from, and below."""
    usual: str = "[]"
    """Limits of what is stuck, as `usual.as_json` gives them."""

    def sql(self, select: str, tail: str = "") -> tuple[str, dict[str, Any]]:
        """A query on `tickets t` and its values.

        On the table itself, `main.tickets`: for analysts `tickets` is a view, which has no index.
        """
        narrowed, values = self.filters.where()
        where = [VIEWS[self.view].where, narrowed]
        for column, value in self.equals.items():
            if value:
                where.append(f"t.{column} = :{column}_is")
                values[f"{column}_is"] = value
            else:
                where.append(f"coalesce(t.{column}, '') = ''")
        for name, sign, limit in (("from", ">=", self.seconds[0]), ("below", "<", self.seconds[1])):
            if limit is not None:
                where.append(f"t.seconds_to_resolution {sign} :seconds_{name}")
                values[f"seconds_{name}"] = limit
        conditions = " and ".join(one for one in where if one != "1") or "1"
        values |= times(self.filters) | {"usual": self.usual}
        prepared = USUAL if self.view == "stuck" else ""
        index = f"indexed by {VIEWS[self.view].index}" if VIEWS[self.view].index else ""
        return (
            f"{prepared}select {select} from main.tickets t {index} where {conditions} {tail}",
            values,
        )


def times(filters: Filters) -> dict[str, str]:
    """The instants that views speak of: now, soon, and the hours that are shown."""
    now = filters.now
    last = min(now, filters.until or now)
    first = moment(last).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    return {
        "now": now,
        "soon": utc_text(moment(now) + SOON),
        "first": utc_text(first),
        "last": last,
    }


async def limits(ask: Ask, filters: Filters) -> list[usual.Limit]:
    """What is usual over all tickets, whatever the board is narrowed to."""
    lengths, _ = await usual.lengths(ask, Filters(filters.now))
    return usual.limits(
        lengths, [row["source"] for row in await ask("select source from sources", {})]
    )


async def count(ask: Ask, wanted: Wanted) -> int:
    """How many tickets the list holds."""
    return (await ask(*wanted.sql("count(*) as n")))[0]["n"]


async def read(ask: Ask, wanted: Wanted, sort: str, most: int, after: int = 0) -> list[Row]:
    """A page of the list, in the order `sort`: a column of SORTS, `-` before it for descending.

    What has no value there comes last either way.
    """
    column, direction = sort.removeprefix("-"), " desc" if sort.startswith("-") else ""
    nulls = "" if direction else " nulls last"
    order = f"order by t.{column}{direction}{nulls}, t.rowid{direction}"
    # First which rows, by index alone where there is one; only those are read whole.
    inner, values = wanted.sql("t.rowid", f"{order} limit :most offset :after")
    columns = ", ".join(f"t.{name}" for name in LISTED)
    sql = f"select {columns} from main.tickets t where t.rowid in ({inner}) {order}"
    return await ask(sql, {**values, "most": most, "after": after})


LISTED = (
    *("ticket", "source", "id", "name", "status", "severity", "ticket_type", "specification"),
    *("created_at", "due_at", "status_since", "last_event_at", "resolved_at", "is_open"),
    *("in_jeopardy", "awaiting_information", "reopen_count", "bounce_count", "events"),
    "seconds_to_resolution",
)
