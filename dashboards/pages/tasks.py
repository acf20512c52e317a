"""/-/history/tasks: requests to cancel tickets or change them in flight, by state, open ones first."""

from typing import Any

from datasette import Response

from dashboards import words
from dashboards.charts import bars
from dashboards.charts.marks import in_order, status_class
from dashboards.differences import lines
from dashboards.history import Row
from dashboards.links import Links
from dashboards.site import Site, open_site
from store.times import seconds_between

LISTED = 100
"""Open tasks shown, the longest waiting first, and ended ones, the latest first."""

KINDS = {
    "CancelTroubleTicket": "Cancel",
    "InflightChangeTroubleTicket": "Inflight change",
}


async def tasks(request: Any, datasette: Any) -> Response:
    """All tasks by kind and state, and those that are open; `?_format=json` gives the rows alone."""
    site = await open_site(datasette, request, "tasks")
    now = words.now_text()
    counted = await site.ask(
        "select resource_type, state, is_open, count(*) as n from tasks"
        " group by resource_type, state, is_open"
    )
    listed = {
        "open": await _listed(site, "x.is_open = 1 order by x.requested_at, x.task"),
        "ended": await _listed(site, "x.is_open = 0 order by x.ended_at desc, x.task"),
    }
    if site.format() == "json":
        return Response.json({"now": now, "counts": counted, **listed})
    context = {name: [_told(row, now) for row in rows] for name, rows in listed.items()}
    return await site.page(
        "tasks.html",
        {
            **context,
            "now": now,
            "limit": LISTED,
            "kinds": _by_kind(counted, site.links),
            "still_open": sum(row["n"] for row in counted if row["is_open"]),
        },
    )


async def _listed(site: Site, where: str) -> list[Row]:
    return await site.ask(
        "select x.task, x.id, x.resource_type, x.state, x.state_since, x.requested_at,"
        " x.posted_at, x.ended_at, x.seconds, x.messages, x.buyer_message, x.ticket,"
        " t.id as ticket_id, t.name as ticket_name, t.status as ticket_status"
        f" from tasks x left join tickets t on t.ticket = x.ticket where {where} limit {LISTED}"
    )


def _told(row: Row, now: str) -> dict[str, Any]:
    begin = row["requested_at"] or row["posted_at"] or row["state_since"]
    return {
        **row,
        "kind": KINDS.get(row["resource_type"], row["resource_type"]),
        "begin": begin,
        "waiting": words.span(max(0.0, seconds_between(begin, now))) if begin else "",
        "told": [*lines(row["messages"]), *filter(None, [row["buyer_message"]])],
    }


def _by_kind(counted: list[Row], links: Links) -> list[dict[str, Any]]:
    longest = max((row["n"] for row in counted), default=0)
    found: list[dict[str, Any]] = []
    for kind in sorted({row["resource_type"] for row in counted}, key=str):
        states: dict[str, int] = {}
        for row in counted:
            if row["resource_type"] == kind:
                states[row["state"] or ""] = states.get(row["state"] or "", 0) + row["n"]
        found.append(
            {
                "name": KINDS.get(kind, kind),
                "count": sum(states.values()),
                "link": links.rows("tasks", resource_type=kind),
                "states": [
                    {
                        "name": state or "no state",
                        "count": states[state],
                        "link": links.rows("tasks", resource_type=kind, **_equals(state)),
                        "bar": bars.bar(states[state], longest, status_class(state)),
                    }
                    for state in in_order(set(states))
                ],
            }
        )
    return found


def _equals(state: str) -> dict[str, object]:
    return {"state": state} if state else {"state__isblank": 1}
