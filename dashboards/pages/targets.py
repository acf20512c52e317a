"""/-/history/targets: where events go out to, how far each target is, and what it would not take."""

import asyncio
from pathlib import Path
from typing import Any

from datasette import Response

import store
from dashboards import words
from dashboards.history import Row
from dashboards.site import open_site

LISTED = 50
"""Dead letters and replays shown, the latest first."""


async def targets(request: Any, datasette: Any) -> Response:
    """Forwarding target by target, dead letters, replays; `?_format=json` gives the figures alone."""
    site = await open_site(datasette, request)
    found = await asyncio.to_thread(_found, site.directory)
    if site.format() == "json":
        return Response.json(found)
    return await site.page("targets.html", {"now": words.now_text(), "listed": LISTED, **found})


def _found(directory: Path) -> dict[str, list[Row]]:
    progress = store.progress(directory)
    head = progress.head or 0
    return {
        "forwardings": [
            {**one._asdict(), "lag_events": max(0, head - one.checkpoint)}
            for one in progress.forwardings
        ],
        "dead_letters": [one._asdict() for one in store.dead_letters(directory, LISTED)],
        "replays": [one._asdict() for one in store.replays(directory, LISTED)],
    }
