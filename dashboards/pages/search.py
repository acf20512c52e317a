"""/-/history/search: one box over ids, names, texts and parties; an exact id opens its ticket."""

import sqlite3
from typing import Any

from datasette import Response

from dashboards.history import Row
from dashboards.personal import narrowed
from dashboards.site import Site, open_site
from dashboards.snippets import snippets, within
from store.history.searching import beginnings, match

LISTED = 50
"""Tickets shown, the best first."""
_LONGEST = 1_000
"""Characters of a question that are read: ids can be as long."""

_FOUND = (
    # The best are known by the index alone; only they are looked up.
    "select t.ticket, t.source, t.id, t.name, t.status, t.severity, t.last_event_at, t.external_id,"
    " t.description from (select rowid as number, rank from search where search match :match"
    f" order by rank limit {LISTED}) f join search_tickets s on s.number = f.number"
    " join tickets t on t.ticket = s.ticket order by f.rank, t.ticket"
)
_WITHIN = (
    # Only where nothing begins so: a walk over all names, in their index.
    "select ticket, source, id, name, status, severity, last_event_at, external_id, description"
    # `main`: for analysts `tickets` is a view, which has no index.
    " from tickets where ticket in (select ticket from main.tickets indexed by idx_tickets_name"
    " where name like :within escape '\\' limit 2000)"
    f" order by last_event_at desc limit {LISTED}"
)
_TEXTS: tuple[tuple[str, str], ...] = (
    ("another system's id", "select ticket, id as told from external_ids where ticket in ({})"),
    (
        "party",
        (
            "select ticket, coalesce(name, '') || ' ' || coalesce(id, '') || ' · ' || coalesce(role, '')"
            " as told from parties where ticket in ({})"
        ),
    ),
    (
        "note",
        "select ticket, coalesce(author || ': ', '') || text as told from notes where ticket in ({})",
    ),
)


async def search(request: Any, datasette: Any) -> Response:
    """Tickets for `?q=`. The only ticket of exactly that id is opened at once."""
    site = await open_site(datasette, request, "external_ids", "notes", "parties")
    text = (site.argument("q") or site.argument("id") or "").strip()[:_LONGEST]
    if not text:
        return Response.redirect(site.links.board())
    if not site.format():
        exact = await site.ask("select ticket from tickets where id = ? limit 2", [text])
        if len(exact) == 1:
            return Response.redirect(site.links.ticket_by_id(text))
    try:
        found = await _tickets(site, text)
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        sentence = "This history.db has no search index: it is of an older version. `listener rebuild` makes it."
        return await site.sorry(503, "Not yet", sentence)
    if site.format() == "json":
        return Response.json({"q": text, "tickets": [_plain(row) for row in found]})
    return await site.page("search.html", {"asked_for": text, "found": found, "listed": LISTED})


async def _tickets(site: Site, text: str) -> list[Row]:
    """The best tickets, each with the place that says it."""
    asked = match(text)
    if asked and site.is_masked:
        asked = narrowed(asked)
    found = await site.ask(_FOUND, {"match": asked}) if asked else []
    if not found:
        return await _within(site, text)
    texts = await _texts(site, [row["ticket"] for row in found])
    words = beginnings(text)
    for row in found:
        places = [*_own(row), *texts.get(row["ticket"], [])]
        row["name_pieces"], row["snippets"] = snippets(places, words, row["name"])
    return found


async def _within(site: Site, text: str) -> list[Row]:
    """Tickets whose names have the text anywhere, for those who remember the middle of a word."""
    literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await site.ask(_WITHIN, {"within": f"%{literal}%"})
    return [{**row, "name_pieces": within(row["name"], text), "snippets": ()} for row in rows]


def _own(row: Row) -> list[tuple[str, str | None]]:
    return [
        ("id", row["id"]),
        ("another system's id", row["external_id"]),
        ("description", row["description"]),
    ]


async def _texts(site: Site, tickets: list[str]) -> dict[str, list[tuple[str, str | None]]]:
    """What these tickets say beside their own row."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for where, select in _TEXTS if tickets else ():
        rows = await site.ask(select.format(", ".join("?" * len(tickets))), tickets)
        for row in rows:
            found.setdefault(row["ticket"], []).append((where, row["told"]))
    return found


def _plain(row: Row) -> Row:
    by = "name" if any(piece.marked for piece in row["name_pieces"]) else None
    told = [
        {"where": one.where, "text": "".join(piece.text for piece in one.pieces)}
        for one in row["snippets"]
    ]
    left_out = ("name_pieces", "description", "snippets")
    kept = {name: value for name, value in row.items() if name not in left_out}
    return {**kept, "by": told[0]["where"] if told else by, "snippets": told}
