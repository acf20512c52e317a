"""The follower: reads on from its checkpoint, folds what was touched, commits rows and checkpoint
together.

Exactly once in effect: killed anywhere, it goes on from the last commit, and folding again ends
in the same rows. One follower at a time writes history.db (a lock beside it).
"""

import sqlite3
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path

from store.events import EventHead, RecordedEvent
from store.history import quality, rows, searching, tables, units, writing
from store.history.fold import History
from store.history.rules import RuleBook
from store.history.units import Unit
from store.history.view import View, view
from store.log.protocol import LogReader

BATCH = 1_000
"""Events in one transaction: enough to fold a busy ticket once, few enough to be seen soon."""
REMEMBERED = 15_000
"""Views kept in memory (some 15 KB each with their rows), so that a ticket's next event need not
read all the earlier ones."""


HUGE_SECONDS = 0.05
"""A ticket that takes longer to fold (some 2,000 entries) makes the follower rest afterwards."""
REST = 4.0
"""The rest, in folds of that ticket: at most a fifth of the time goes into it."""
LONGEST_REST_SECONDS = 2.0


class Follower:
    """Folds one log into one history.db."""

    def __init__(self, reader: LogReader, history: sqlite3.Connection, rules: RuleBook) -> None:
        self._reader = reader
        self._history = history
        self._rules = rules
        self._held = _Remembered(REMEMBERED)
        self.rest_seconds = 0.0
        """How long to wait before the next step, so that one huge ticket, which is folded whole for
        every step that touches it, takes a bounded share of the time however often it is told of."""

    def checkpoint(self) -> int:
        """Position of the last event that is folded."""
        return checkpoint(self._history, "events")

    def step(self, limit: int = BATCH) -> int:
        """Fold up to `limit` further events and arrivals in one transaction; how many there were."""
        self._history.execute("BEGIN IMMEDIATE")
        try:
            done = self._step(limit)
            self._history.commit()
        except BaseException:
            self._held.clear()
            self._history.rollback()
            raise
        return done

    def _step(self, limit: int) -> int:
        after = {name: checkpoint(self._history, name) for name in CHECKPOINTS}
        events = list(islice(self._reader.read(after["events"], limit), limit))
        event_rows = [units.event_row(EventHead.of(event)) for event in events]
        writing.insert(self._history, "events", event_rows)
        sources = quality.count_events(self._history, event_rows)
        self._fold(events, event_rows)
        # Arrivals of events that are not folded yet wait for them.
        head = events[-1].position if events else after["events"]
        # So do those behind them: a checkpoint must not pass over any.
        arrivals = list(
            takewhile(
                lambda arrival: arrival.position <= head,
                self._reader.redeliveries(after["redeliveries"], limit),
            )
        )
        sources |= quality.count_redeliveries(self._history, arrivals)
        refused = list(self._reader.quarantined(after["quarantine"], limit))
        sources |= quality.count_refused(self._history, refused)
        last_refused = refused[-1].id if refused else after["quarantine"]
        decisions = list(
            takewhile(
                lambda one: one.entry <= last_refused,
                self._reader.decisions(after["decisions"], limit),
            )
        )
        quality.count_decisions(self._history, decisions)
        quality.refresh(self._history, sources)
        if after["events"] == 0:
            marks = [rows.FollowerRow("rules", self._rules.fingerprint)]
            writing.insert(self._history, "_follower", marks)
        for name, last in (
            ("events", events[-1].position if events else None),
            ("redeliveries", arrivals[-1].id if arrivals else None),
            ("quarantine", refused[-1].id if refused else None),
            ("decisions", decisions[-1].id if decisions else None),
        ):
            if last is not None:
                writing.insert(self._history, "_follower", [rows.FollowerRow(name, last)])
        return len(events) + len(arrivals) + len(refused) + len(decisions)

    def _fold(self, events: list[RecordedEvent], event_rows: list[rows.EventRow]) -> None:
        new = {event.position: event for event in events}
        todo: dict[Unit, None] = {}
        for row in event_rows:
            todo.update(dict.fromkeys(sorted(units.touched(self._history, row))))
        changes = writing.Changes(self._history)
        texts: list[searching.Pair] = []
        slowest = 0.0
        for unit in todo:
            began = time.perf_counter()
            held = self._held.take(unit)
            wanted = units.positions(self._history, unit)
            before = held.history or self._present(unit, wanted, new)
            views = self._views(unit, held, wanted, new)
            after = units.fold(unit, views, self._rules.of(unit.source))
            changes.replace(unit.kind, before, after)
            if unit.kind == "ticket":
                texts.append((before, after))
            quality.count_folded(
                self._history, unit.source, quality.folded(before), quality.folded(after)
            )
            self._held.keep(unit, _Held(held.views, after))
            slowest = max(slowest, time.perf_counter() - began)
        changes.write()
        searching.update(self._history, texts)
        is_huge = slowest > HUGE_SECONDS
        self.rest_seconds = min(REST * slowest, LONGEST_REST_SECONDS) if is_huge else 0.0

    def _present(self, unit: Unit, wanted: list[int], new: Mapping[int, RecordedEvent]) -> History:
        if all(position in new for position in wanted):
            return History()
        return writing.present(self._history, unit.kind, unit.key)

    def _views(
        self, unit: Unit, held: "_Held", wanted: list[int], new: Mapping[int, RecordedEvent]
    ) -> list[View]:
        missing = [position for position in wanted if position not in held.views]
        old = [position for position in missing if position not in new]
        told = self._reader.told(old) if old else []
        rules = self._rules.of(unit.source)
        for event, body in told:
            held.views[event.position] = view(event, body, rules.zone, rules.speech)
        for position in missing:
            if position in new:
                held.views[position] = view(
                    new[position], new[position].body, rules.zone, rules.speech
                )
        return [held.views[position] for position in wanted]


CHECKPOINTS = ("events", "redeliveries", "quarantine", "decisions")


def checkpoint(history: sqlite3.Connection, name: str) -> int:
    row = history.execute("SELECT value FROM _follower WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def connect(path: Path) -> sqlite3.Connection:
    """Open history.db for writing, making its tables when it is new. WAL, no autocommit magic.

    A history.db can always be folded again, so it is synced at checkpoints only.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA cache_size = -65536")
    if version(connection) == 0:
        tables.create(connection)
    return connection


def outdated(connection: sqlite3.Connection, rules: RuleBook) -> str | None:
    """Why history.db has to be folded anew; None when it goes on as it is."""
    if version(connection) != tables.VERSION:
        return "history.db is of another version"
    if checkpoint(connection, "rules") not in {0, rules.fingerprint}:
        return "the rules of folding (dialects, time zones, service clock) have changed"
    return None


def version(connection: sqlite3.Connection) -> int:
    """The version of its tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@dataclass(slots=True)
class _Held:
    """What is remembered of a unit: its views by position, and the rows that were written last."""

    views: dict[int, View]
    history: History | None


class _Remembered:
    """The units used last, bounded by how many views they have."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._views = 0
        self._units: OrderedDict[Unit, _Held] = OrderedDict()

    def take(self, unit: Unit) -> _Held:
        held = self._units.pop(unit, None) or _Held({}, None)
        self._views -= len(held.views)
        return held

    def keep(self, unit: Unit, held: _Held) -> None:
        self._units[unit] = held
        self._views += len(held.views)
        while self._views > self._most and len(self._units) > 1:
            _, dropped = self._units.popitem(last=False)
            self._views -= len(dropped.views)

    def clear(self) -> None:
        self._units.clear()
        self._views = 0
