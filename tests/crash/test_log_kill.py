"""kill -9 of whoever appends, at any instant, again and again: nothing acknowledged is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from store import open_log, verify_chain
from tests.crash.appending import event_of

ROOT = Path(__file__).parents[2]
ROUNDS = 6
ROUND_NUMBERS = 1_000_000


def killed_while_appending(directory, way, first, seconds):
    """The event ids that a process said were acknowledged before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.appending", directory, way, str(first)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as child:
        said = os.read(child.stdout.fileno(), 65_536)  # it has begun
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            said += os.read(child.stdout.fileno(), 65_536)
        os.kill(child.pid, signal.SIGKILL)
        said += child.stdout.read()
    assert said.endswith(b"\n")
    return said.decode().split()


@pytest.mark.parametrize("way", ["appender", "log"])
def test_every_acknowledged_event_is_there_once_byte_for_byte_after_kill_9(tmp_path, way):
    chance = random.Random(621)
    acknowledged = []
    for number in range(ROUNDS):
        first = number * ROUND_NUMBERS
        seconds = chance.uniform(0, 0.4)
        acknowledged += killed_while_appending(tmp_path, way, first, seconds)
    # Only the death of the writer frees the log: a writer that outlives its parent shows here.
    log = open_log(tmp_path, lock_seconds=2)
    kept = Counter(event.event_id for event in log.read())
    assert len(acknowledged) > ROUNDS
    assert set(acknowledged) <= kept.keys()
    assert set(kept.values()) == {1}
    assert all(event.body == event_of(event.event_id).body for event in log.read())
    assert verify_chain(log) is None
    log.close()
