"""Rebuild: fold the whole log anew, beside the present history.db, then take its place.

Two passes over the log: first every event into its index, then, unit by unit, the folds, spread
over the processors. Progress is committed as it goes, so that a killed rebuild goes on where it
was. The swap is one transaction in the present file: readers never see half a history, and keep
their connections.
"""

import gc
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from typing import Any

from store.history import follower, quality, rows, searching, tables, units, writing
from store.history.fold import History
from store.history.rules import RuleBook
from store.history.units import Unit
from store.history.view import view
from store.log.protocol import LogReader

INDEX_BATCH = 5_000
"""Events indexed in one transaction."""
FOLD_BATCH = 2_000
"""Events (of whole units) folded by one worker at a time."""

Progress = Callable[[int, int], None]
"""Told how many events of how many are done; each is counted once a pass, so twice in all."""
Rows = dict[str, list[tuple[Any, ...]]]
OpenReader = Callable[[], LogReader]
"""Opens the log; called in worker processes too, so it must be picklable."""


def rebuild(history: Path, open_reader: OpenReader, rules: RuleBook, progress: Progress) -> int:
    """Fold everything anew into `history`; how many events were folded.

    Events that arrive meanwhile are folded too. Interrupted at any time, the present history
    stays as it was, and the next rebuild goes on from where this one stopped.
    """
    aside = history.with_name(f"{history.name}.rebuild")
    with closing(open_reader()) as reader, closing(_start(aside, rules)) as connection:
        total = reader.head()
        _index_events(connection, reader, rules, total, progress)
        _fold_units(connection, open_reader, rules, total, progress)
        _finish(connection, reader, rules)
        folded = follower.checkpoint(connection, "events")
        with closing(follower.connect(history)) as present:
            connection.backup(present)
            present.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _remove(aside)
    return folded


def _start(aside: Path, rules: RuleBook) -> sqlite3.Connection:
    """Open what an earlier rebuild left, or begin anew when that was of another version or by other rules."""
    connection = _connect(aside)
    if follower.outdated(connection, rules):
        connection.close()
        _remove(aside)
        connection = _connect(aside)
        tables.create(connection, indexes=False)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS _rebuild (pass TEXT PRIMARY KEY, last TEXT, events INT)"
    )
    return connection


def _connect(aside: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(aside, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -131072")
    return connection


def _index_events(
    connection: sqlite3.Connection,
    reader: LogReader,
    rules: RuleBook,
    total: int,
    progress: Progress,
) -> None:
    """First pass: a row in `events` for every event of the log."""
    done = follower.checkpoint(connection, "events")
    while events := list(islice(reader.read(done, INDEX_BATCH), INDEX_BATCH)):
        found = [units.event_row(event, event.position, event.conflict_of) for event in events]
        done = events[-1].position
        connection.execute("BEGIN IMMEDIATE")
        writing.insert(connection, "events", found)
        quality.count_events(connection, found)
        marks = [rows.FollowerRow("events", done), rows.FollowerRow("rules", rules.fingerprint)]
        writing.insert(connection, "_follower", marks)
        connection.execute("COMMIT")
        progress(min(done, total), 2 * total)
    for column in ("ticket", "specification", "task"):
        connection.execute(f"CREATE INDEX IF NOT EXISTS idx_events_{column} ON events ({column})")


def _fold_units(
    connection: sqlite3.Connection,
    open_reader: OpenReader,
    rules: RuleBook,
    total: int,
    progress: Progress,
) -> None:
    """Second pass: the history of every unit, in the order of their keys."""
    workers = os.cpu_count() or 1
    waiting: deque[tuple[list[_Share], Future[Rows]]] = deque()
    counted = _counted(connection)
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin_worker) as pool:
        try:
            for shares in _batches(connection):
                waiting.append((shares, pool.submit(_fold_shares, open_reader, rules, shares)))
                if len(waiting) > 2 * workers:
                    counted += _keep(connection, *waiting.popleft())
                    progress(total + min(counted, total), 2 * total)
            while waiting:
                counted += _keep(connection, *waiting.popleft())
                progress(total + min(counted, total), 2 * total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin_worker() -> None:
    """In a worker: no hunt for cycles, of which folds make none (measured: a fifth faster), and an
    end when the rebuild ends, even by kill -9, which tells its children nothing.
    """
    gc.disable()
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


_Share = tuple[Unit, list[int]]
"""A unit and the positions of its events."""


def _batches(connection: sqlite3.Connection) -> Iterator[list[_Share]]:
    """All units not folded yet with their positions, in batches of about FOLD_BATCH events."""
    for kind, select in _UNITS.items():
        batch: list[_Share] = []
        size = 0
        for source, key in _keys(connection, select, _last(connection, kind)):
            unit = Unit(kind, source, key)
            positions = units.positions(connection, unit)
            batch.append((unit, positions))
            size += len(positions)
            if size >= FOLD_BATCH:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def _keys(connection: sqlite3.Connection, select: str, last: str) -> Iterator[tuple[str, str]]:
    while page := connection.execute(select, (last,)).fetchall():
        yield from page
        last = page[-1][1]


_UNITS = {
    # The source of a key is that of any of its events: keys begin with it.
    "ticket": "SELECT source, ticket FROM events WHERE ticket > ? GROUP BY ticket "
    "ORDER BY ticket LIMIT 1000",
    "specification": "SELECT source, specification FROM events WHERE specification > ? "
    "GROUP BY specification ORDER BY specification LIMIT 1000",
    "task": "SELECT source, task FROM events WHERE task > ? GROUP BY task "
    "HAVING max(ticket) IS NULL ORDER BY task LIMIT 1000",
}


def _fold_shares(open_reader: OpenReader, rules: RuleBook, shares: list[_Share]) -> Rows:
    """In a worker: the rows of these units, table by table."""
    found: Rows = {table: [] for table in History._fields}
    with closing(open_reader()) as reader:
        wanted = [position for _, positions in shares for position in positions]
        events = {event.position: event for event in reader.events(wanted)}
    for unit, positions in shares:
        its_rules = rules.of(unit.source)
        views = [view(events[position], its_rules.zone) for position in positions]
        history = units.fold(unit, views, its_rules)
        for table, folded in zip(History._fields, history, strict=True):
            found[table] += [tuple(row) for row in folded]
    return found


def _keep(connection: sqlite3.Connection, shares: list[_Share], future: "Future[Rows]") -> int:
    folded = future.result()
    unit = shares[-1][0]
    count = sum(len(positions) for _, positions in shares)
    connection.execute("BEGIN IMMEDIATE")
    for table, found in folded.items():
        writing.insert(connection, table, found)
    connection.execute(
        "INSERT INTO _rebuild VALUES (?1, ?2, ?3) ON CONFLICT (pass) DO UPDATE "
        "SET last = ?2, events = events + ?3",
        (unit.kind, unit.key, count),
    )
    connection.execute("COMMIT")
    return count


def _last(connection: sqlite3.Connection, kind: str) -> str:
    row = connection.execute("SELECT last FROM _rebuild WHERE pass = ?", (kind,)).fetchone()
    return row[0] if row else ""


def _counted(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT coalesce(sum(events), 0) FROM _rebuild").fetchone()[0]


def _finish(connection: sqlite3.Connection, reader: LogReader, rules: RuleBook) -> None:
    """Indexes, sums, and what arrived meanwhile: as the follower would have left it."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DROP TABLE IF EXISTS _rebuild")
    connection.execute(
        "UPDATE sources SET (aliases, open_gaps) = (SELECT coalesce(sum(tickets.aliases), 0), "
        "coalesce(sum(tickets.open_gaps), 0) FROM tickets WHERE tickets.source = sources.source)"
    )
    connection.execute("COMMIT")
    tables.index(connection)
    searching.fill(connection)
    sources = [source for (source,) in connection.execute("SELECT source FROM sources")]
    quality.refresh(connection, sources)
    following = follower.Follower(reader, connection, rules)
    while following.step():
        pass


def _remove(aside: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        aside.with_name(f"{aside.name}{suffix}").unlink(missing_ok=True)
