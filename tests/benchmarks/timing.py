"""Measuring: medians over interleaved runs, and each figure beside its baseline."""

import json
import os
import platform
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def interleaved(runs: int, **works: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of each work, A B C A B C …, so that a slow minute hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            found[name].append(seconds(work))
    return found


def ratio(one: list[float], other: list[float]) -> float:
    """Median of the ratios run by run."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def report(title: str, rows: list[Json], file: Path | None) -> None:
    """A table on the terminal, and the same as JSON into a file."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    shown = [[_shown(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[n]) for line in [columns, *shown]) for n in range(len(columns))]
    print(f"\n{title}")
    for line in [columns, *shown]:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  " + "  ".join(cells))
    if file:
        file.write_text(json.dumps({"title": title, "on": where(), "rows": rows}, indent=2) + "\n")


def where() -> Json:
    """On what it was measured."""
    return {
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
