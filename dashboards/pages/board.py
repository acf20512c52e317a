"""/-/history: the board."""

from typing import Any

from datasette import Response

from dashboards import board as figures
from dashboards import words
from dashboards.charts import bars
from dashboards.charts.marks import in_order, status_class
from dashboards.site import open_site


async def board(request: Any, datasette: Any) -> Response:
    """The state of all tickets now; `?_format=json` gives the figures alone."""
    site = await open_site(datasette, request)
    read = await figures.read(site.ask, words.now_text())
    if site.format() == "json":
        return Response.json(read.plain())
    return await site.page(
        "board.html",
        {
            "board": read,
            "cards": _cards(read, site.links),
            "by_status": _by_status(read, site.links),
            "by_severity": _by_severity(read, site.links),
            "resolution": _resolution(read),
            "hours": bars.hours(
                [(hour.hour, hour.arrivals) for hour in read.hours],
                [hour.resolutions for hour in read.hours],
                ("new", "resolved"),
            ),
            "arrived": sum(hour.arrivals for hour in read.hours),
            "resolved": sum(hour.resolutions for hour in read.hours),
        },
    )


def _cards(read: figures.Board, links: Any) -> list[dict[str, Any]]:
    def card(name: str, value: int, tone: str, **where: object) -> dict[str, Any]:
        address = links.rows("tickets", is_open=1, **where)
        return {
            "name": name,
            "value": words.count(value),
            "tone": tone if value else "",
            "link": address,
        }

    return [
        {**card("Open", read.open, ""), "note": f"of {words.some(read.tickets, 'ticket')}"},
        card("Past due", read.past_due, "bad", due_at__lt=read.now, _sort="due_at"),
        card(
            "Due within 8 h",
            read.due_soon,
            "warn",
            due_at__gte=read.now,
            due_at__lt=read.soon,
            _sort="due_at",
        ),
        card("In jeopardy", read.in_jeopardy, "warn", in_jeopardy=1, _sort="due_at"),
        card("Awaiting information", read.awaiting_information, "warn", awaiting_information=1),
        {
            "name": "Delivery lag",
            "value": words.span(read.lag_median) or "–",
            "note": f"worst {words.span(read.lag_worst)} of the latest {figures.LAG_EVENTS:,} events"
            if read.lag_worst is not None
            else "no event says when it was sent",
            "link": links.rows("events", _sort_desc="lateness_seconds"),
        },
    ]


def _by_status(read: figures.Board, links: Any) -> list[dict[str, Any]]:
    longest = max(read.by_status.values(), default=0)
    return [
        {
            "name": status or "no status",
            "count": read.by_status[status],
            "link": links.rows("tickets", is_open=1, **_equals("status", status)),
            "bar": bars.bar(read.by_status[status], longest, status_class(status)),
        }
        for status in in_order(set(read.by_status))
    ]


def _by_severity(read: figures.Board, links: Any) -> list[dict[str, Any]]:
    longest = max(read.by_severity.values(), default=0)
    return [
        {
            "name": severity or "no severity",
            "count": counted,
            "link": links.rows("tickets", is_open=1, **_equals("severity", severity)),
            "bar": bars.bar(counted, longest, "plain"),
        }
        for severity, counted in sorted(read.by_severity.items(), key=lambda pair: -pair[1])
    ]


def _equals(column: str, value: str) -> dict[str, object]:
    return {column: value} if value else {f"{column}__isblank": 1}


def _resolution(read: figures.Board) -> list[dict[str, Any]]:
    longest = max((counted for _, counted in read.resolution), default=0)
    return [
        {"name": name, "count": counted, "bar": bars.bar(counted, longest, "s-resolved")}
        for name, counted in read.resolution
    ]
