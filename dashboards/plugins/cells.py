"""Cells of Datasette's tables: statuses as pills, keys as links to histories, seconds as words.

Text of senders only ever passes through `Markup.format`, which escapes it. Times stay as they
are: people copy them into queries.
"""

import json
from typing import Any

from markupsafe import Markup

from dashboards import words
from dashboards.addresses import is_address
from dashboards.addresses import link as address_link
from dashboards.charts.marks import status_class
from dashboards.links import Links

_PILLS = frozenset({"status", "status_before", "status_after", "related_state"})
_TASKS = frozenset({"tasks", "task_states"})
_POSITIONS = frozenset({"position", "sample", "conflict_of", "last_position"})
_SHORT = 60
_LONG, _TOO_LONG = 80, 2_000
"""Characters of a text that is shown in a box of its own; beyond, Datasette cuts it."""


def cell(row: Any, value: Any, column: str, table: str | None, links: Links) -> Markup | None:
    """How a cell is shown, or None to leave it to Datasette."""
    label = None
    if isinstance(value, dict):  # a foreign key with the label of the row it points to
        label, value = value["label"], value["value"]
    if isinstance(value, str) and value:
        return _text(row, value, label, column, table, links)
    if isinstance(value, int | float):
        return _number(value, column, table, links)
    return None


def _text(
    row: Any, value: str, label: Any, column: str, table: str | None, links: Links
) -> Markup | None:
    if column in _PILLS or (column == "state" and table in _TASKS):
        return pill(value)
    address = _address(row, value, column, table, links)
    if address:
        return _link(address, label, value)
    if is_address(value):  # Datasette would link it too, and tell it from where
        return address_link(value)
    if value[0] in "[{":
        return _folded(value)
    if _LONG < len(value) < _TOO_LONG and not value.startswith(("http://", "https://")):
        return Markup('<div class="long" dir="auto">{}</div>').format(value)
    return None


def _address(row: Any, value: str, column: str, table: str | None, links: Links) -> str | None:
    """Where a key, an id or a name leads to."""
    if column in ("ticket", "other_ticket") and "/" in value:
        return links.ticket(value)
    if column == "specification" and "/" in value:
        return links.specification(value)
    if column in ("id", "name") and table == "tickets":
        return links.ticket(_of(row, "ticket") or value)
    if column in ("id", "name") and table == "specifications":
        return links.specification(_of(row, "specification") or value)
    if column == "event_id" and table == "events":
        return links.event(_of(row, "position"))
    return None


def _number(value: float, column: str, table: str | None, links: Links) -> Markup | None:
    if column == "seconds" or column.startswith("seconds_") or column.endswith("_seconds"):
        return Markup('<span class="span-of-time" title="{} s">{}</span>').format(
            value, words.span(value) or "0 s"
        )
    if column in _POSITIONS and table != "events" and isinstance(value, int):
        return Markup('<a href="{}">{}</a>').format(links.event(value), value)
    return None


def pill(status: str) -> Markup:
    """A status in its colour."""
    return Markup('<span class="pill {}"><bdi>{}</bdi></span>').format(status_class(status), status)


def _link(address: str, label: Any, value: str) -> Markup:
    if label in (None, "", value):
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, value)
    return Markup('<a href="{}"><bdi>{}</bdi></a> <em><bdi>{}</bdi></em>').format(
        address, label, value
    )


def _folded(value: str) -> Markup | None:
    """JSON: short lists as words, the rest behind a click."""
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if read in ([], {}):
        return Markup('<span class="nothing">none</span>')
    if isinstance(read, list) and all(isinstance(item, str | int | float) for item in read):
        joined = ", ".join(str(item) for item in read)
        if len(joined) <= _SHORT:
            return Markup("<bdi>{}</bdi>").format(joined)
    what = (
        words.some(len(read), "item") if isinstance(read, list) else words.some(len(read), "member")
    )
    return Markup(
        '<details class="folded"><summary>{}</summary><pre><bdi>{}</bdi></pre></details>'
    ).format(what, json.dumps(read, indent=1, ensure_ascii=False))


def _of(row: Any, column: str) -> Any:
    try:
        value = row[column]
    except (KeyError, IndexError):
        return None
    return value["value"] if isinstance(value, dict) else value
