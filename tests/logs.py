"""Logs to fold: what the simulated provider sent, as the edge kept it."""

import sqlite3
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from store import EventLog, MemoryLog, open_log
from store.history import follower
from store.history.follower import Follower
from store.history.rules import RuleBook
from store.history.tables import ARRIVAL, ARRIVAL_TABLES, TABLES
from tests.edge import edge
from tests.provider.history import history

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


@cache
def provider_log(tickets: int = 40) -> MemoryLog:
    """The log after a provider's six weeks, odd deliveries, redeliveries and refusals included."""
    with edge() as here:
        for delivery in history(tickets=tickets, now=NOW).deliveries:
            here.send(delivery.path, delivery.body, headers=dict(delivery.headers))
        return here.log


def copy(log: MemoryLog, directory: Path) -> EventLog:
    """The same log on disk: the same events, arrivals and refusals."""
    copied = open_log(directory)
    copied.append(list(log.read()))
    for again in log.redeliveries():
        event = log.event(again.position)
        assert event is not None
        copied.append([event])
    copied.quarantine(list(log.quarantined()))
    return copied


def fold(log: EventLog, batch: int = 1_000, path: Path | str = ":memory:") -> sqlite3.Connection:
    """A history.db of the whole log, folded in batches."""
    connection = follower.connect(Path(path))
    following = Follower(log, connection, RuleBook())
    while following.step(batch):
        pass
    return connection


def rows(connection: sqlite3.Connection, *, arrival: bool = False) -> dict[str, list[Any]]:
    """Every row of every table that is a function of the set of events; with `arrival`, all rows."""
    found: dict[str, list[Any]] = {}
    for name, table in TABLES.items():
        if arrival or name not in ARRIVAL_TABLES:
            left_out = frozenset() if arrival else ARRIVAL.get(name, frozenset())
            columns = [column for column in table.columns if column not in left_out]
            select = f"SELECT {', '.join(columns)} FROM {name} ORDER BY {table.pk}"
            found[name] = connection.execute(select).fetchall()
    return found


def assert_same(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> None:
    """Table by table, so that a failure names the rows that differ."""
    for table, found in one.items():
        odd = [row for row in found if row not in other[table]]
        missing = [row for row in other[table] if row not in found]
        assert (odd, missing) == ([], []), table
