"""/-/history/search: one box over ids, other systems' ids and names; an exact id opens its ticket."""

from typing import Any

from datasette import Response

from dashboards.history import Row
from dashboards.site import Site, open_site

LISTED = 50
"""Tickets shown of each way to match."""

_COLUMNS = "t.ticket, t.source, t.id, t.name, t.status, t.severity, t.last_event_at"

_WAYS: tuple[tuple[str, str], ...] = (
    # The condition that an index serves, then a scan of short texts: 100,000 tickets in some 50 ms.
    ("id", "t.id = :text"),
    ("id begins so", "t.id >= :text and t.id < :after"),
    (
        "another system's id",
        "t.ticket in (select ticket from external_ids where id = :text or id like :prefix escape '\\')",
    ),
    ("name", "t.name like :within escape '\\'"),
)
"""How a ticket can match, the most certain way first."""


async def search(request: Any, datasette: Any) -> Response:
    """Tickets for `?q=`. The only ticket of exactly that id is opened at once."""
    site = await open_site(datasette, request, "external_ids")
    text = (site.argument("q") or site.argument("id") or "").strip()
    if not text:
        return Response.redirect(site.links.board())
    found = await _tickets(site, text)
    exact = [row for row in found if row["id"] == text]
    if site.format() == "json":
        return Response.json({"q": text, "tickets": found})
    if len(exact) == 1:
        return Response.redirect(site.links.ticket_by_id(text))
    return await site.page("search.html", {"asked_for": text, "found": found, "listed": LISTED})


async def _tickets(site: Site, text: str) -> list[Row]:
    """Each ticket once, by the most certain way it matches."""
    literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    values = {
        "text": text,
        "after": f"{text}\U0010ffff",
        "prefix": f"{literal}%",
        "within": f"%{literal}%",
    }
    found: dict[str, Row] = {}
    for way, where in _WAYS:
        rows = await site.ask(
            f"select {_COLUMNS} from tickets t where {where}"
            f" order by t.last_event_at desc limit {LISTED}",
            {name: value for name, value in values.items() if f":{name}" in where},
        )
        for row in rows:
            found.setdefault(row["ticket"], {**row, "by": way})
    return list(found.values())
