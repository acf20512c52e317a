"""A disk that cannot be read: said in a sentence, and no event is taken twice for want of the first."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.crash.disk import READS, Disk, disk_at
from tests.crash.test_full_disk import assert_said, kept, posted
from tests.keeping import fold_anew
from tests.torture.processes import ROOT, Listener

EVENTS = 150
NEW = range(EVENTS, EVENTS + 20)


@pytest.fixture
def disk(tmp_path, compiler) -> Iterator[Disk]:
    with disk_at(tmp_path) as one:
        yield one


@contextmanager
def receiver(disk: Disk) -> Iterator[Listener]:
    environment = disk.environment | {"PYTHONPATH": str(ROOT)}
    one = Listener("receive", disk.directory / "data", environment=environment)
    try:
        one.wait_until_ready()
        yield one
        assert one.stop() == 0
    finally:
        one.end()


def said(disk: Disk, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "receiver", *command, "--data", disk.directory / "data"],
        cwd=ROOT,
        env=disk.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_cannot_be_read_is_503_and_a_redelivery_is_never_taken_for_an_event(disk):
    with receiver(disk) as first:
        told = {n: answer.position for n, answer in posted(first.port, list(range(EVENTS))).items()}
    with receiver(disk) as second:
        # Its writer has read little yet: what it has to look up now is on the disk.
        disk.faults.fail(errno.EIO, kinds=READS)
        during = posted(second.port, [*range(EVENTS), *NEW])
        assert {answer.status for answer in during.values()} <= {204, 503}
        refused = {n: answer for n, answer in during.items() if answer.status == 503}
        assert len(refused) > 20
        assert_said(refused)
        disk.faults.mend()
        after = posted(second.port, [*range(EVENTS), *NEW])
        assert {answer.status for answer in after.values()} == {204}
        told |= {n: during[n].position for n in NEW if during[n].status == 204}
        for answers in (during, after):
            acknowledged = {n: a.position for n, a in answers.items() if a.status == 204}
            assert {n: told[n] for n in acknowledged if n in told} == {
                n: position for n, position in acknowledged.items() if n in told
            }
        assert kept(disk.directory / "data") == {n: a.position for n, a in after.items()}
        assert not second.said("Traceback")


@pytest.mark.parametrize(
    "command",
    [
        ["check", "--log-only"],
        ["tail"],
        ["event", "1"],
        ["ticket", "TT-1"],
        ["quarantine", "list"],
        ["quarantine", "show", "1"],
        ["quarantine", "drop", "1", "--reason", "none"],
        ["drift"],
        ["status"],
        ["head"],
        ["receive", "--port", "0"],
    ],
    ids=" ".join,
)
def test_a_command_says_in_a_line_that_the_disk_cannot_be_read(disk, command):
    with receiver(disk) as one:
        assert {answer.status for answer in posted(one.port, list(range(40))).values()} == {204}
    fold_anew(disk.directory / "data")
    disk.faults.fail(errno.EIO, kinds=READS)
    told = said(disk, *command)
    disk.faults.mend()
    assert told.returncode in (1, 3), told
    assert "disk I/O error" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr
    assert said(disk, "check", "--log-only").returncode == 0
