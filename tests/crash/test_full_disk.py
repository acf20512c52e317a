"""The disk is full under a running listener: 503 is said, reads go on, and it goes on when there is room."""

import asyncio
import errno
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import httpx
import pytest

from store import open_reader, verify_chain
from tests.crash.disk import SYNCS, Disk, disk_at
from tests.torture.events import PATH, body_of, number_of
from tests.torture.processes import ROOT, Listener, child_writer, wait_for
from tests.torture.sender import Answer, Sender


def posted(port: int, numbers: list[int], senders: int = 8) -> dict[int, Answer]:
    """All of them, some at a time, each once."""
    answers: dict[int, Answer] = {}
    waiting = iter(numbers)

    async def one() -> None:
        sender = Sender(port)
        for number in waiting:
            answers[number] = await sender.post(PATH, body_of(number))
        await sender.close()

    async def everybody() -> None:
        await asyncio.gather(*(one() for _ in range(senders)))

    asyncio.run(everybody())
    return answers


def kept(data: Path) -> dict[int, int]:
    """Position of each event; every one is there once, byte for byte."""
    with closing(open_reader(data)) as log:
        events = list(log.read())
        assert verify_chain(log) is None
    found = {number_of(event.event_id): event.position for event in events}
    assert len(found) == len(events)
    assert all(event.body == body_of(number_of(event.event_id)) for event in events)
    return found


def assert_said(answers: dict[int, Answer]) -> None:
    for answer in answers.values():
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        error = json.loads(answer.body)
        assert (error["@type"], error["status"]) == ("Error", "503")


@pytest.fixture
def disk(tmp_path, compiler) -> Iterator[Disk]:
    with disk_at(tmp_path) as one:
        yield one


@pytest.fixture
def receiver(disk) -> Iterator[Listener]:
    environment = disk.environment | {"PYTHONPATH": str(ROOT)}
    one = Listener("receive", disk.directory / "data", environment=environment)
    try:
        one.wait_until_ready()
        yield one
    finally:
        one.end()


@pytest.mark.parametrize("failure", ["ENOSPC", "EIO", "sync"])
def test_a_failing_disk_is_said_and_the_same_processes_go_on_when_it_is_mended(
    disk, receiver, failure
):
    data = disk.directory / "data"
    before = posted(receiver.port, list(range(40)))
    writer = child_writer(receiver.process.pid)
    if failure == "sync":
        disk.faults.fail(errno.EIO, kinds=SYNCS)
    else:
        disk.faults.fail(getattr(errno, failure), half=failure == "ENOSPC")
    during = posted(receiver.port, list(range(40, 80)))
    assert httpx.get(f"http://127.0.0.1:{receiver.port}/health/live").status_code == 200
    assert kept(data).keys() == set(range(40)), "reads go on"
    disk.faults.mend()
    after = posted(receiver.port, list(range(40, 120)))

    assert {answer.status for answer in before.values()} == {204}
    assert_said(during)
    assert {answer.status for answer in after.values()} == {204}
    assert child_writer(receiver.process.pid) == writer, "recovered without a restart"
    told = {number: answer.position for number, answer in (before | after).items()}
    assert kept(data) == told


def test_a_disk_that_fails_now_and_then_under_load_loses_and_doubles_nothing(disk, receiver):
    numbers = count()
    told: dict[int, int] = {}
    failures = 0
    for turn in range(25):
        disk.faults.fail(
            (errno.ENOSPC, errno.EIO)[turn % 2], first=1 + turn % 7, times=1 + turn % 5, half=True
        )
        todo = [next(numbers) for _ in range(12)]
        while todo:
            answers = posted(receiver.port, todo)
            told |= {
                one: answer.position for one, answer in answers.items() if answer.status == 204
            }
            assert {answer.status for answer in answers.values()} <= {204, 503}
            todo = [one for one, answer in answers.items() if answer.status == 503]
            failures += len(todo)
    assert failures > 20
    assert kept(disk.directory / "data") == told


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A real file system of 12 MB."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(file: Path) -> None:
    """Until not one more byte fits."""
    with file.open("wb", buffering=0) as filling:
        for size in (65_536, 4_096, 1):
            with suppress(OSError):
                while filling.write(bytes(size)):
                    pass


def test_the_whole_listener_outlives_a_full_disk(small_disk):
    data = small_disk / "data"
    listener = Listener("serve", data)
    try:
        listener.wait_until_ready()
        before = posted(listener.port, list(range(60)))
        wait_for(lambda: "TT-2" in page(listener), "the last ticket's page")
        # Some room is left in files that grew: it is used up, then everything is refused.
        filled = small_disk / "filled"
        fill(filled)
        numbers = count(60)
        late: dict[int, Answer] = {}
        until = time.monotonic() + 3
        while time.monotonic() < until:
            late |= posted(listener.port, [next(numbers) for _ in range(15)])
            time.sleep(0.5)
        refused = {one: answer for one, answer in late.items() if answer.status != 204}
        assert_said(refused)
        assert len(refused) > 20
        assert "TT-2" in page(listener), "reads go on"
        filled.unlink()
        wait_for(lambda: posted(listener.port, [0], 1)[0].status == 204, "room again")
        after = posted(listener.port, list(refused))
        assert {answer.status for answer in after.values()} == {204}
        last = max(after) // 20
        wait_for(lambda: f"TT-{last}" in page(listener, last), "the follower to go on", 60)
        assert listener.stop() == 0, "".join(listener.lines)
        told = before | late | after
        assert kept(data) == {one: answer.position for one, answer in told.items()}
        assert not listener.said(r"(receiver|follower|dashboards) ended"), "".join(listener.lines)
    finally:
        listener.end()


def page(listener: Listener, ticket: int = 2) -> str:
    url = f"http://127.0.0.1:{listener.pages_port}/-/history/ticket/TT-{ticket}"
    answer = httpx.get(url, follow_redirects=True, timeout=20)
    return answer.text if answer.is_success else ""
