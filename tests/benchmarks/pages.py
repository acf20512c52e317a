"""How fast the pages are on a large history: warm medians, server CPU, and the first answer after a start.

    python -m tests.benchmarks.pages --data /somewhere/big --json pages.json

Without --data a log of --events is made and folded first (a million takes some minutes). Each
figure stands beside the goal; the baseline is the smallest page there is, the style sheet.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import httpx

from tests.benchmarks import big_log
from tests.benchmarks.timing import Json, report

GOALS = {"ticket": 60, "board": 300}
GOAL, COLD_GOAL = 250, 1_000
"""Milliseconds: of tables, lists, facets and searches; of any page right after a start."""
TABLES = (
    *("tickets", "states", "timeline", "changes", "status_periods", "tasks", "task_states"),
    *("milestones", "jeopardy_alerts", "information_requests", "notes", "parties", "relations"),
    *("external_ids", "promises", "gaps", "notices", "specifications", "events", "sources"),
    *("drift", "quarantine"),
)
_BOARD = "/-/history"
_LIST = f"{_BOARD}/tickets?view="
_SEARCH = f"{_BOARD}/search?q="


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="A folded data directory.")
@click.option("--events", default=1_000_000, show_default=True, help="Of a log made for it.")
@click.option("--runs", default=7, show_default=True, help="Warm requests of each page.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there.")
def main(data: Path | None, events: int, runs: int, file: Path | None) -> None:
    """Measure pages in a real server process on loopback."""
    with tempfile.TemporaryDirectory() as directory:
        if data is None:
            data = Path(directory)
            big_log.make(data, events)
            subprocess.run(
                [sys.executable, "-m", "receiver", "rebuild", "--data", data], check=True
            )
        with _served(data) as (client, server):
            pages = _pages(client)
            rows = [_warm(client, server, *page, runs) for page in pages.items()]
        for row in rows:
            with _served(data, forget=True) as (client, _):
                row["cold ms"] = _milliseconds(client, pages[str(row["what"])])[0]
        report(f"Pages of {data / 'history.db'}", rows, file)
        late = [
            row["what"]
            for row in rows
            if row["median ms"] > row["goal"] or row["cold ms"] > COLD_GOAL
        ]
        print(f"beyond their goal: {', '.join(map(str, late)) or 'none'}")


def _pages(client: httpx.Client) -> dict[str, str]:
    """Names and addresses."""
    ask = "/history/tickets.json?_shape=array&_size=1&_sort_desc="
    (ticket,) = client.get(f"{ask}last_event_at").json()
    (other,) = client.get("/history/external_ids.json?_shape=array&_size=1").json()
    found = {
        "style sheet": f"{_BOARD}/history.css",
        "ticket": f"{_BOARD}/ticket/{ticket['id']}",
        "board": _BOARD,
        "board, one type": f"{_BOARD}?type={ticket['ticket_type'] or ''}",
        "board, one source, 30 days": f"{_BOARD}?source={ticket['source']}&period=30d",
        "board, one specification, 7 days": f"{_BOARD}?specification={ticket['specification'] or ''}&period=7d",
    }
    views = ("open", "past_due", "stuck", "bouncing", "arrived", "resolved", "bounced", "all")
    found |= {f"list {view}": f"{_LIST}{view}" for view in views}
    found |= {
        "list all, by name": f"{_LIST}all&sort=name",
        "list resolved, last page": f"{_LIST}resolved&page=1000",
        "search a name": f"{_SEARCH}Mueller",
        "search two words": f"{_SEARCH}kein+sync",
        "search an id's beginning": f"{_SEARCH}{ticket['id'][:5]}",
        "search another id": f"{_SEARCH}{other['id']}",
        "search one letter": f"{_SEARCH}d",
        "search nothing there": f"{_SEARCH}xyzzyx",
        "sources": f"{_BOARD}/sources",
        "tasks": f"{_BOARD}/tasks",
        "quarantine": f"{_BOARD}/quarantine",
        "home": "/",
        "database": "/history",
    }
    found |= {f"table {name}": f"/history/{name}" for name in TABLES}
    facets = {
        "tickets": ("status", "severity", "ticket_type", "source", "specification"),
        "timeline": ("kind",),
        "events": ("event_type", "source"),
        "status_periods": ("status",),
    }
    found |= {
        f"facet {table}.{column}": f"/history/{table}?_facet={column}"
        for table, columns in facets.items()
        for column in columns
    }
    found["facet tickets by day"] = "/history/tickets?_facet_date=created_at"
    return found


@contextmanager
def _served(data: Path, *, forget: bool = False) -> Iterator[tuple[httpx.Client, int]]:
    """`listener dashboards` until the block ends; its client and process id.

    With `forget`, the system's memory of history.db is given up first.
    """
    if forget:
        _forget(data / "history.db")
    command = (sys.executable, "-m", "receiver", "dashboards", "--dashboards-port", "0")
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([*command, "--data", str(data)], stdout=said, stderr=said)
        try:
            while not (found := re.search(r"pages on (http://\S+)", _read(said))):
                if process.poll() is not None:
                    raise click.ClickException(_read(said))
                time.sleep(0.02)
            with httpx.Client(base_url=found[1], timeout=60) as client:
                yield client, process.pid
        finally:
            process.terminate()
            process.wait(20)


def _read(said) -> str:
    said.seek(0)
    return said.read()


def _forget(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _warm(client: httpx.Client, server: int, name: str, path: str, runs: int) -> Json:
    _milliseconds(client, path)
    before = _cpu_seconds(server)
    took = [_milliseconds(client, path) for _ in range(runs)]
    used = _cpu_seconds(server) - before
    return {
        "what": name,
        "median ms": statistics.median(one for one, _ in took),
        "best ms": min(one for one, _ in took),
        "CPU ms": 1000 * used / runs,
        "kB": took[0][1] // 1000,
        "goal": GOALS.get(name.split(",", maxsplit=1)[0], GOAL),
    }


def _milliseconds(client: httpx.Client, path: str) -> tuple[float, int]:
    began = time.perf_counter()
    answer = client.get(path)
    took = 1000 * (time.perf_counter() - began)
    if answer.status_code not in (200, 302):
        raise click.ClickException(f"{path} answered {answer.status_code}: {answer.text[:500]}")
    if "facets timed out" in answer.text:
        took = max(took, float(COLD_GOAL))  # unanswered, so at least that
    return took, len(answer.content)


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
