"""Ingest while the follower folds and an analyst browses the pages, beside itself alone.

The same server in both: for the runs alone, follower and pages are stopped (SIGSTOP) where they are.
"""

import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from receiver.address import free_port
from tests.benchmarks import bodies
from tests.benchmarks.client import Sender, load
from tests.benchmarks.ingest import Runs, one_run
from tests.benchmarks.serving import DURABLE, megabytes, serving
from tests.benchmarks.timing import Json, ratio

CONNECTIONS = 128
READS_SECONDS = 0.5
"""An analyst looks at another page this often."""


def measure(data: Path, runs: int, seconds: float) -> Iterator[Json]:
    """A row alone, a row together."""
    found = {"alone": Runs(), "with follower and pages": Runs()}
    with ExitStack() as stack:
        server = stack.enter_context(serving(DURABLE, data))
        load(server.port, _sender(), connections=CONNECTIONS, seconds=0.5)
        port = free_port("127.0.0.1", 0, "--dashboards-port")
        others = [
            stack.enter_context(_running("follow", "--data", str(data))),
            stack.enter_context(
                _running("dashboards", "--data", str(data), "--dashboards-port", str(port))
            ),
        ]
        pages = f"http://127.0.0.1:{port}/-/history"
        _await(pages)
        for _ in range(runs):
            with _stopped(others):
                one_run(server, found["alone"], _sender(), CONNECTIONS, seconds)
            with _browsing(pages):
                time.sleep(0.5)
                one_run(server, found["with follower and pages"], _sender(), CONNECTIONS, seconds)
        memory = server.memory() | {
            name: megabytes(one.pid)
            for name, one in zip(("follower", "pages"), others, strict=True)
        }
    alone = found["alone"]
    for what, those in found.items():
        yield {
            "what": what,
            "204/s": statistics.median(those.rates),
            "p99 ms": those.median(lambda one: one.percentile(0.99)),
            "of alone": ratio(those.rates, alone.rates),
            "p99 times alone": those.median(lambda one: one.percentile(0.99))
            / alone.median(lambda one: one.percentile(0.99)),
        }
    yield {"what": "memory", **{f"{name} MB": value for name, value in memory.items()}}


def _sender() -> Sender:
    return Sender(bodies.templates(bodies.MIX), uuid.uuid4().hex[:8])


@contextmanager
def _running(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "receiver", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _stopped(processes: Sequence["subprocess.Popen[bytes]"]) -> Iterator[None]:
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


@contextmanager
def _browsing(url: str) -> Iterator[None]:
    ends = threading.Event()

    def browse() -> None:
        while not ends.wait(READS_SECONDS):
            with suppress(OSError), urllib.request.urlopen(url, timeout=30) as page:
                page.read()

    analyst = threading.Thread(target=browse)
    analyst.start()
    try:
        yield
    finally:
        ends.set()
        analyst.join()


def _await(url: str, seconds: float = 30.0, pause: Callable[[float], None] = time.sleep) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
            page.read()
            return
        pause(0.1)
    raise TimeoutError(url)
