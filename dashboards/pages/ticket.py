"""/-/history/ticket/ID: one ticket's history, as a page and as JSON, CSV, NDJSON."""

from typing import Any

from datasette import Response
from datasette.utils import tilde_decode

from dashboards import raw, words
from dashboards.charts import bars
from dashboards.charts.lanes import lanes
from dashboards.history import History, Row, read, read_changes, tickets_with_id
from dashboards.pages import downloads
from dashboards.pages.entries import Told, entries_of
from dashboards.pages.facts import badges, facts
from dashboards.site import Site, open_site
from store.times import seconds_between

PAGE = 200
"""Entries a page: a ticket of ten thousand is read in pages."""

_EMBEDDED_BYTES = 262_144
"""Notifications are folded into the page up to this many bytes; beyond it they are links."""

FORMS = frozenset({"json", "csv", "ndjson"})


async def find(request: Any, datasette: Any) -> Response:
    """The search field: from `?id=` to the ticket's page."""
    site = await open_site(datasette, request)
    number = (site.argument("id") or "").strip()
    if not number:
        return Response.redirect(site.links.board())
    return Response.redirect(site.links.ticket_by_id(number))


async def ticket(request: Any, datasette: Any) -> Response:
    """The page of one ticket. `ID` is the provider's, tilde-encoded; `?source=` decides when two
    sources have one of this id.
    """
    site = await open_site(datasette, request)
    number = tilde_decode(request.url_vars["id"])
    ending = request.url_vars.get("format")
    if ending and ending not in FORMS:  # an id with a dot, typed by hand
        number = f"{number}.{ending}"
    source = site.argument("source")
    found = await tickets_with_id(site.ask, number, source)
    if not found:
        return await site.missing(
            f"No event told us of a ticket {number}" + (f" of {source}." if source else "."),
            site.links.rows("tickets", id__contains=number),
        )
    if len(found) > 1:
        return await _choice(site, number, found)
    history = await read(site.ask, found[0])
    if site.format() in FORMS:
        return await downloads.answer(site, history)
    return await _page(site, history)


async def _choice(site: Site, number: str, found: list[Row]) -> Response:
    if site.format() in FORMS:
        return Response.json({"ok": False, "error": f"Several sources have a ticket {number}.",
                              "sources": [row["source"] for row in found], "status": 300}, status=300)  # fmt: skip
    context = {"what": "ticket", "id": number, "found": found, "address": site.links.ticket}
    return await site.page("choice.html", context)


async def _page(site: Site, history: History) -> Response:
    now = words.now_text()
    key = history.ticket["ticket"]
    pages = max(1, -(-len(history.timeline) // PAGE))
    page = _page_number(site, pages)
    first = (page - 1) * PAGE
    shown = history.timeline[first : first + PAGE]
    told = entries_of(shown, await read_changes(site.ask, shown), first)

    def link_to(number: int) -> str:
        there = number // PAGE + 1
        query = {"page": there if there > 1 else None}
        return f"{'' if there == page else site.links.ticket(key, **query)}#entry-{number}"

    bodies, unreachable = await _bodies(site, told)
    shares = bars.shares(_seconds_by_status(history, now))
    return await site.page(
        "ticket.html",
        {
            "history": history,
            "ticket": history.ticket,
            "now": now,
            "badges": badges(history, now),
            "facts": facts(history, site.links),
            "lanes": lanes(history, now, link_to),
            "shares": shares,
            "share_bar": bars.share_bar(shares),
            "entries": told,
            "states": _states(history),
            "page": page,
            "pages": pages,
            "first": first,
            "bodies": bodies,
            "unreachable": unreachable,
        },
    )


def _page_number(site: Site, pages: int) -> int:
    text = site.argument("page") or "1"
    return min(max(int(text), 1), pages) if text.isascii() and text.isdigit() else 1


def _seconds_by_status(history: History, now: str) -> dict[str, float]:
    """Time in each status; the present one runs until now while the ticket is open."""
    seconds: dict[str, float] = {}
    for period in history.status_periods:
        lasted = period["seconds"]
        if lasted is None:
            lasted = seconds_between(period["started_at"], now) if history.ticket["is_open"] else 0
        status = period["status"] or "unknown"
        seconds[status] = seconds.get(status, 0) + max(lasted, 0)
    return seconds


def _states(history: History) -> dict[str, list[Row]]:
    """The states each task went through."""
    states: dict[str, list[Row]] = {}
    for state in history.task_states:
        states.setdefault(state["task"], []).append(state)
    return states


async def _bodies(site: Site, told: list[Told]) -> tuple[dict[int, str], str]:
    """Bodies to fold into the page, by position, and why there are none if the log is away."""
    positions = [position for entry in told for position in entry.positions]
    try:
        found = await raw.events(site.directory, positions)
    except raw.LogUnreachable as error:
        return {}, str(error)
    bodies: dict[int, str] = {}
    room = _EMBEDDED_BYTES
    for position in positions:
        event = found.get(position)
        if event and len(event.body) <= room:
            room -= len(event.body)
            bodies[position] = raw.pretty(event.body)
    return bodies, ""
