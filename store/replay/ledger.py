"""replay.db: what was delivered where. Jobs, and for each job a row for every event it dealt with.

A file of its own beside the log: log.db has one writer and nothing in it ever changes; history.db
can be deleted and folded again, but what another system was told cannot be found out again. Losing
replay.db loses no event: it only means delivering from the start, to targets that know a key.

Of one job only one process is at work (a lock). Rows and checkpoint are committed together:
everything up to the checkpoint has its row, so a job goes on exactly where it stopped. Of a stream, which takes events in a row or fails
as a whole, one row stands for each stretch. What was
delivered but not committed when a process was killed (at most a `Batch`) is delivered again.

    delivered   acknowledged by the target
    erased      had no body any more, so there was nothing to deliver
    waiting     not delivered yet: it failed and is tried again, or an earlier event of its ticket is
    dead        given up after the last attempt; later events of its ticket wait behind it
    dropped     a dead one that somebody gave up for good; those behind it go on
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from store.log.protocol import LogError, LogLocked, LogMissing, LogUnavailable

REPLAY_FILE = "replay.db"
VERSION = 1

_OBJECTS = ("jobs.sql", "deliveries.sql", "deliveries_open.sql", "spans.sql")
_JOB_COLUMNS = (
    "job, name, kind, target, selection, started_at, started_by, state, checkpoint, delivered,"
    " failures, problem, updated_at"
)


class UnknownJob(LogError):
    """No job has this name."""

    hint = "`listener jobs list` shows them."


class JobExists(LogError):
    """A job of this name is there already."""

    hint = "Go on with --resume, or give this one another --name."


class Job(NamedTuple):
    """One replay, or the following of one target."""

    job: int
    name: str
    kind: str
    """replay, state or forward."""
    target: str
    selection: str
    """As JSON."""
    started_at: str
    started_by: str
    state: str
    """running, stopped, failed or finished. Says running after a kill -9, until it goes on."""
    checkpoint: int
    """Every selected event up to this position has its row."""
    delivered: int
    failures: int
    """Attempts that failed."""
    problem: str | None
    updated_at: str


class Delivery(NamedTuple):
    """What became of one event in one job."""

    position: int
    ticket: str | None
    outcome: str
    attempts: int
    error: str | None
    at: str


class Span(NamedTuple):
    """Events that were delivered in one go: every selected one from first to last."""

    first: int
    last: int
    events: int
    at: str


class Ledger:
    """replay.db of one data directory; made where it is missing. From one thread.

    `fence` is asked before what became of events is kept: it raises where the work is another
    node's now. Raises LogMissing without that directory, LogUnavailable when the file cannot be used.
    """

    def __init__(self, directory: Path, *, fence: Callable[[], None] = lambda: None) -> None:
        self.path = directory / REPLAY_FILE
        self._fence = fence
        self._lock = -1
        if not directory.is_dir():
            raise LogMissing(f"{directory} does not exist.")
        self._connection = _connected(self.path)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            # Losing the last commits in a power cut repeats their deliveries, as a kill does.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._make()
        except sqlite3.Error as error:
            self._connection.close()
            raise LogUnavailable(f"{self.path} cannot be used: {error}.") from error

    def close(self) -> None:
        self._connection.close()
        if self._lock >= 0:
            os.close(self._lock)

    def jobs(self) -> list[Job]:
        """All of them, the newest first."""
        found = self._connection.execute(f"SELECT {_JOB_COLUMNS} FROM jobs ORDER BY job DESC")
        return [Job(*row) for row in found]

    def job(self, name: str) -> Job:
        """The job of this name. Raises UnknownJob."""
        query = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE name = ?"
        row = self._connection.execute(query, (name,)).fetchone()
        if row is None:
            raise UnknownJob(f"There is no job {name!r}.")
        return Job(*row)

    def latest(self, target: str) -> Job:
        """The replay into this target that was begun last. Raises UnknownJob."""
        found = [job for job in self.jobs() if job.target == target and job.kind != "forward"]
        if not found:
            raise UnknownJob(f"Nothing was ever replayed into {target!r}.")
        return found[0]

    def select(self, job: Job, selection: str) -> None:
        """From now on it is about these events."""
        self._connection.execute(
            "UPDATE jobs SET selection = ? WHERE job = ?", (selection, job.job)
        )

    def rewind(self, job: Job, head: int) -> Job:
        """Forget what is behind the log's end: it was about events that this log never had."""
        with self._transaction():
            for table, column in (("deliveries", "position"), ("spans", "last_position")):
                self._connection.execute(
                    f"DELETE FROM {table} WHERE job = ? AND {column} > ?", (job.job, head)
                )
            self._connection.execute(
                "UPDATE jobs SET checkpoint = min(checkpoint, ?) WHERE job = ?", (head, job.job)
            )
        return self.job(job.name)

    def overtaken(self, job: Job, position: int) -> Job:
        """Another node dealt with everything up to this position: what waited here is delivered."""
        with self._transaction():
            self._connection.execute(
                "UPDATE deliveries SET outcome = 'delivered' WHERE job = ? AND position <= ?"
                " AND outcome = 'waiting'",
                (job.job, position),
            )
            self._connection.execute(
                "UPDATE jobs SET checkpoint = max(checkpoint, ?) WHERE job = ?", (position, job.job)
            )
        return self.job(job.name)

    def begin(
        self, *, name: str | None, kind: str, target: str, selection: str, after: int, by: str, at: str
    ) -> Job:  # fmt: skip
        """A new job; without a name it is called by target and number. Raises JobExists."""
        told = "kind, target, selection, checkpoint, started_by, started_at, updated_at"
        values = (kind, target, selection, after, by, at, at)
        with self._transaction():
            number: int = self._one("SELECT coalesce(max(job), 0) + 1 FROM jobs")
            called = name or f"{target}-{number}"
            if self._one("SELECT count(*) FROM jobs WHERE name = ?", called):
                raise JobExists(f"There is a job {called!r} already.")
            self._connection.execute(
                f"INSERT INTO jobs (job, name, {told}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, called, *values),
            )
        return self.job(called)

    def take(self, job: Job) -> None:
        """Be the only one at work on this job until `close`. Raises LogLocked."""
        descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, job.job)
        except OSError:
            os.close(descriptor)
            raise LogLocked(f"Another process is at work on job {job.name!r}.") from None
        self._lock = descriptor

    def is_at_work(self, job: Job) -> bool:
        """Whether another process is at work on it. Not for a process that has taken a job."""
        with open(f"{self.path}.lock", "ab") as file:  # noqa: PTH123  beside the path, not in it
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, job.job)
            except OSError:
                return True
        return False

    def settle(self, job: Job, batch: "Batch", at: str) -> None:
        """Keep what became of some events, and how far the job is, in one transaction."""
        with self._transaction():
            self._fence()
            self._connection.executemany(_SETTLE, ((job.job, *row) for row in batch.rows))
            if batch.span:
                self._connection.execute(_SPAN, (job.job, *batch.span, batch.delivered, at))
            told = (batch.checkpoint, batch.delivered, batch.failures, at, job.job)
            self._connection.execute(_ADVANCE, told)

    def state(self, job: Job, state: str, at: str, problem: str | None = None) -> None:
        """How it stands, and why."""
        self._connection.execute(
            "UPDATE jobs SET state = ?, problem = ?, updated_at = ? WHERE job = ?",
            (state, problem, at, job.job),
        )

    def version(self) -> int:
        """Another number once another process has written: somebody decided about dead letters."""
        return self._one("PRAGMA data_version")

    def settled_after(self, job: Job, position: int) -> set[int]:
        """Positions behind this one that have a row."""
        query = "SELECT position FROM deliveries WHERE job = ? AND position > ?"
        return {one for (one,) in self._connection.execute(query, (job.job, position))}

    def blocked(self, job: Job) -> set[str]:
        """Tickets of which something waits or is dead."""
        query = f"SELECT DISTINCT ticket FROM deliveries WHERE {_OPEN}"
        return {one for (one,) in self._connection.execute(query, (job.job,))}

    def ready(self, job: Job) -> list[str]:
        """Tickets of which something waits that no dead event stands before."""
        # With min() SQLite takes the other columns from the row that has it (sqlite.org/lang_select).
        query = (
            f"SELECT ticket, min(position), outcome FROM deliveries WHERE {_OPEN} GROUP BY ticket"
        )
        found = self._connection.execute(query, (job.job,))
        return [ticket for ticket, _, outcome in found if outcome == "waiting"]

    def waiting(self, job: Job, ticket: str, limit: int) -> list[Delivery]:
        """What waits of this ticket, in order, up to its first dead one."""
        query = f"SELECT {_DELIVERY_COLUMNS} FROM deliveries WHERE {_OPEN} AND ticket = ? ORDER BY position LIMIT ?"
        found = [
            Delivery(*row) for row in self._connection.execute(query, (job.job, ticket, limit))
        ]
        return list(takewhile(lambda one: one.outcome == "waiting", found))

    def deliveries(self, job: Job, outcome: str | None = None, limit: int = -1) -> list[Delivery]:
        """What became of its events, by position."""
        query = (
            f"SELECT {_DELIVERY_COLUMNS} FROM deliveries WHERE job = ?"
            " AND outcome = coalesce(?, outcome) ORDER BY position LIMIT ?"
        )
        return [
            Delivery(*row) for row in self._connection.execute(query, (job.job, outcome, limit))
        ]

    def behind(self, job: Job, dead: Delivery) -> int:
        """How many events wait behind a dead one."""
        query = f"SELECT count(*) FROM deliveries WHERE {_OPEN} AND ticket = ? AND position > ?"
        return self._one(query, job.job, dead.ticket, dead.position)

    def spans(self, job: Job) -> list[Span]:
        """What a stream took, stretch by stretch."""
        query = "SELECT first_position, last_position, events, at FROM spans WHERE job = ?"
        return [Span(*row) for row in self._connection.execute(query, (job.job,))]

    def outcomes(self, job: Job) -> dict[str, int]:
        """How many events of each outcome."""
        query = "SELECT outcome, count(*) FROM deliveries WHERE job = ? GROUP BY outcome"
        return dict(self._connection.execute(query, (job.job,)).fetchall())

    def decide(self, job: Job, outcome: str, at: str, position: int | None = None) -> list[int]:
        """Make dead events (or the one at `position`) waiting again, or dropped; which they were."""
        query = (
            "UPDATE deliveries SET outcome = ?, at = ?, attempts = iif(? = 'waiting', 0, attempts)"
            f" WHERE {_OPEN} AND outcome = 'dead' AND position = coalesce(?, position)"
            " RETURNING position"
        )
        with self._transaction():
            found = self._connection.execute(query, (outcome, at, outcome, job.job, position))
            return sorted(one for (one,) in found.fetchall())

    def forget(self, job: Job, before: int) -> None:
        """Remove rows of what was delivered before this position."""
        self._connection.execute(
            "DELETE FROM spans WHERE job = ? AND last_position < ?", (job.job, before)
        )
        self._connection.execute(
            "DELETE FROM deliveries WHERE job = ? AND position < ?"
            " AND outcome NOT IN ('waiting', 'dead')",
            (job.job, before),
        )

    def _make(self) -> None:
        version = self._one("PRAGMA user_version")
        if version > VERSION:
            raise LogError(f"{self.path} was made by a later version.")
        if version == VERSION:
            return
        with self._transaction():
            # Another process may have been quicker.
            if self._one("PRAGMA user_version") == 0:
                for name in _OBJECTS:
                    text = (
                        files("store.replay").joinpath("tables", name).read_text(encoding="utf-8")
                    )
                    self._connection.execute(text)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def _one(self, query: str, *values: object) -> int:
        return self._connection.execute(query, values).fetchone()[0]

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise


def _connected(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None, timeout=30)
    except sqlite3.Error as error:
        raise LogUnavailable(f"{path} cannot be used: {error}.") from error


def name_of_forwarding(target: str) -> str:
    """The job that forwards to this target. No replay can be called so."""
    return f"forward:{target}"


@dataclass(slots=True)
class Batch:
    """What has happened since the last commit of a job."""

    checkpoint: int
    rows: list[Delivery] = field(default_factory=list[Delivery])
    span: tuple[int, int] | None = None
    """First and last position that a stream took; `delivered` says how many events they are."""
    delivered: int = 0
    failures: int = 0


_DELIVERY_COLUMNS = "position, ticket, outcome, attempts, error, at"
_OPEN = "job = ? AND outcome IN ('waiting', 'dead')"
_SETTLE = (
    f"INSERT OR REPLACE INTO deliveries (job, {_DELIVERY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_SPAN = "INSERT INTO spans (job, first_position, last_position, events, at) VALUES (?, ?, ?, ?, ?)"
_ADVANCE = """
UPDATE jobs SET checkpoint = max(checkpoint, ?), delivered = delivered + ?, failures = failures + ?,
  updated_at = ? WHERE job = ?
"""
