"""Follow a log made of notifications, and what history.db then says. For the properties of the fold."""

import json
import os
import random
import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from store import MemoryLog, RuleBook
from store.history import follower, tables
from tests.property.lives import Sent, arrived

RULES = RuleBook()
EFFORT = float(os.environ.get("FOLD_EFFORT", "1"))
"""How many times the usual number of examples to try."""


def examples(number: int) -> settings:
    """So many examples, the same ones every time."""
    return settings(
        max_examples=max(1, int(number * EFFORT)),
        derandomize=EFFORT == 1,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


Rows = dict[str, list[tuple[Any, ...]]]


def follow(batches: Iterable[Sequence[Sent]]) -> sqlite3.Connection:
    """history.db after these batches arrived, each followed before the next."""
    log = MemoryLog()
    history = empty()
    following = follower.Follower(log, history, RULES)
    number = 0
    for batch in batches:
        log.append([arrived(one, number + place) for place, one in enumerate(batch)])
        number += len(batch)
        while following.step():
            pass
    return history


def told(history: sqlite3.Connection) -> Rows:
    """Every row that may depend on nothing but the set of events."""
    found: Rows = {}
    for name, table in tables.TABLES.items():
        if name in tables.ARRIVAL_TABLES:
            continue
        columns = [one for one in table.columns if one not in tables.ARRIVAL.get(name, ())]
        select = f"SELECT {', '.join(columns)} FROM {name} ORDER BY {table.pk}"
        found[name] = history.execute(select).fetchall()
    return found


def rows(history: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    """The rows of a table, by column name."""
    columns = list(tables.TABLES[table].columns)
    select = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {tables.TABLES[table].pk}"
    return [dict(zip(columns, row, strict=True)) for row in history.execute(select)]


def disordered(sent: Sequence[Sent], seed: int) -> list[list[Sent]]:
    """Another arrival of the same set: permuted, with duplicates, split into batches."""
    chance = random.Random(seed)
    arrivals = list(sent)
    arrivals += [respelled(one, chance) for one in sent if chance.random() < 0.3]
    chance.shuffle(arrivals)
    batches: list[list[Sent]] = [[]]
    for one in arrivals:
        if chance.random() < 0.4:
            batches.append([])
        batches[-1].append(one)
    return batches


def respelled(one: Sent, chance: random.Random) -> Sent:
    """The same event again: the same bytes, or the same JSON written in another way."""
    match chance.randrange(3):
        case 0:
            return one
        case 1:
            members = list(one.document.items())
            return one.saying(dict(reversed(members)))
        case _:
            return Sent(
                **{**vars(one), "body": json.dumps(one.document, indent=1, sort_keys=True).encode()}
            )


@cache
def _template() -> sqlite3.Connection:
    return follower.connect(Path(":memory:"))


def empty() -> sqlite3.Connection:
    """A history.db without a row, in memory."""
    history = sqlite3.connect(":memory:", isolation_level=None)
    # Making the tables takes longer than folding a life.
    _template().backup(history)
    return history
