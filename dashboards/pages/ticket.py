"""/-/history/ticket/ID: one ticket's history, as a page and as JSON, CSV, NDJSON; now, or as of a
time, or as known at one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from datasette import Response
from datasette.utils import tilde_decode

import store
from dashboards import axes, raw, words
from dashboards.axes import Axes
from dashboards.charts import bars
from dashboards.charts.lanes import lanes
from dashboards.history import Changes, History, Row, masked, read, read_changes, tickets_with_id
from dashboards.pages import downloads, oddities
from dashboards.pages.entries import Told, entries_of
from dashboards.pages.facts import badges, facts
from dashboards.site import NOT_SEEN, Site, open_site
from store.times import seconds_between

PAGE = 200
"""Entries a page: a ticket of ten thousand is read in pages."""

_EMBEDDED_BYTES = 262_144
"""Notifications are folded into the page up to this many bytes; beyond it they are links."""

FORMS = frozenset({"json", "csv", "ndjson"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A history, and what was asked for to get it."""

    site: Site
    axes: Axes
    history: History
    changes: Changes | None
    """Of all its entries; None: to be read from history.db."""

    @property
    def key(self) -> str:
        return self.history.ticket["ticket"]

    def address(self, form: str = "", **query: object) -> str:
        """Of this history in another form, on another page, or at another time."""
        return self.site.links.ticket(self.key, form, **{**self.axes.query, **query})

    async def changes_of(self, entries: Sequence[Row]) -> Changes:
        """What some of its entries changed."""
        if self.changes is not None:
            return self.changes
        return await read_changes(self.site.ask, entries)


async def ticket(request: Any, datasette: Any) -> Response:
    """The page of one ticket. `ID` is the provider's, tilde-encoded; `?source=` decides when two
    sources have one of this id; `?as_of=` and `?known_at=` ask for the history of another time.
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
    try:
        when = Axes.of({name: site.argument(name) for name in (axes.AS_OF, axes.KNOWN_AT)})
    except axes.UnusableTime as error:
        ways = [(f"Ticket {number} as it is now", site.links.ticket(found[0]["ticket"]))]
        return await site.sorry(400, "Not a time", str(error), ways)
    if len(found) > 1:
        return await _choice(site, number, found, when)
    return await _answer(site, found[0], when)


async def _choice(site: Site, number: str, found: list[Row], when: Axes) -> Response:
    if site.format() in FORMS:
        return Response.json({"ok": False, "error": f"Several sources have a ticket {number}.",
                              "sources": [row["source"] for row in found], "status": 300}, status=300)  # fmt: skip
    address = partial(site.links.ticket, **when.query)
    context = {"what": "ticket", "id": number, "found": found, "address": address}
    return await site.page("choice.html", context)


async def _answer(site: Site, row: Row, when: Axes) -> Response:
    ways = [(f"Ticket {row['id']} as it is now", site.links.ticket(row["ticket"]))]
    try:
        history, changes = await _told(site, row, when)
    except axes.NothingThen as error:
        told = " and ".join(f"{name.replace('_', ' ')} {at}" for name, at in when.query.items())
        return await site.sorry(404, f"Nothing {told}", str(error), ways)
    except raw.LogUnreachable as error:
        return await site.sorry(503, "Only the present is readable now", str(error), ways)
    asked = _Asked(site, when, history, changes)
    if site.format() in FORMS:
        return downloads.answer(site, history, await asked.changes_of(history.timeline), when)
    return await site.page("ticket.html", await _context(asked))


async def _told(site: Site, row: Row, when: Axes) -> tuple[History, Changes | None]:
    if when.is_now:
        return await read(site.ask, row), None
    rules = site.rules or store.RuleBook()
    told = await axes.fold(site.directory, row["source"], row["id"], when, rules)
    return masked(*told) if site.is_masked else told


async def _context(asked: _Asked) -> dict[str, Any]:
    """What the template shows."""
    history, site = asked.history, asked.site
    now = asked.axes.end(words.now_text())
    pages = max(1, -(-len(history.timeline) // PAGE))
    page = _page_number(site, pages)
    first = (page - 1) * PAGE
    shown = history.timeline[first : first + PAGE]
    told = entries_of(shown, await asked.changes_of(shown), first)
    link_to = _entry_links(asked, page)
    bodies, unreachable = await _bodies(site, told)
    shares = bars.shares(_seconds_by_status(history, now))
    clock = site.rules.of(history.ticket["source"]).clock if site.rules else None
    return {
        "history": history,
        "ticket": history.ticket,
        "axes": asked.axes,
        "address": asked.address,
        "by_default_rules": site.rules is None,
        "badges": badges(history, now, clock),
        "facts": facts(history, site.links, now, clock),
        "lanes": lanes(history, now, link_to, "then" if not asked.axes.is_now else "now"),
        "shares": shares,
        "share_bar": bars.share_bar(shares),
        "missing": oddities.missing(history, link_to),
        "odd": oddities.odd(history, site.links),
        "entries": told,
        "states": _states(history),
        "page": page,
        "pages": pages,
        "bodies": bodies,
        "unreachable": unreachable,
    }


def _entry_links(asked: _Asked, page: int) -> Callable[[int], str]:
    """The address of the nth entry of the timeline, seen from one of its pages."""

    def link_to(number: int) -> str:
        there = number // PAGE + 1
        query = {"page": there if there > 1 else None}
        return f"{'' if there == page else asked.address(**query)}#entry-{number}"

    return link_to


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


def _states(history: History) -> Mapping[str, list[Row]]:
    """The states each task went through."""
    states: dict[str, list[Row]] = {}
    for state in history.task_states:
        states.setdefault(state["task"], []).append(state)
    return states


async def _bodies(site: Site, told: list[Told]) -> tuple[dict[int, str], str]:
    """Bodies to fold into the page, by position, and why there are none if the log is away."""
    if not site.sees_notifications:
        return {}, NOT_SEEN
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
