"""Readiness: each promise that can no longer be kept turns it red, and says which and why."""

import asyncio
import shutil
import sqlite3
from contextlib import closing

import httpx
import pytest

from receiver.app import create_app
from receiver.health import Clock, Follower, Health, Thresholds
from receiver.sources import SourceRules
from store import HISTORY_FILE, MemoryAppender, MemoryLog, Progress, open_log
from store.history import follower as folding
from tests.edge import assert_error
from tests.new_events import new_event


class Time:
    """A wall clock and a steady one, moved by hand."""

    def __init__(self):
        self.wall, self.steady = 1_000_000.0, 50.0

    def pass_by(self, seconds):
        self.wall += seconds
        self.steady += seconds

    def clock(self):
        return Clock(2.0, lambda: self.wall, lambda: self.steady)

    def health(self, directory=None, thresholds=None, appender=None):
        return Health(
            appender or MemoryAppender(MemoryLog()),
            directory,
            thresholds,
            wall=lambda: self.wall,
            monotonic=lambda: self.steady,
        )


def broken(health):
    return asyncio.run(health.standing()).broken


class NoWriter(MemoryAppender):
    def is_ready(self):
        return False


@pytest.fixture
def data(tmp_path):
    """A data directory whose log has three events."""
    with closing(open_log(tmp_path)) as log:
        log.append([new_event(event_id=str(number)) for number in range(3)])
    return tmp_path


def fold_to(data, position):
    with closing(folding.connect(data / HISTORY_FILE)) as history:
        history.execute("INSERT OR REPLACE INTO _follower VALUES ('events', ?)", (position,))


def test_all_is_well_with_a_log_that_nobody_folds(data):
    standing = asyncio.run(Time().health(data).standing())
    assert standing.broken == ()
    assert (standing.head, standing.checkpoint, standing.lag) == (3, None, None)
    assert standing.disk_free > 0


def test_a_log_without_a_writer_is_not_ready():
    assert broken(Time().health(appender=NoWriter(MemoryLog()))) == (
        "writer: the log has none at the moment",
    )


def test_a_disk_that_is_nearly_full_is_not_ready(data):
    least = shutil.disk_usage(data).free * 2
    (why,) = broken(Time().health(data, Thresholds(disk_free_bytes=least)))
    assert why.startswith("disk: ")
    assert str(least) in why


def test_a_data_directory_that_cannot_be_written_is_not_ready(data):
    shutil.rmtree(data)
    assert broken(Time().health(data)) == (
        "disk: the data directory cannot be written (No such file or directory)",
    )


def test_a_follower_that_stands_still_behind_the_log_is_not_ready(data):
    time = Time()
    health = time.health(data, Thresholds(follower_seconds=10))
    fold_to(data, 1)
    assert broken(health) == ()
    time.pass_by(9)
    assert broken(health) == ()
    time.pass_by(2)
    assert broken(health) == ("follower: behind the log, and not moving for 11 s",)
    fold_to(data, 2)
    time.pass_by(1)
    assert broken(health) == ()


def test_a_follower_that_moves_however_slowly_or_has_nothing_to_do_has_not_stalled():
    time = Time()
    watched = Follower(10, lambda: time.steady)
    for checkpoint in range(5):
        assert watched.stalled_seconds(Progress(100, checkpoint, 0)) == 0
        time.pass_by(9)
    for _ in range(5):
        assert watched.stalled_seconds(Progress(100, 100, 0)) == 0
        time.pass_by(9)
    # An event came just now: nine seconds of standing still before it do not count.
    assert watched.stalled_seconds(Progress(101, 100, 0)) == 0


def test_a_clock_that_was_set_back_is_not_ready_until_it_shows_again_what_it_showed():
    time = Time()
    health = time.health()
    assert broken(health) == ()
    time.pass_by(100)
    time.wall -= 30
    assert broken(health) == ("clock: set back; 30 s until it shows again what it showed",)
    time.pass_by(20)
    assert broken(health) == ("clock: set back; 10 s until it shows again what it showed",)
    time.pass_by(10)
    assert broken(health) == ()


def test_a_clock_is_compared_with_what_it_would_show_however_late_somebody_asks():
    time = Time()
    clock = time.clock()
    time.pass_by(50)
    time.wall -= 60
    time.pass_by(3_600)
    assert clock.behind() == 60


def test_a_clock_that_is_slewed_or_set_forward_is_ready():
    time = Time()
    clock = time.clock()
    for _ in range(100):
        time.pass_by(10)
        time.wall -= 1
        assert clock.behind() == 0
    time.wall += 3_600
    assert clock.behind() == 0


def test_it_looks_at_most_once_a_second_but_knows_of_a_missing_writer_at_once(data):
    time = Time()
    ready = True

    class Sometimes(MemoryAppender):
        def is_ready(self):
            return ready

    health = time.health(data, appender=Sometimes(MemoryLog()))
    assert asyncio.run(health.standing()).head == 3
    with closing(open_log(data)) as log:
        log.append([new_event(event_id="one more")])
    assert asyncio.run(health.standing()).head == 3
    ready = False
    assert broken(health) == ("writer: the log has none at the moment",)
    ready = True
    time.pass_by(1)
    assert asyncio.run(health.standing()).head == 4


def test_a_history_that_cannot_be_read_now_is_not_known_and_nothing_worse(data):
    (data / HISTORY_FILE).write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        folding.connect(data / HISTORY_FILE)
    assert asyncio.run(Time().health(data).standing()).checkpoint is None


def test_ready_is_answered_503_with_every_reason_in_a_tmf_error(data):
    appender = NoWriter(MemoryLog())
    least = shutil.disk_usage(data).free * 2
    health = Health(appender, data, Thresholds(disk_free_bytes=least))
    app = create_app(appender, sources={"default": SourceRules()}, health=health)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://listener") as client:
            return await client.get("/health/ready")

    error = assert_error(asyncio.run(ask()), 503)
    assert error["code"] == "not-ready"
    assert "writer: " in error["message"]
    assert "disk: " in error["message"]
