"""/-/history/event/POSITION: one notification, as it was received."""

import json
from typing import Any

from datasette import Response

from dashboards import raw
from dashboards.site import NOT_SEEN, Site, open_site


async def event(request: Any, datasette: Any) -> Response:
    """What the log kept: the body readable, the headers, and the very bytes to download (`.raw`)."""
    site = await open_site(datasette, request)
    position = int(request.url_vars["position"])
    if not site.sees_notifications:
        return await _outline(site, position)
    try:
        found = (await raw.events(site.directory, [position])).get(position)
    except raw.LogUnreachable as error:
        return await site.sorry(503, "Not readable now", str(error))
    if found is None:
        return await site.missing(f"The log has no event at position {position}.")
    if site.format() == "raw":
        return Response(
            found.body,
            content_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="event-{position}.json"'},
        )
    rows = await site.ask("select * from events where position = ?", [position])
    context = {
        "event": found,
        "row": rows[0] if rows else None,
        "body": raw.pretty(found.body),
        "size": len(found.body),
    }
    if site.format() == "json":
        return Response.json(
            {**(context["row"] or {}), "headers": found.headers, "path": found.path,
             "body": found.body.decode("utf-8", "replace")}
        )  # fmt: skip
    return await site.page("event.html", context)


async def _outline(site: Site, position: int) -> Response:
    """What history.db knows of it, for those who may not see what was received."""
    if site.format() == "raw":
        return await site.sorry(403, "For power users", NOT_SEEN)
    rows = await site.ask("select * from events where position = ?", [position])
    if not rows:
        return await site.missing(f"The log has no event at position {position}.")
    if site.format() == "json":
        return Response.json(rows[0])
    told = {**rows[0], "drift": json.loads(rows[0]["drift"] or "[]")}
    context = {"event": told, "row": rows[0], "body": None, "size": told["size"]}
    return await site.page("event.html", {**context, "not_seen": NOT_SEEN})
