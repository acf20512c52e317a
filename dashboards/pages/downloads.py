"""A ticket's history for programs: JSON whole, its timeline as CSV and NDJSON."""

import csv
import io
import json
from typing import Any

from datasette import Response

from dashboards.axes import Axes
from dashboards.history import Changes, History
from dashboards.site import Site

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def answer(site: Site, history: History, changes: Changes, axes: Axes) -> Response:
    """The form that was asked for."""
    form = site.format()
    if form == "csv":
        return _csv(history)
    if form == "ndjson":
        lines = [
            json.dumps({**entry, "changes": changes.get(entry["entry"], [])}, ensure_ascii=False)
            for entry in history.timeline
        ]
        return Response("".join(f"{line}\n" for line in lines), content_type="application/x-ndjson")
    return Response.json({**axes.query, **history.plain(), "changes": changes})


def _csv(history: History) -> Response:
    written = io.StringIO()
    out = csv.writer(written)
    columns = list(history.timeline[0]) if history.timeline else ["entry"]
    out.writerow(columns)
    out.writerows([_cell(entry[column]) for column in columns] for entry in history.timeline)
    name = "".join(c if c.isalnum() else "-" for c in history.ticket["id"] or "ticket")
    return Response(
        written.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="timeline-{_ascii(name)}.csv"'},
    )


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode().replace("?", "-")
