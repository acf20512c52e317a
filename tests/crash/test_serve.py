"""`listener serve` with real processes: killed, stopped and bereaved under load."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from receiver.supervise import Child, Supervisor
from store import open_log, open_reader
from tests.provider.deliver import deliver
from tests.provider.envelope import Delivery
from tests.provider.history import history
from tests.torture.processes import PATIENCE_SECONDS, Listener, alive, wait_for

SENT = [
    one
    for one in history(11, 110, now=datetime(2026, 11, 24, 6, tzinfo=UTC)).deliveries
    if one.note != "invalid"
]


@pytest.fixture
def serving(tmp_path) -> Iterator[Listener]:
    one = Listener("serve", tmp_path / "data")
    try:
        one.wait_until_ready()
        yield one
    finally:
        one.end()


class Load:
    """Posts, remembers what was acknowledged, and does something after some of it."""

    def __init__(self, url: str, then: dict[int, Callable[[], None]]) -> None:
        self.url = url
        self.then = then
        self.acknowledged: Counter[bytes] = Counter()

    def told(self, one: Delivery, answer) -> None:
        assert answer.status_code == 204, answer.text
        self.acknowledged[one.body] += 1
        self.then.get(self.acknowledged.total(), lambda: None)()

    def run(self, until_ended: subprocess.Popen | None = None) -> None:
        """Post everything, or until this process has ended."""

        async def both() -> None:
            tasks = {asyncio.create_task(deliver(self.url, SENT, self.told))}
            if until_ended is not None:
                tasks.add(
                    asyncio.create_task(asyncio.to_thread(until_ended.wait, PATIENCE_SECONDS))
                )
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            for task in done:
                task.result()

        asyncio.run(both())


def bodies_in_log(data: Path) -> Counter[bytes]:
    with closing(open_reader(data)) as log:
        events = list(log.read())
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    return Counter(event.body for event in events)


def test_every_acknowledged_event_survives_kill_9_of_the_receiver_under_load(serving):
    def kill() -> None:
        os.kill(serving.pid("receiver"), signal.SIGKILL)

    load = Load(serving.url, {250: kill, 700: kill})
    load.run()

    assert set(load.acknowledged) == {one.body for one in SENT}
    assert bodies_in_log(serving.data) == Counter(load.acknowledged.keys())
    assert len(serving.said("receiver ended .signal SIGKILL.")) == 2


def test_sigterm_under_load_stops_all_in_order_and_loses_nothing(serving):
    load = Load(serving.url, {400: serving.process.terminate})
    load.run(until_ended=serving.process)

    assert serving.process.wait(PATIENCE_SECONDS) == 0
    assert len(load.acknowledged) >= 350
    assert load.acknowledged.keys() <= bodies_in_log(serving.data).keys()
    with closing(open_reader(serving.data)) as log:
        folded = int(serving.said(r"stopped at position \d+")[-1].split()[-1])
        assert folded == log.head()
    assert not any(alive(pid) for pid in serving.pids())
    assert len(serving.pids()) == 3
    ends = [
        serving.said("listening no more"),
        serving.said("stopped at position"),
        serving.said("pages served no more"),
    ]
    assert all(ends), "".join(serving.lines)


def test_children_end_when_the_supervisor_is_killed_with_kill_9(serving):
    children = serving.pids()
    assert all(alive(pid) for pid in children)
    serving.process.kill()
    wait_for(lambda: not any(alive(pid) for pid in children), "the children to end")
    open_log(serving.data).close()


def test_a_child_that_cannot_start_is_given_up_with_a_sentence():
    said: list[str] = []

    async def run() -> Exception:
        supervisor = Supervisor(
            [Child("receiver", ("receive", "--port", "70000"))],
            environment=os.environ,
            say=said.append,
            echo=said.append,
        )
        supervisor.start()
        try:
            return await asyncio.wait_for(supervisor.failed(), PATIENCE_SECONDS)
        finally:
            await supervisor.stop()

    error = asyncio.run(run())
    assert "receiver could not start (exit code 2), 3 times in a row" in str(error)
    assert any("port" in line and "65535" in line for line in said)


def test_a_locked_log_is_one_clear_line_and_exit_code_3(tmp_path):
    with closing(open_log(tmp_path)):
        answer = CliRunner().invoke(main, ["receive", "--data", str(tmp_path), "--port", "0"])
    assert answer.exit_code == 3
    assert "--data" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_the_demo_loads_the_past_through_the_endpoints_sums_up_and_stops(tmp_path):
    data = tmp_path / "demo"
    command = [
        "demo",
        "--load-only",
        "--tickets",
        "30",
        "--data",
        str(data),
        "--port",
        "0",
        "--dashboards-port",
        "0",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "receiver", *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    sent, kept = (
        int(number.replace(",", ""))
        for number in re.findall(r"([\d,]+) (?:deliveries|kept)", ended.stdout)
    )
    with closing(open_reader(data)) as log:
        assert log.head() == kept <= sent
        refused = len(list(log.quarantined()))
    assert f"{refused} refused" in ended.stdout or refused == 0
    assert f"{kept:,} events folded into the histories of 30 tickets" in ended.stdout
    assert re.search(r"http://127.0.0.1:\d+/-/history\n", ended.stdout)
    assert re.search(r"http://127.0.0.1:\d+/-/history/ticket/TT-\d+\n", ended.stdout)
