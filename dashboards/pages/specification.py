"""/-/history/specification/ID: a specification, its timeline, the tickets under it."""

from typing import Any

from datasette import Response
from datasette.utils import tilde_decode

from dashboards.history import read_changes
from dashboards.pages.entries import entries_of
from dashboards.site import Site, open_site

_TICKETS = 50


async def specification(request: Any, datasette: Any) -> Response:
    """One specification; `?source=` when two sources have one of this id."""
    site = await open_site(datasette, request)
    number = tilde_decode(request.url_vars["id"])
    source = site.argument("source")
    found = await site.ask(
        "select * from specifications where id = ? order by source"
        if source is None
        else "select * from specifications where id = ? and source = ?",
        [number] if source is None else [number, source],
    )
    if not found:
        return await site.missing(
            f"No event told us of a specification {number}" + (f" of {source}." if source else "."),
            site.links.rows("specifications"),
        )
    if len(found) > 1:
        return await site.page(
            "choice.html", {"what": "specification", "id": number, "found": found,
                            "address": site.links.specification}
        )  # fmt: skip
    return await _page(site, found[0])


async def _page(site: Site, row: dict[str, Any]) -> Response:
    key = row["specification"]
    timeline = await site.ask(
        "select * from timeline where specification = ? and ticket is null order by at, rank, entry limit 500",
        [key],
    )
    changes = await read_changes(site.ask, timeline)
    tickets = await site.ask(
        "select ticket, id, name, status, severity, created_at, due_at, seconds_to_resolution"
        " from tickets where specification = ? order by created_at desc limit ?",
        [key, _TICKETS],
    )
    counted = await site.ask(
        "select count(*) as n, avg(seconds_to_resolution) as seconds from tickets where specification = ?",
        [key],
    )
    if site.format() == "json":
        return Response.json({"specification": row, "timeline": timeline, "changes": changes,
                              "tickets": tickets})  # fmt: skip
    return await site.page(
        "specification.html",
        {
            "specification": row,
            "entries": entries_of(timeline, changes),
            "tickets": tickets,
            "counted": counted[0],
        },
    )
