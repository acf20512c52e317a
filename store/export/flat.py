"""Flat tables: which rows CSV and Parquet have, and what is left out for privacy."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from store.export.histories import Histories
from store.history import rows, tables

FREE_TEXT = frozenset({"reason"})
"""Columns in which senders write what they like: persons' names, too."""


class Flat(NamedTuple):
    """One table that can be exported."""

    name: str
    row: type[tuple[Any, ...]]
    order: str


FLAT = {
    "timeline": Flat("timeline", rows.Entry, "at, rank, entry"),
    "status_periods": Flat("status_periods", rows.StatusPeriod, "ticket, n"),
}


def columns(flat: Flat, *, pseudonymise: bool) -> dict[str, type]:
    """Names and types (str, int, float), in order."""
    found = tables.TABLES[flat.name].columns
    return {name: kind for name, kind in found.items() if not (pseudonymise and name in FREE_TEXT)}


def table_rows(
    histories: Histories, flat: Flat, *, pseudonymise: bool
) -> Iterator[tuple[Any, ...]]:
    """Rows with those columns."""
    kept = columns(flat, pseudonymise=pseudonymise)
    places = [n for n, name in enumerate(tables.TABLES[flat.name].columns) if name in kept]
    found = histories.rows_of(flat.name, flat.row, flat.order)
    if len(places) == len(tables.TABLES[flat.name].columns):
        yield from found
        return
    for row in found:
        yield tuple(row[place] for place in places)
