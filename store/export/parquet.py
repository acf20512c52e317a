"""Parquet of a flat table: typed, times as instants in UTC. Needs pyarrow, an optional extra."""

import importlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from store.export.flat import Flat, columns, table_rows
from store.export.histories import Histories
from store.log.protocol import LogError
from store.times import moment

ROW_GROUP = 50_000
"""Rows held at once."""


class NoPyarrow(LogError):
    """Parquet needs pyarrow, which is not installed."""

    hint = "Install it: pip install 'tmf621-listener[parquet]', or export csv."


def pyarrow() -> tuple[Any, Any]:
    """Pyarrow and pyarrow.parquet. Raises NoPyarrow."""
    try:
        # By name: it is no dependency, and has no types that strict pyright could check.
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise NoPyarrow("Parquet needs pyarrow, which is not installed.") from None


def export(
    histories: Histories,
    flat: Flat,
    path: Path,
    done: Callable[[int], None],
    *,
    pseudonymise: bool = False,
) -> int:
    """Write the table; how many rows. Raises NoPyarrow, OSError."""
    arrow, parquet = pyarrow()
    types = columns(flat, pseudonymise=pseudonymise)
    schema = arrow.schema([(name, _type(arrow, name, kind)) for name, kind in types.items()])
    found = table_rows(histories, flat, pseudonymise=pseudonymise)
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(found, ROW_GROUP)):
            values = zip(*group, strict=True)
            arrays = [
                arrow.array([_value(name, one) for one in column], schema.field(name).type)
                for name, column in zip(types, values, strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            count += len(group)
            done(len(group))
    return count


def _is_time(name: str) -> bool:
    return name == "at" or name.endswith("_at")


def _type(arrow: Any, name: str, kind: type) -> Any:
    if _is_time(name):
        return arrow.timestamp("ms", tz="UTC")
    return {str: arrow.string(), int: arrow.int64(), float: arrow.float64()}[kind]


def _value(name: str, value: Any) -> Any:
    return moment(value) if value is not None and _is_time(name) else value
