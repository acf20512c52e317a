"""/-/history/tickets: the list behind a figure of the board, sorted, page by page, for programs too."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from datasette import Response

from dashboards import lists, usual, words
from dashboards.filters import Filters
from dashboards.lists import SORTS, VIEWS, Wanted
from dashboards.pages.downloads import as_csv
from dashboards.pages.narrowing import form, narrowed
from dashboards.site import Site, open_site

PAGE = 50
MOST = 10_000
"""Tickets in one JSON or CSV answer."""
COLUMNS = {
    "id": "Ticket",
    "name": "Name",
    "status": "Status",
    "severity": "Severity",
    "ticket_type": "Type",
    "source": "Source",
    "created_at": "Created",
    "due_at": "Due",
    "status_since": "In status since",
    "last_event_at": "Last event",
}
ROOMY = frozenset(COLUMNS) - {"id", "name", "status"}
"""Columns that a narrow screen leaves out, unless the list is sorted by one."""
EXTRA = {
    "resolved": ("seconds_to_resolution", "To resolution"),
    "resolved_lately": ("resolved_at", "Resolved"),
    "bouncing": ("bounce_count", "Bounces"),
    "bounced": ("bounce_count", "Bounces"),
    "reopened": ("reopen_count", "Reopened"),
    "reopened_ever": ("reopen_count", "Reopened"),
}
"""A further column of some views."""
_EQUALS = ("status", "severity")
_NO_VALUE = "-"
"""As a status or severity: tickets that have none."""


async def tickets(request: Any, datasette: Any) -> Response:
    """A list: `?view=`, the board's filters, `status`, `severity`, `sort`, `page`."""
    site = await open_site(datasette, request, "status_periods", "sources", "specifications")
    filters = await narrowed(site)
    if isinstance(filters, Response):
        return filters
    asked = _asked(site, filters)
    if isinstance(asked, str):
        return await site.sorry(
            400, "Not understood", asked, [("All tickets", site.links.tickets("all"))]
        )
    wanted, sort, page = asked
    limits = await lists.limits(site.ask, filters) if wanted.view == "stuck" else []
    wanted = replace(wanted, usual=usual.as_json(limits, filters.now))
    count = await lists.count(site.ask, wanted)
    if site.format() in ("json", "csv"):
        rows = await lists.read(site.ask, wanted, sort, MOST, (page - 1) * MOST)
        if site.format() == "csv":
            return as_csv(lists.LISTED, rows, f"tickets-{wanted.view}")
        told = {"view": wanted.view, "now": filters.now, "count": count, "page": page}
        return Response.json({**told, "tickets": rows})
    rows = await lists.read(site.ask, wanted, sort, PAGE, (page - 1) * PAGE)
    context = await _context(site, wanted, sort, page, count)
    return await site.page(
        "tickets.html", {**context, "rows": rows, "limits": limits_in_words(limits)}
    )


def _asked(site: Site, filters: Filters) -> tuple[Wanted, str, int] | str:
    """What the parameters ask for, or the sentence that says what is wrong with them."""
    view = site.argument("view") or "open"
    if view not in VIEWS:
        return f"view is one of {', '.join(VIEWS)}, not {view!r}."
    sort = site.argument("sort") or VIEWS[view].sort
    if sort.removeprefix("-") not in SORTS:
        return f"sort is one of {', '.join(SORTS)}, with - before it for descending, not {sort!r}."
    page = site.argument("page") or "1"
    if not (page.isascii() and page.isdigit() and 0 < len(page) <= len("1000000") and int(page)):
        return f"page is a number from 1 on, not {page!r}."
    seconds: list[float | None] = []
    for name in ("from_seconds", "below_seconds"):
        text = site.argument(name)
        if text is not None and not (text.isascii() and text.isdigit() and len(text) <= PAGE):
            return f"{name} is a number of seconds, not {text!r}."
        seconds.append(None if text is None else float(text))
    equals = {
        name: "" if value == _NO_VALUE else value
        for name in _EQUALS
        if (value := site.argument(name)) is not None
    }
    return Wanted(view, filters, equals, (seconds[0], seconds[1])), sort, int(page)


async def _context(site: Site, wanted: Wanted, sort: str, page: int, count: int) -> dict[str, Any]:
    query = _query(wanted)
    columns = [*COLUMNS.items(), *([EXTRA[wanted.view]] if wanted.view in EXTRA else [])]

    def address(**changed: object) -> str:
        return site.links.tickets(wanted.view, **{**query, "sort": sort, **changed})

    return {
        "view": VIEWS[wanted.view],
        "wanted": wanted,
        "count": count,
        "columns": [(name, label, *_sorting(name, sort, address)) for name, label in columns],
        "roomy": ROOMY - {sort.removeprefix("-")},
        "extra": EXTRA.get(wanted.view, ("", ""))[0],
        "narrow": await form(site, wanted.filters),
        "hidden": {name: value for name, value in query.items() if name not in wanted.filters.told}
        | {"view": wanted.view, "sort": sort},
        "equals": {name: value or f"no {name}" for name, value in wanted.equals.items()},
        "now": wanted.filters.now,
        "page": page,
        "pages": max(-(-count // PAGE), 1),
        "address": address,
        "views": [
            (view.title, site.links.tickets(name, **wanted.filters.told), name == wanted.view)
            for name, view in VIEWS.items()
        ],
        "board": site.links.board(**wanted.filters.told),
        "csv": site.links.tickets(wanted.view, ".csv", **{**query, "sort": sort}),
        "json": site.links.tickets(wanted.view, ".json", **{**query, "sort": sort}),
        "most": MOST,
    }


def limits_in_words(found: list[usual.Limit]) -> list[tuple[str, str, str, str]]:
    """Source, status, from when on, and by how many periods; sources that share a limit once."""
    together: dict[tuple[str, float, int, bool], list[str]] = {}
    for one in found:
        key = (one.status, one.seconds, one.periods, one.of_all_sources)
        together.setdefault(key, []).append(one.source)
    return [
        (
            "every other source" if of_all and len(sources) > 1 else ", ".join(sources),
            status,
            words.span(seconds),
            f"{words.some(periods, 'period')}{' of all sources' if of_all else ''}",
        )
        for (status, seconds, periods, of_all), sources in together.items()
    ]


def _query(wanted: Wanted) -> dict[str, object]:
    """The parameters of this list, without its view, order and page."""
    seconds = zip(("from_seconds", "below_seconds"), wanted.seconds, strict=True)
    return {
        **wanted.filters.told,
        **{name: value or _NO_VALUE for name, value in wanted.equals.items()},
        **{name: int(value) for name, value in seconds if value is not None},
    }


def _sorting(name: str, sort: str, address: Callable[..., str]) -> tuple[str, str]:
    """Where a column's heading leads, and how the list is sorted by it now (as ARIA says it)."""
    if sort == name:
        return address(sort=f"-{name}"), "ascending"
    return address(sort=name), "descending" if sort == f"-{name}" else ""
