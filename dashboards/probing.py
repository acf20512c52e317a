"""Asking a table for what is masked: refused in words, where it would only find nothing."""

import json
from collections.abc import Iterator
from typing import Any

from datasette import Forbidden

from dashboards.personal import hidden_columns

_BY_VALUE = ("_sort", "_sort_desc", "_facet", "_facet_date", "_facet_array")
"""Parameters whose value names a column."""


def refuse_masked(arguments: Any, table: str) -> None:
    """Raise Forbidden where a filter, a facet or an order asks for a column that is masked.

    A courtesy: what is asked sees the masks, too, so that it finds nothing of what they hide.
    """
    asked = set(_columns(arguments)) & hidden_columns(table)
    if asked or _through(arguments):
        names = ", ".join(sorted(asked)) or "another table's columns"
        raise Forbidden(f"{table}: {names} cannot be asked for by analysts, it is masked")


def _columns(arguments: Any) -> Iterator[str]:
    for name in arguments:
        if name in _BY_VALUE:
            yield from arguments.getlist(name)
        elif not name.startswith("_"):
            yield name.split("__")[0]


def _through(arguments: Any) -> bool:
    """Whether rows are asked for by a masked column of a table that points to them."""
    for text in arguments.getlist("_through"):
        try:
            told = json.loads(text)
            if told["column"] in hidden_columns(told["table"]):
                return True
        except (ValueError, TypeError, KeyError):
            continue  # Datasette says what is wrong with it
    return False
