"""CSV (RFC 4180) of a flat table, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Callable
from typing import IO, Any

from store.export.flat import Flat, columns, table_rows
from store.export.histories import Histories

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(
    histories: Histories,
    flat: Flat,
    out: IO[bytes],
    done: Callable[[int], None],
    *,
    pseudonymise: bool = False,
) -> int:
    """Write the table with its header; how many rows. Raises OSError."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        return _write(csv.writer(text), histories, flat, done, pseudonymise=pseudonymise)
    finally:
        text.detach()


def _write(
    writer: Any,
    histories: Histories,
    flat: Flat,
    done: Callable[[int], None],
    *,
    pseudonymise: bool,
) -> int:
    writer.writerow(columns(flat, pseudonymise=pseudonymise))
    count = 0
    for row in table_rows(histories, flat, pseudonymise=pseudonymise):
        writer.writerow([_cell(value) for value in row])
        count += 1
        done(1)
    return count


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
