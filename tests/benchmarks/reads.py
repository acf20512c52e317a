"""Reads and starts at growing sizes of the log: each figure beside itself at the first size."""

import asyncio
import functools
import json
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from dashboards import board
from store import history, open_log, open_reader
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from tests.benchmarks import bodies
from tests.benchmarks.client import Sender, load
from tests.benchmarks.disk import fill, told
from tests.benchmarks.serving import DURABLE, serving
from tests.benchmarks.timing import Json, seconds

SCANNED = 100_000
APPENDED = 5_000
TICKETS = 50
NOW = "2026-11-24T06:00:00.000Z"
EVENTS_PER_SECOND = 4_000
"""Made, indexed and folded while a log is made ready, roughly: for the estimate."""

Say = Callable[[str], None]


def estimate_seconds(sizes: Sequence[int]) -> float:
    """Roughly how long `measure` takes."""
    return sum(size / EVENTS_PER_SECOND + 20 for size in sizes)


def measure(directory: Path, sizes: Sequence[int], say: Say) -> Iterator[Json]:
    """A row for each size."""
    first: Json | None = None
    for events in sizes:
        say(f"reads: making a log of {events:,} events and its history")
        data = directory / f"{events}"
        fill(data, bodies.MIX, events, batch=500)
        opened = functools.partial(open_reader, data)
        rebuild(data / "history.db", opened, RuleBook(), lambda *_: None)
        say(f"reads: reading {events:,} events")
        found = _figures(data, events)
        first = first or found
        yield found | {
            f"{name} of first": found[name] / first[name]
            for name in ("scan events/s", "append events/s", "204/s")
        }


def _figures(data: Path, events: int) -> Json:
    return {
        "events": events,
        "scan events/s": _scan(data, events),
        **_tickets(data),
        "board ms": _board(data) * 1_000,
        # Last: a history that is asked for beside unfolded events has to read them.
        "append events/s": _append(data),
        **_start(data),
    }


def _scan(data: Path, events: int) -> float:
    """The replay's way: every event as a line of JSON."""
    after = max(0, events - SCANNED) // 2
    count = min(events, SCANNED)

    def scan() -> None:
        with closing(open_reader(data)) as reader:
            for event in islice(reader.read(after), count):
                json.dumps({"position": event.position, "type": event.event_type}).encode()
                len(event.body)

    return count / statistics.median(seconds(scan) for _ in range(3))


def _append(data: Path) -> float:
    events = list(islice(told(bodies.MIX), APPENDED))
    with closing(open_log(data)) as log:
        took = seconds(lambda: [log.append(events[n : n + 10]) for n in range(0, APPENDED, 10)])
    return APPENDED / took


def _tickets(data: Path) -> Json:
    """Median milliseconds to ask for one ticket's history, now and as of a moment."""
    with closing(sqlite3.connect(data / "history.db")) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM tickets LIMIT 2000")]
    asked = Random(1).sample(ids, TICKETS)
    plain = [seconds(lambda one=one: history(data, one)) for one in asked]
    as_of = [seconds(lambda one=one: history(data, one, as_of=NOW)) for one in asked]
    return {
        "ticket ms": statistics.median(plain) * 1_000,
        "as of ms": statistics.median(as_of) * 1_000,
    }


def _board(data: Path) -> float:
    with closing(sqlite3.connect(data / "history.db")) as connection:
        connection.row_factory = sqlite3.Row

        async def ask(sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(sql, values)]

        return statistics.median(seconds(lambda: asyncio.run(board.read(ask, NOW))) for _ in "123")


def _start(data: Path) -> Json:
    """How long a receiver takes to listen on this log, and what it takes in then."""
    began = time.perf_counter()
    with serving(DURABLE, data) as server:
        started = time.perf_counter() - began
        found = load(
            server.port, Sender(bodies.templates(bodies.MIX), f"s{began}"[:8]),
            connections=128, seconds=3,
        )  # fmt: skip
        memory = server.memory()
    return {
        "start s": started,
        "204/s": found.per_second,
        **{f"{name} MB": megabytes for name, megabytes in memory.items()},
    }
