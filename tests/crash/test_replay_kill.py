"""kill -9 of a replay and of its sink, which fails in every way: nothing is lost, everything once.

REPLAY_KILLS=50 python -m pytest tests/crash/test_replay_kill.py    at length
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing, contextmanager, suppress
from itertools import pairwise

import pytest

from store import open_log
from store.replay.ledger import Ledger
from tests.new_events import new_event
from tests.torture.processes import port_of, reserved, wait_for

KILLS = int(os.environ.get("REPLAY_KILLS", "6"))
EVENTS, TICKETS = KILLS * 60 + 300, 40
SELECTED = "ticket_id <> 'T7'"


@pytest.fixture
def data(tmp_path):
    with closing(open_log(tmp_path / "data")) as log:
        log.append(
            [new_event(str(n), ticket_id=f"T{n * n % TICKETS}") for n in range(1, EVENTS + 1)]
        )
    return tmp_path / "data"


@contextmanager
def sinking(file, port, seed, mischief):
    arguments = [str(port), str(file), str(seed), str(mischief)]
    child = subprocess.Popen([sys.executable, "-m", "tests.crash.sink", *arguments])
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def command(data, config, *more) -> list[str]:
    told = ["--data", str(data), "--config", str(config), "--name", "proof"]
    return [sys.executable, "-m", "receiver", "replay", "sink", *told, *more]


def taken(file) -> list[dict]:
    """Whole lines: of the last one a killed sink may have written a part."""
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def kill_after(child, file, more) -> bool:
    """Kill it once the sink has taken so many more; False when it ended before."""
    size = len(taken(file))
    while len(taken(file)) < size + more:
        if child.poll() is not None:
            return False
        time.sleep(0.01)
    child.kill()
    child.wait()
    return True


def test_killed_anywhere_every_event_arrives_in_order_and_its_effect_is_there_once(data, tmp_path):
    chance = random.Random(7)
    file, config = tmp_path / "taken", tmp_path / "listener.toml"
    with reserved() as port_holder:
        port = port_of(port_holder)
        config.write_text(
            f'[targets.sink]\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\n'
            "attempts = 1000\nfirst_pause_seconds = 0.01\nlongest_pause_seconds = 0.1\n"
            "timeout_seconds = 0.3\nconcurrency = 6\n"
        )
        kills, resumed = 0, ("--where", SELECTED)
        known: list[tuple[int, set[int]]] = []
        while True:
            # The sink is killed with every round too, some time after the replay.
            with sinking(file, port, kills, 0.15):
                child = subprocess.Popen(
                    command(data, config, *resumed), stderr=subprocess.PIPE, text=True
                )
                if kills < KILLS:
                    kills += kill_after(child, file, chance.randrange(5, 50))
                _, errors = child.communicate(timeout=120)
            if child.returncode == 0:
                break
            assert child.returncode == -9, errors
            resumed = ("--resume",)
            known.append((len(taken(file)), delivered(data)))
    assert kills >= min(KILLS, 5)
    arrived = taken(file)
    check(data, arrived)
    for seen, settled in known:
        again = {one["position"] for one in arrived[seen:]}
        assert not again & settled, "what the ledger knew was delivered again"


def delivered(data) -> set[int]:
    with closing(Ledger(data)) as ledger:
        rows = ledger.deliveries(ledger.job("proof"), "delivered")
    return {row.position for row in rows}


def check(data, arrived):
    expected = [n for n in range(1, EVENTS + 1) if n * n % TICKETS != 7]
    effects: dict[str, int] = {}
    order = defaultdict(list)
    for one in arrived:
        if one["key"] not in effects:
            order[one["position"] ** 2 % TICKETS].append(one["position"])
            effects[one["key"]] = one["position"]
        assert effects[one["key"]] == one["position"] == int(one["event_id"])
    assert sorted(effects.values()) == expected
    assert all(positions == sorted(positions) for positions in order.values())
    with closing(Ledger(data)) as ledger:
        job = ledger.job("proof")
        rows = ledger.deliveries(job)
    assert (job.state, job.delivered, job.problem) == ("finished", len(expected), None)
    assert [row.position for row in rows] == expected
    assert {row.outcome for row in rows} == {"delivered"}


def test_forwarding_goes_on_where_it_was_killed_and_takes_new_events(data, tmp_path):
    file, config = tmp_path / "taken", tmp_path / "listener.toml"
    with reserved() as port_holder, sinking(file, port_of(port_holder), 1, 0.1):
        config.write_text(
            f'[targets.sink]\nkind = "http"\nurl = "http://127.0.0.1:{port_of(port_holder)}/"\n'
            'begin = "beginning"\nattempts = 1000\nfirst_pause_seconds = 0.01\n'
            "longest_pause_seconds = 0.1\ntimeout_seconds = 0.3\n"
        )
        told = ["forward", "sink", "--data", str(data), "--config", str(config)]
        for _ in range(3):
            child = subprocess.Popen([sys.executable, "-m", "receiver", *told])
            assert kill_after(child, file, 40)
        child = subprocess.Popen([sys.executable, "-m", "receiver", *told])
        try:
            with closing(open_log(data)) as log:
                log.append([new_event("late", ticket_id="T3")])
            wait_for(lambda: positions(file) == set(range(1, EVENTS + 2)), "every event", 180)
            child.terminate()
            assert child.wait(30) == 0
        finally:
            child.kill()
    with closing(Ledger(data)) as ledger:
        outcomes = ledger.outcomes(ledger.job("forward:sink"))
    assert outcomes == {"delivered": EVENTS + 1}


def positions(file) -> set[int]:
    return {one["position"] for one in taken(file)}


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_a_killed_stream_has_every_event_once(data, tmp_path, kind):
    path, config = tmp_path / "out", tmp_path / "listener.toml"
    config.write_text(f'[targets.sink]\nkind = "{kind}"\npath = "{path}"\n')
    chance = random.Random(kind)
    kills, resumed = 0, ("--where", SELECTED)
    while True:
        rate = ("--rate", "100") if kills < 3 else ()
        child = subprocess.Popen(
            command(data, config, *resumed, *rate), stderr=subprocess.PIPE, text=True
        )
        if kills < 3:
            wait_for_more(path, kind)
            time.sleep(chance.random() * 0.2)
            child.kill()
        _, errors = child.communicate(timeout=60)
        if child.returncode == 0:
            break
        assert child.returncode == -9, errors
        kills, resumed = kills + 1, ("--resume",)
    assert kills == 3
    expected = [n for n in range(1, EVENTS + 1) if n * n % TICKETS != 7]
    assert there(path, kind) == expected
    with closing(Ledger(data)) as ledger:
        job = ledger.job("proof")
        spans = ledger.spans(job)
    assert job.delivered == sum(span.events for span in spans) == len(expected)
    assert all(one.last < other.first for one, other in pairwise(spans))


def wait_for_more(path, kind):
    before = len(there(path, kind))
    wait_for(lambda: len(there(path, kind)) > before, "something new")


def there(path, kind) -> list[int]:
    if not path.exists():
        return []
    if kind == "file":
        text = path.read_text()
        return [json.loads(line)["position"] for line in text[: text.rfind("\n") + 1].splitlines()]
    with closing(sqlite3.connect(path)) as file, suppress(sqlite3.OperationalError):
        found = file.execute("SELECT position FROM events ORDER BY position")
        return [position for (position,) in found]
    return []
