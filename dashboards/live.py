"""Pages that keep themselves up to date: an ETag of what was folded, and 304 while it is the same.

The script of the pages asks again every few seconds with the ETag it has; a browser without script
and a feed reader profit from the same answer. What the ETag is made of is cheap to read: the row of
one ticket and what points to it, or the follower's checkpoints.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from datasette import Response

from dashboards import words
from dashboards.history import Ask, Row
from dashboards.pages.related import neighbours
from dashboards.site import SCOPE_LIVE, Site, open_site, style_sheet

Mark = list[Any]
"""What has changed when a page would show something new. JSON."""

View = Callable[[Any, Any], Awaitable[Response]]

_LIVE_FORMS = frozenset({"", "atom"})


@dataclass(frozen=True, slots=True)
class Live:
    """What a page tells the script that keeps it up to date."""

    etag: str
    seconds: int
    """How often it asks."""


def live(view: View, mark_of: Callable[[Site], Awaitable[Mark]], seconds: int) -> View:
    """A view that answers 304 while `mark_of` tells the same; its page asks every `seconds`."""
    return partial(_answer, view, mark_of, seconds)


async def _answer(
    view: View,
    mark_of: Callable[[Site], Awaitable[Mark]],
    seconds: int,
    request: Any,
    datasette: Any,
) -> Response:
    site = await open_site(datasette, request)
    if site.format() not in _LIVE_FORMS:
        return await view(request, datasette)
    # Before the page is made: what is folded meanwhile makes the next answer a new one.
    etag = _etag(site, await mark_of(site))
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if etag in (request.headers.get("if-none-match") or "").split(", "):
        return Response("", status=304, headers=headers, content_type="text/html; charset=utf-8")
    request.scope[SCOPE_LIVE] = Live(etag, seconds)
    response = await view(request, datasette)
    if response.status == 200:  # noqa: PLR2004 - the one that may be answered again with 304
        response.headers |= headers
    return response


async def mark_of_ticket(ask: Ask, ticket: Row) -> Mark:
    """Of one ticket: its row, which every fold of it changes, and what points to it from outside.

    Figures like "due in 3 h" go on without events: while it is open, the minute belongs to it.
    """
    key = ticket["ticket"]
    rows = await ask(
        "select (select sum(redeliveries) from events where ticket = :ticket) as redeliveries, "
        "(select group_concat(coalesce(tickets.status, '') || relations.relation) from relations "
        "left join tickets on tickets.ticket = relations.ticket "
        "where relations.other_ticket = :ticket) as named_by, "
        "(select group_concat(coalesce(tickets.status, '') || tickets.ticket) from relations "
        "join tickets on tickets.ticket = relations.other_ticket "
        "where relations.ticket = :ticket) as names",
        {"ticket": key},
    )
    minute = words.now_text()[:16] if ticket["is_open"] else ""
    return [ticket, rows, await neighbours(ask, ticket), minute]


async def mark_of_all(site: Site) -> Mark:
    """Of everything: the follower's checkpoints, and the minute."""
    rows = await site.ask("select name, value from _follower order by name")
    return [rows, words.now_text()[:16]]


def _etag(site: Site, mark: Mark) -> str:
    """Weak, since the page also says when it was made. Another version of the pages, another asker
    or another file in the place of history.db is another page.
    """
    file = site.database.path
    made_of = [mark, site.request.actor, site.request.full_path, str(file), style_sheet()[1]]
    digest = hashlib.sha256(json.dumps(made_of, default=str).encode()).hexdigest()
    return f'W/"{digest[:32]}"'
