"""A disk that runs full or fails, at every single change: said, survived, and nothing false said."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from store import open_log, verify_chain
from tests.crash.disk import disk_at
from tests.crash.failing import WAYS
from tests.crash.power_loss import Change, PowerLoss, anything, changes, nothing
from tests.torture.processes import ROOT

KNOWN = {name: name.encode() * 3_000 for name in ("a", "b", "c", "d", "f", "a2", "f2")}


def wrong_in(directory: Path, told: dict[int, str], apart: set[int]) -> list[str]:
    """In words, what of the answers is not true in this directory."""
    with closing(open_log(directory)) as log:
        kept = list(log.read())
        entries = {entry.id for entry in log.quarantined()}
        broken = verify_chain(log)
    names = {event.position: event.event_id for event in kept}
    return [
        *(f"{name} at {at}: {names.get(at)}" for at, name in told.items() if names.get(at) != name),
        *(f"{event.event_id}: bytes" for event in kept if event.body != KNOWN[event.event_id]),
        *([f"twice: {names}"] if len(set(names.values())) < len(names) else []),
        *([f"apart {apart - entries}"] if apart - entries else []),
        *([f"chain broken at {broken}"] if broken else []),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_whatever_change_fails_no_answer_is_false_even_after_a_power_cut(tmp_path, compiler, way):
    with disk_at(tmp_path) as disk:
        arguments = [disk.directory, disk.journal, tmp_path / "control", way]
        child = subprocess.run(
            [sys.executable, "-m", "tests.crash.failing", *arguments],
            cwd=ROOT,
            env=disk.environment | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert child.returncode == 0, child.stdout + child.stderr
        journal = changes(disk.journal)

    lives, failures, wrong = judged(journal, disk.directory, tmp_path)
    assert wrong == []
    assert failures > 8, (lives, failures)


def judged(journal: list[Change], lived: Path, place: Path) -> tuple[int, int, list[str]]:
    """Lives, those with failures, and what was wrong in them or after a power cut in them."""
    power = PowerLoss()
    lives = failures = 0
    wrong: list[str] = []
    for index, change in enumerate(journal):
        power.happens(change)
        if change.kind != "A":
            continue
        word, *rest = change.content.decode().split()
        if word == "begin":
            name, told, apart = rest[0], {}, set()
        elif word == "event":
            told[int(rest[0])] = rest[1]
        elif word == "apart":
            apart.add(int(rest[0]))
        elif word == "end" or (word == "half" and lives % 4 == 0):
            left = place / f"left-{index}"
            left.mkdir()
            power.leave(left, nothing if index % 2 else anything(index), under=f"{name}/")
            wrong += [f"{name}, power: {words}" for words in wrong_in(left / name, told, apart)]
        elif word == "over":
            lives += 1
            failures += int(rest[0]) > 0
            wrong += [f"{name}: {words}" for words in wrong_in(lived / name, told, apart)]
    return lives, failures, wrong
