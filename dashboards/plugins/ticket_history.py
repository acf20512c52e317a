"""The plugin: hooks that give any Datasette with this package the pages of histories.

Entry point `datasette` in pyproject.toml; 0.65 and, but for permissions, 1.0 call the same hooks.
"""

import sqlite3
from pathlib import Path
from typing import Any

from datasette import Response, hookimpl
from jinja2 import ChoiceLoader, FileSystemLoader

from dashboards.headers import with_security_headers
from dashboards.links import Links
from dashboards.pages.board import board
from dashboards.pages.event import event
from dashboards.pages.quarantine import quarantine, refused
from dashboards.pages.search import search
from dashboards.pages.sources import sources
from dashboards.pages.specification import specification
from dashboards.pages.targets import targets
from dashboards.pages.tasks import tasks
from dashboards.pages.ticket import ticket
from dashboards.plugins.cells import cell, pill
from dashboards.site import style_sheet, template_filters

LONGEST_VALUE = 10_000_000
"""Bytes of one value or row: the time limit does not bound memory, this does."""

_TEMPLATES = Path(__file__).parent.parent / "templates"
_FORM = r"(?:\.(?P<format>json))?$"


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (r"/-/history/history\.css$", style),
        (rf"/-/history{_FORM}", board),
        (rf"/-/history/search{_FORM}", search),
        (r"/-/history/ticket$", search),
        (r"/-/history/ticket/(?P<id>[^/.]+)(?:\.(?P<format>[^/]+))?$", ticket),
        (rf"/-/history/specification/(?P<id>[^/.]+){_FORM}", specification),
        (rf"/-/history/sources{_FORM}", sources),
        (rf"/-/history/tasks{_FORM}", tasks),
        (rf"/-/history/targets{_FORM}", targets),
        (rf"/-/history/quarantine{_FORM}", quarantine),
        (r"/-/history/quarantine/(?P<number>\d{1,18})(?:\.(?P<format>raw))?$", refused),
        (r"/-/history/event/(?P<position>\d{1,18})(?:\.(?P<format>json|raw))?$", event),
    ]


async def style() -> Response:
    """The one style sheet; its address changes with its content, so it may be kept for long."""
    return Response(
        style_sheet()[0],
        content_type="text/css; charset=utf-8",
        headers={"cache-control": "max-age=31536000, immutable, public"},
    )


@hookimpl
def prepare_jinja2_environment(env: Any) -> None:
    # A module (not a package) cannot ship templates by Datasette's own rule, so they are added here.
    env.loader = ChoiceLoader([FileSystemLoader(str(_TEMPLATES)), env.loader])
    env.filters |= template_filters() | {"pill": pill}


@hookimpl
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    if database != "_internal":
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)


@hookimpl
def extra_css_urls() -> list[str]:
    # Datasette adds base_url itself.
    return [f"/-/history/history.css?v={style_sheet()[1]}"]


@hookimpl
def menu_links(datasette: Any) -> list[dict[str, str]]:
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
def asgi_wrapper() -> Any:
    return with_security_headers
