"""A short torture, so that the long one (`make torture`) is known to work, and to find what is wrong."""

import json
import subprocess
import sys
from contextlib import closing

from store import open_log
from tests.new_events import new_event
from tests.torture.events import body_of, event_id
from tests.torture.ledger import Comparison, Ledger
from tests.torture.processes import ROOT
from tests.torture.sender import Answer


def test_nothing_is_lost_or_doubled_whoever_is_killed(tmp_path):
    told = ["--json", "--minutes", "0.12", "--rate", "150", "--place", tmp_path / "torture"]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.torture", *told],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert sum(figures["kills"].values()) >= 3
    assert figures["acknowledged"] >= 50
    assert (figures["lost"], figures["doubled"], figures["altered"]) == (0, 0, 0)
    assert figures["problems"] == []


def acknowledged(position: int) -> Answer:
    return Answer(204, {"x-event-position": str(position)}, b"")


def test_what_is_lost_misplaced_or_altered_is_found(tmp_path):
    with closing(open_log(tmp_path)) as log:
        log.append([new_event(event_id(number), body_of(number)) for number in (1, 2, 3)])
        log.append([new_event(event_id(4), body_of(5))])
    ledger = Ledger()
    comparison = Comparison(ledger, tmp_path)
    for number, position in ((1, 1), (2, 3), (4, 4), (6, 5)):
        ledger.acknowledge(number, acknowledged(position))
    ledger.refused[7] = 1

    found = comparison.run()
    assert (found.lost, found.altered) == (2, 1), "2 is elsewhere, 6 is nowhere, 4 has other bytes"
    assert comparison.run_anew().lost == 3, "the refused bytes are not there either"
    ledger.acknowledge(1, acknowledged(9))
    assert ledger.problems == ["event 1: first 1, now 9"]


def test_an_event_that_is_kept_twice_is_found(tmp_path):
    with closing(open_log(tmp_path)) as log:
        log.append([new_event(event_id(1), body_of(1)), new_event(event_id(1), body_of(2))])
    assert Comparison(Ledger(), tmp_path).run().doubled == 1
