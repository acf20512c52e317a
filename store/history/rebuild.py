"""Rebuild: fold the whole log anew, beside the present history.db, then take its place.

Two passes over the log: first every event into its index, then, unit by unit, the folds; both
spread over the processors (`turns`). Progress is committed as it goes, in order, so that a killed
rebuild goes on where it was. Readers of the present history never see half of a new one
(`taking_place`).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from store.history import follower, quality, rows, searching, tables, units, writing
from store.history.fold import History
from store.history.folding_order import Share, batches
from store.history.rules import RuleBook
from store.history.taking_place import take_place
from store.history.view import view
from store.log.protocol import LogReader
from store.turns import in_turns, processors

INDEX_BATCH = 5_000
"""Events indexed in one transaction."""
FOLD_BATCH = 2_000
"""Events (of whole units) folded in one."""
INDEX_EVERY = 8
"""Batches between two indexes made meanwhile: long enough for the others to fold ahead again."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Another after each start of the machine."""

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
    with closing(open_reader()) as reader, closing(_start(aside, rules, reader)) as connection:
        _index_events(connection, partial(_Indexing, aside, open_reader, rules), progress)
        _fold_units(connection, partial(_Folding, aside, open_reader, rules), progress)
        _finish(connection, reader, rules)
        folded = follower.checkpoint(connection, "events")
    take_place(aside, history)
    _remove(aside)
    return folded


def _start(aside: Path, rules: RuleBook, reader: LogReader) -> sqlite3.Connection:
    """Open what an earlier rebuild left, or begin anew when that was of another version, by other
    rules, or may have been torn when the machine went down.
    """
    connection = _connect(aside)
    if follower.outdated(connection, rules) or not _is_of_this_boot(connection):
        connection.close()
        _remove(aside)
        connection = _connect(aside)
        tables.create(connection, indexes=False)
        searching.gather(connection)
    # What arrives later is for the follower's way, at the end: it may belong to what is folded.
    connection.execute(
        "CREATE TABLE IF NOT EXISTS _rebuild (pass TEXT PRIMARY KEY, last TEXT, events INT)"
    )
    connection.executemany(
        "INSERT OR IGNORE INTO _rebuild VALUES (?, ?, ?)",
        [("boot", _boot(), 0), ("all", "", reader.head())],
    )
    return connection


def _connect(aside: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(aside, isolation_level=None, timeout=30)
    # Each page is written once and nobody reads meanwhile: a write-ahead log would write all twice.
    connection.execute("PRAGMA journal_mode = PERSIST")
    # Without fsync a killed process loses nothing (sqlite.org/pragma.html#pragma_synchronous); a
    # machine that goes down may, which is found out by its next boot.
    connection.execute(f"PRAGMA synchronous = {'OFF' if _boot() else 'NORMAL'}")
    connection.execute("PRAGMA cache_size = -65536")
    return connection


def _boot() -> str:
    """Of this machine; empty where it does not tell."""
    return BOOT.read_text().strip() if BOOT.exists() else ""


def _is_of_this_boot(connection: sqlite3.Connection) -> bool:
    return _last(connection, "boot") == _boot()


def _index_events(
    connection: sqlite3.Connection, open_hand: "partial[_Indexing]", progress: Progress
) -> None:
    """First pass: a row in `events` for every event of the log."""
    total = _count(connection, "all")
    done = follower.checkpoint(connection, "events")
    ranges = [(after, min(after + INDEX_BATCH, total)) for after in range(done, total, INDEX_BATCH)]
    for done in in_turns(ranges, open_hand, min(processors(), len(ranges))):
        progress(done, 2 * total)


class _Indexing:
    """Reads the heads of a range of events, writes them as rows of `events`."""

    def __init__(self, aside: Path, open_reader: OpenReader, rules: RuleBook) -> None:
        self._connection = _connect(aside)
        self._reader = open_reader()
        self._rules = rules

    def prepare(self, job: tuple[int, int]) -> list[rows.EventRow]:
        after, until = job
        return list(map(units.event_row, self._reader.heads(after, until - after)))

    def write(self, prepared: list[rows.EventRow]) -> int:
        done = prepared[-1].position
        self._connection.execute("BEGIN IMMEDIATE")
        writing.insert(self._connection, "events", prepared)
        quality.count_events(self._connection, prepared)
        marks = [
            rows.FollowerRow("events", done),
            rows.FollowerRow("rules", self._rules.fingerprint),
        ]
        writing.insert(self._connection, "_follower", marks)
        self._connection.execute("COMMIT")
        return done

    def close(self) -> None:
        self._reader.close()
        self._connection.close()


def _fold_units(
    connection: sqlite3.Connection, open_hand: "partial[_Folding]", progress: Progress
) -> None:
    """Second pass: the history of every unit, in the order of their keys."""
    total = _count(connection, "all")
    folded = sum(_count(connection, kind) for kind in units.KINDS)
    # The rows of `events` are all there: their indexes are made here, while others fold.
    missing = [index for index in tables.every_index() if index[0] == "events"]
    for number, count in enumerate(in_turns(_shares(connection), open_hand, processors())):
        folded += count
        progress(total + min(folded, total), 2 * total)
        if missing and number % INDEX_EVERY == 0:
            tables.index(connection, missing.pop())


def _shares(connection: sqlite3.Connection) -> Iterator[list[Share]]:
    """What is still to be folded. The index that tells is made while processes start."""
    tables.index(connection, ("events", ("ticket", "task")))
    folded = {kind: _last(connection, kind) for kind in units.KINDS}
    yield from batches(connection, folded, FOLD_BATCH)


class _Folded(NamedTuple):
    """A batch of units, folded: where it ends, and its rows."""

    kind: str
    last: str
    events: int
    rows: Rows
    texts: list[tuple[str, searching.Document]]
    """What search finds of its tickets."""


class _Folding:
    """Reads the events of units and folds them, writes their rows."""

    def __init__(self, aside: Path, open_reader: OpenReader, rules: RuleBook) -> None:
        self._connection = _connect(aside)
        self._reader = open_reader()
        self._rules = rules

    def prepare(self, job: list[Share]) -> _Folded:
        wanted = [position for _, positions in job for position in positions]
        told = {event.position: (event, body) for event, body in self._reader.told(wanted)}
        found: Rows = {table: [] for table in History._fields}
        texts: list[tuple[str, searching.Document]] = []
        for unit, positions in job:
            rules = self._rules.of(unit.source)
            views = [view(*told[position], rules.zone, rules.speech) for position in positions]
            history = units.fold(unit, views, rules)
            for table, folded in zip(History._fields, history, strict=True):
                found[table] += folded
            document = searching.document(history)
            if document is not None:
                texts.append((unit.key, document))
        unit = job[-1][0]
        return _Folded(unit.kind, unit.key, len(wanted), found, texts)

    def write(self, prepared: _Folded) -> int:
        self._connection.execute("BEGIN IMMEDIATE")
        for table, found in prepared.rows.items():
            writing.insert(self._connection, table, found)
        searching.add(self._connection, prepared.texts)
        self._connection.execute(
            "INSERT INTO _rebuild VALUES (?1, ?2, ?3) ON CONFLICT (pass) DO UPDATE "
            "SET last = ?2, events = events + ?3",
            (prepared.kind, prepared.last, prepared.events),
        )
        self._connection.execute("COMMIT")
        return prepared.events

    def close(self) -> None:
        self._reader.close()
        self._connection.close()


def _last(connection: sqlite3.Connection, kind: str) -> str:
    row = connection.execute("SELECT last FROM _rebuild WHERE pass = ?", (kind,)).fetchone()
    return row[0] if row else ""


def _count(connection: sqlite3.Connection, what: str) -> int:
    row = connection.execute("SELECT events FROM _rebuild WHERE pass = ?", (what,)).fetchone()
    return row[0] if row else 0


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
    searching.tidy(connection)
    sources = [source for (source,) in connection.execute("SELECT source FROM sources")]
    quality.refresh(connection, sources)
    following = follower.Follower(reader, connection, rules)
    while following.step():
        pass
    connection.execute("PRAGMA journal_mode = WAL")


def _remove(aside: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        aside.with_name(f"{aside.name}{suffix}").unlink(missing_ok=True)
