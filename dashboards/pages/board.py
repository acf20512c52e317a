"""/-/history: the board."""

from typing import Any

from datasette import Response

from dashboards import board as figures
from dashboards import words
from dashboards.charts import bars
from dashboards.charts.marks import in_order, status_class
from dashboards.filters import Filters
from dashboards.lists import VIEWS
from dashboards.pages.narrowing import form, narrowed
from dashboards.pages.tickets import limits_in_words
from dashboards.site import open_site

_CARDS: tuple[tuple[str, str, str, str], ...] = (
    # View, name, tone, and what the small print counts besides.
    ("open", "Open", "", "tickets"),
    ("past_due", "Past due", "bad", ""),
    ("due_soon", "Due within 8 h", "warn", ""),
    ("in_jeopardy", "In jeopardy", "warn", ""),
    ("awaiting_information", "Awaiting information", "warn", ""),
    ("stuck", "Stuck", "warn", ""),
    ("bouncing", "Bouncing", "", "bounced"),
    ("reopened", "Reopened", "", "reopened_ever"),
)


async def board(request: Any, datasette: Any) -> Response:
    """The state of all tickets now; `?_format=json` gives the figures alone."""
    site = await open_site(datasette, request, "status_periods", "sources", "specifications")
    filters = await narrowed(site)
    if isinstance(filters, Response):
        return filters
    read = await figures.read(site.ask, filters)
    if site.format() == "json":
        return Response.json(read.plain())
    return await site.page(
        "board.html",
        {
            "board": read,
            "narrow": await form(site, filters),
            "list": _list_links(filters, site.links),
            "cards": _cards(read, filters, site.links),
            "by_status": _by_status(read, filters, site.links),
            "by_severity": _by_severity(read, filters, site.links),
            "resolution": _resolution(read, filters, site.links),
            "limits": limits_in_words(read.limits),
            "stuck_rule": VIEWS["stuck"].rule,
            "hours": bars.hours(
                [(hour.hour, hour.arrivals) for hour in read.hours],
                [hour.resolutions for hour in read.hours],
                ("new", "resolved"),
            ),
            "arrived": sum(hour.arrivals for hour in read.hours),
            "resolved": sum(hour.resolutions for hour in read.hours),
            "statuses": {times.status: _list(filters, site.links, "open", status=times.status,
                                             sort="status_since")
                         for times in read.time_in_status},
        },
    )  # fmt: skip


def _list(filters: Filters, links: Any, view: str, **query: object) -> str:
    return links.tickets(view, **{**filters.told, **query})


def _list_links(filters: Filters, links: Any) -> dict[str, str]:
    return {view: _list(filters, links, view) for view in VIEWS}


def _cards(read: figures.Board, filters: Filters, links: Any) -> list[dict[str, Any]]:
    cards: list[dict[str, Any]] = []
    for view, name, tone, besides in _CARDS:
        value = getattr(read, view)
        cards.append(
            {
                "name": name,
                "value": words.count(value),
                "tone": tone if value else "",
                "link": _list(filters, links, view),
                "note": _besides(read, besides),
            }
        )
    source = filters.told.get("source")
    cards.append(
        {
            "name": "Delivery lag",
            "value": words.span(read.lag_median) or "–",
            "note": f"worst {words.span(read.lag_worst)} of the latest {figures.LAG_EVENTS:,} events"
            if read.lag_worst is not None
            else "no event says when it was sent",
            "link": links.rows(
                "events",
                **({"source": source} if source else {}),
                _sort_desc="lateness_seconds",
            ),
        }
    )
    return cards


def _besides(read: figures.Board, what: str) -> str:
    if what == "tickets":
        return f"of {words.some(read.tickets, 'ticket')}"
    return f"{getattr(read, what):,} with ended ones" if what else ""


def _by_status(read: figures.Board, filters: Filters, links: Any) -> list[dict[str, Any]]:
    longest = max(read.by_status.values(), default=0)
    return [
        {
            "name": status or "no status",
            "count": read.by_status[status],
            "link": _list(filters, links, "open", status=status or "-"),
            "bar": bars.bar(read.by_status[status], longest, status_class(status)),
        }
        for status in in_order(set(read.by_status))
    ]


def _by_severity(read: figures.Board, filters: Filters, links: Any) -> list[dict[str, Any]]:
    longest = max(read.by_severity.values(), default=0)
    return [
        {
            "name": severity or "no severity",
            "count": counted,
            "link": _list(filters, links, "open", severity=severity or "-"),
            "bar": bars.bar(counted, longest, "plain"),
        }
        for severity, counted in sorted(read.by_severity.items(), key=lambda pair: -pair[1])
    ]


def _resolution(read: figures.Board, filters: Filters, links: Any) -> list[dict[str, Any]]:
    longest = max((bucket.tickets for bucket in read.resolution), default=0)
    return [
        {
            "name": bucket.name,
            "count": bucket.tickets,
            "link": _list(
                filters,
                links,
                "resolved",
                from_seconds=int(bucket.at_least),
                **({"below_seconds": int(bucket.below)} if bucket.below else {}),
            ),
            "bar": bars.bar(bucket.tickets, longest, "s-resolved"),
        }
        for bucket in read.resolution
    ]
