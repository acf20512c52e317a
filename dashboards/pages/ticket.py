"""/-/history/ticket/ID: one ticket's history, as a page and as JSON, CSV, NDJSON, Atom; now, or as of
a time, or as known at one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from datasette import Response
from datasette.utils import tilde_decode

import store
from dashboards import axes, raw
from dashboards.axes import Axes
from dashboards.history import Row, read, read_changes, tickets_with_id
from dashboards.live import Mark, mark_of_ticket
from dashboards.pages import downloads, feed
from dashboards.pages.ticket_page import Asked, context
from dashboards.personal import mask_rows
from dashboards.site import Site, open_site

FORMS = frozenset({"json", "csv", "ndjson", "atom"})


async def ticket(request: Any, datasette: Any) -> Response:
    """The page of one ticket. `ID` is the provider's, tilde-encoded; `?source=` decides when two
    sources have one of this id; `?as_of=` and `?known_at=` ask for the history of another time,
    `?kind=` for entries of one kind, `?page=` for a page of them, `?entry=` for the page with one.
    """
    site = await open_site(datasette, request)
    number = _number(site)
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


async def ticket_mark(site: Site) -> Mark:
    """What tells whether the page would show something new."""
    found = await tickets_with_id(site.ask, _number(site), site.argument("source"))
    return [await mark_of_ticket(site.ask, row) for row in found]


def _number(site: Site) -> str:
    number = tilde_decode(site.request.url_vars["id"])
    ending = site.request.url_vars.get("format")
    # An id with a dot, typed by hand.
    return f"{number}.{ending}" if ending and ending not in FORMS else number


async def _choice(site: Site, number: str, found: list[Row], when: Axes) -> Response:
    if site.format() in FORMS:
        return Response.json({"ok": False, "error": f"Several sources have a ticket {number}.",
                              "sources": [row["source"] for row in found], "status": 300}, status=300)  # fmt: skip
    address = partial(site.links.ticket, **when.query)
    shown = {"what": "ticket", "id": number, "found": found, "address": address}
    return await site.page("choice.html", shown)


async def _answer(site: Site, row: Row, when: Axes) -> Response:
    ways = [(f"Ticket {row['id']} as it is now", site.links.ticket(row["ticket"]))]
    try:
        async with _history(site, row, when) as asked:
            if site.format() not in FORMS:
                return await site.page("ticket.html", await context(asked))
            if site.format() == "atom":
                return await feed.of_ticket(site, asked.ask, asked.ticket)
            history = await read(asked.ask, asked.ticket)
            changes = await read_changes(asked.ask, history.timeline)
            return downloads.answer(site, history, changes, when)
    except axes.NothingThen as error:
        told = " and ".join(f"{name.replace('_', ' ')} {at}" for name, at in when.query.items())
        return await site.sorry(404, f"Nothing {told}", str(error), ways)
    except raw.LogUnreachable as error:
        return await site.sorry(503, "Only the present is readable now", str(error), ways)


@asynccontextmanager
async def _history(site: Site, row: Row, when: Axes) -> AsyncIterator[Asked]:
    """What answers about the history that is asked for. Raises NothingThen, LogUnreachable."""
    if when.is_now:
        yield Asked(site, when, site.ask, row)
        return
    rules = site.rules or store.RuleBook()
    shown = mask_rows if site.is_masked else None
    folded = await axes.fold(site.directory, row["source"], row["id"], when, rules, shown)
    try:
        (then,) = await folded.ask("select * from tickets", [])
        yield Asked(site, when, folded.ask, then)
    finally:
        folded.close()
