"""The plugin: hooks that give any Datasette with this package the pages of histories.

Entry point `datasette` in pyproject.toml; 0.65 and, but for permissions, 1.0 call the same hooks.
"""

import re
import sqlite3
from functools import partial
from typing import Any

from datasette import Response, hookimpl
from jinja2 import ChoiceLoader, FileSystemLoader

from dashboards import guard
from dashboards.database import ReplaceableDatabase
from dashboards.headers import PLAIN_POLICY, datasette_policy, with_security_headers
from dashboards.links import Links
from dashboards.live import live, mark_of_all
from dashboards.pages.board import board
from dashboards.pages.event import event
from dashboards.pages.feed import latest
from dashboards.pages.quarantine import quarantine, refused
from dashboards.pages.search import search
from dashboards.pages.sources import sources
from dashboards.pages.specification import specification
from dashboards.pages.targets import targets
from dashboards.pages.tasks import tasks
from dashboards.pages.ticket import ticket, ticket_mark
from dashboards.pages.tickets import tickets
from dashboards.plugins.cells import cell, pill
from dashboards.probing import refuse_masked
from dashboards.site import ASSETS, TEMPLATES, asset, style_sheet, template_filters

_TICKET_SECONDS, _BOARD_SECONDS = 2, 10
"""How often an open page asks whether there is something new. What one ticket tells changes seldom;
all of them together on a busy day all the time, and then each question costs a whole board.
"""

_FORM = r"(?:\.(?P<format>json))?$"


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (rf"/-/history/(?P<name>{'|'.join(map(re.escape, ASSETS))})$", static),
        (rf"/-/history{_FORM}", live(board, mark_of_all, _BOARD_SECONDS)),
        (r"/-/history/feed(?:\.(?P<format>atom))$", live(latest, mark_of_all, _BOARD_SECONDS)),
        (r"/-/history/tickets(?:\.(?P<format>json|csv))?$", tickets),
        (rf"/-/history/search{_FORM}", search),
        (r"/-/history/ticket$", search),
        (
            r"/-/history/ticket/(?P<id>[^/.]+)(?:\.(?P<format>[^/]+))?$",
            live(ticket, ticket_mark, _TICKET_SECONDS),
        ),
        (rf"/-/history/specification/(?P<id>[^/.]+){_FORM}", specification),
        (rf"/-/history/sources{_FORM}", sources),
        (rf"/-/history/tasks{_FORM}", live(tasks, mark_of_all, _BOARD_SECONDS)),
        (rf"/-/history/targets{_FORM}", targets),
        (rf"/-/history/quarantine{_FORM}", quarantine),
        (r"/-/history/quarantine/(?P<number>\d{1,18})(?:\.(?P<format>raw))?$", refused),
        (r"/-/history/event/(?P<position>\d{1,18})(?:\.(?P<format>json|raw))?$", event),
    ]


async def static(request: Any) -> Response:
    """A file of the pages; its address changes with its content, so it may be kept for long."""
    name = request.url_vars["name"]
    return Response(
        asset(name).decode(),
        content_type=ASSETS[name],
        headers={"cache-control": "max-age=31536000, immutable, public"},
    )


@hookimpl
def prepare_jinja2_environment(env: Any) -> None:
    # A module (not a package) cannot ship templates by Datasette's own rule, so they are added here.
    env.loader = ChoiceLoader([FileSystemLoader(str(TEMPLATES)), env.loader])
    env.filters |= template_filters() | {"pill": pill}


@hookimpl
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    if database != "_internal":
        guard.bound(conn)


@hookimpl
def filters_from_request(request: Any, database: str, table: str, datasette: Any) -> None:
    if getattr(datasette.databases[database], "is_masked", False):
        refuse_masked(request.args, table)


@hookimpl
def extra_css_urls() -> list[str]:
    # Datasette adds base_url itself.
    return [f"/-/history/history.css?v={style_sheet()[1]}"]


@hookimpl
def extra_js_urls() -> list[str]:
    # Only Datasette's own templates name them.
    return [f"/-/history/datasette.js?v={style_sheet()[1]}"]


@hookimpl
def menu_links(datasette: Any, actor: Any) -> list[dict[str, str]]:
    links = Links(datasette.urls)
    pages = {
        "Tasks": links.tasks(),
        "Sources": links.sources(),
        "Quarantine": links.quarantine(),
        "Targets": links.targets(),
    }
    return [
        _to_board(datasette),
        *({"href": address, "label": label} for label, address in pages.items()),
        *([{"href": links.sign_in(), "label": f"Signed in as {actor['id']}"}] if actor else []),
    ]


@hookimpl
def table_actions(datasette: Any) -> list[dict[str, str]]:
    return [_to_board(datasette)]


@hookimpl
def database_actions(datasette: Any) -> list[dict[str, str]]:
    return [_to_board(datasette)]


def _to_board(datasette: Any) -> dict[str, str]:
    return {"href": Links(datasette.urls).board(), "label": "Board"}


@hookimpl
def render_cell(
    row: Any, value: Any, column: str, table: str | None, database: str, datasette: Any
) -> Any:
    return cell(row, value, column, table, Links(datasette.urls, database))


@hookimpl
def asgi_wrapper(datasette: Any) -> Any:
    ours = any(isinstance(one, ReplaceableDatabase) for one in datasette.databases.values())
    return partial(with_security_headers, policy=datasette_policy() if ours else PLAIN_POLICY)


@hookimpl
def forbidden(request: Any, message: str) -> Response | None:
    """A sentence in JSON for whoever asked for no page; else the page that Datasette shows."""
    if not (request.path.endswith((".json", ".csv")) or request.args.get("_format")):
        return None
    body = {"ok": False, "error": message or "This is not yours to see.", "status": 403}
    return Response.json(body, status=403)
