"""A ticket's history for programs: JSON whole, its timeline as CSV and NDJSON."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from datasette import Response

from dashboards.axes import Axes
from dashboards.history import Changes, History, Row
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
    columns = list(history.timeline[0]) if history.timeline else ["entry"]
    name = "".join(c if c.isalnum() else "-" for c in history.ticket["id"] or "ticket")
    return as_csv(columns, history.timeline, f"timeline-{name}")


def as_csv(columns: Sequence[str], rows: Iterable[Row], name: str) -> Response:
    """Rows for a spreadsheet, which will run nothing of them."""
    written = io.StringIO()
    out = csv.writer(written)
    out.writerow(columns)
    out.writerows([_cell(row[column]) for column in columns] for row in rows)
    return Response(
        written.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{_ascii(name)}.csv"'},
    )


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode().replace("?", "-")
