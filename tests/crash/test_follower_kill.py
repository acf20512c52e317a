"""kill -9 of the follower and of a rebuild, at random instants: the history is the same in the end."""

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.logs import assert_same, copy, fold, provider_log, rows


@pytest.fixture
def directory(tmp_path):
    with closing(copy(provider_log(), tmp_path)):
        yield tmp_path


@pytest.mark.parametrize(("what", "steps"), [("follow", 12), ("rebuild", 8)])
def test_killed_anywhere_it_ends_in_the_same_history(directory, what, steps):
    chance = random.Random(what)
    kills = 0
    while True:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.following", what, str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # Let it do something, so that every round gets further, then kill it within a step.
        for _ in range(chance.randrange(1, steps)):
            if not child.stdout.readline():
                break
        time.sleep(chance.random() * 0.01)
        child.kill()
        _, errors = child.communicate()
        if child.returncode == 0:
            break
        assert child.returncode == -9, errors.decode()
        kills += 1
    assert kills >= 3
    with closing(sqlite3.connect(directory / "history.db")) as connection:
        assert_same(rows(fold(provider_log()), arrival=True), rows(connection, arrival=True))
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
