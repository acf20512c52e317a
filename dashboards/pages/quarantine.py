"""/-/history/quarantine: what was refused, by kind; /-/history/quarantine/ID: one refused body."""

import json
from typing import Any

from datasette import Response

from dashboards import raw
from dashboards.history import Row
from dashboards.site import NOT_SEEN, Site, open_site

LISTED = 200
"""Kinds of refusals shown, the latest first."""


async def quarantine(request: Any, datasette: Any) -> Response:
    """Refusals of one kind together: why, how often, since when, a sample; `?source=` for one source."""
    site = await open_site(datasette, request, "quarantine")
    source = site.argument("source")
    kinds = await _kinds(site, source)
    if site.format() == "json":
        return Response.json({"source": source, "kinds": kinds})
    total = sum(kind["refusals"] for kind in kinds)
    context = {"kinds": kinds, "total": total, "source": source, "listed": LISTED}
    return await site.page("quarantine.html", context)


async def refused(request: Any, datasette: Any) -> Response:
    """One refused body as it came: reasons, headers, bytes (`.raw` downloads them), from log.db."""
    site = await open_site(datasette, request, "quarantine")
    number = int(request.url_vars["number"])
    if not site.sees_notifications:
        return await _outline(site, number)
    try:
        found = await raw.refused(site.directory, number)
    except raw.LogUnreachable as error:
        return await site.sorry(503, "Not readable now", str(error))
    if found is None:
        return await site.missing(f"The quarantine has no entry {number}.", site.links.quarantine())
    if site.format() == "raw":
        return Response(
            found.body,
            content_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="refused-{number}.bin"'},
        )
    context = {"refused": found, "body": raw.pretty(found.body), "size": len(found.body)}
    return await site.page("refused.html", context)


async def _outline(site: Site, number: int) -> Response:
    """What history.db knows of it, for those who may not see what was received."""
    if site.format() == "raw":
        return await site.sorry(403, "For power users", NOT_SEEN)
    rows = await site.ask("select * from quarantine where id = ?", [number])
    if not rows:
        return await site.missing(f"The quarantine has no entry {number}.", site.links.quarantine())
    told = {**rows[0], "reasons": _reasons(rows[0]["reasons"])}
    context = {"refused": told, "body": None, "size": told["size"], "not_seen": NOT_SEEN}
    return await site.page("refused.html", context)


async def _kinds(site: Site, source: str | None) -> list[Row]:
    where, values = ("where source = ?", [source]) if source else ("", [])
    found = await site.ask(
        "select g.fingerprint, g.refusals, g.first_received_at, g.last_received_at, q.source,"
        " q.path, q.status, q.reasons, q.id as sample, q.size from ("
        "select fingerprint, count(*) as refusals, min(received_at) as first_received_at,"
        f" max(received_at) as last_received_at, max(id) as sample from quarantine {where}"
        " group by fingerprint) g join quarantine q on q.id = g.sample"
        f" order by g.last_received_at desc, g.fingerprint limit {LISTED}",
        values,
    )
    return [{**kind, "reasons": _reasons(kind["reasons"])} for kind in found]


def _reasons(text: str | None) -> list[dict[str, str]]:
    try:
        read = json.loads(text or "[]")
    except ValueError:
        return []
    return [
        {name: str(reason.get(name) or "") for name in ("code", "pointer", "expected")}
        for reason in read
        if isinstance(reason, dict)
    ]
