"""What narrows a board or a list, as a form and as words: source, type, specification, period."""

from typing import Any

from datasette import Response

from dashboards import words
from dashboards.filters import PERIODS, BadFilter, Filters, read
from dashboards.site import Site

_MOST = 500
"""Choices of one field."""

_TYPES = (
    # A walk from type to type along the index, instead of over every ticket.
    "with recursive walk(type) as (select min(ticket_type) from tickets union all"
    " select (select min(ticket_type) from tickets where ticket_type > walk.type) from walk"
    " where walk.type is not null) select type from walk where type is not null limit :most"
)


async def narrowed(site: Site) -> Filters | Response:
    """The filters that were asked for, or the answer that says which of them cannot be read."""
    try:
        return read(site.argument, words.now_text())
    except BadFilter as error:
        return await site.sorry(
            400, "Not understood", str(error), [("The board without filters", site.links.board())]
        )


async def form(site: Site, filters: Filters) -> dict[str, Any]:
    """The fields with their choices, and what is chosen."""
    sources = await site.ask(
        "select source from sources order by source limit :most", {"most": _MOST}
    )
    types = await site.ask(_TYPES, {"most": _MOST})
    specifications = await site.ask(
        "select specification, name from specifications order by name limit :most", {"most": _MOST}
    )
    fields = {
        "source": [(row["source"], row["source"]) for row in sources],
        "type": [(row["type"], row["type"]) for row in types],
        "specification": [
            (row["specification"], row["name"] or row["specification"]) for row in specifications
        ],
        "period": [(name, told) for name, (told, _) in PERIODS.items()],
    }
    for name, choices in fields.items():
        chosen = filters.told.get(name)
        if chosen is not None and chosen not in {value for value, _ in choices}:
            choices.append((chosen, chosen))  # so that sending the form again changes nothing
    return {"fields": fields, "told": filters.told, "words": _in_words(filters, fields)}


def _in_words(filters: Filters, fields: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Each filter and its value, as a person says it."""
    said: list[tuple[str, str]] = []
    for name, value in filters.told.items():
        told = dict(fields.get(name, [])).get(value, value)
        label = {"period": "created in", "since": "created since", "until": "created until"}
        said.append((label.get(name, name), told))
    return said
