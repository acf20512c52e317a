"""How fast events leave the log: as lines, into SQLite, over HTTP beside the same client bare.

    python -m tests.benchmarks.replaying --events 100000 --json replaying.json

`replay to file` is beside reading the same rows and doing nothing with them. `HTTP` is beside the
same client posting the same bodies to the same sink with nothing behind it: no log, no ledger, no
order. Microseconds are of this process's CPU, so that others on the machine do not count.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import click
import httpx

from store.replay import job as jobs
from store.replay.job import Stopping, Work
from store.replay.ledger import Ledger
from store.replay.selection import Selected, Selection
from store.replay.sending import Manner
from store.replay.targets import http
from store.replay.targets.database import Database
from store.replay.targets.lines import to_file
from tests.benchmarks import big_log
from tests.benchmarks.timing import Json, report

_numbers = count()


@click.command()
@click.option("--events", default=100_000, show_default=True, help="Size of the log.")
@click.option("--requests", default=4_000, show_default=True, help="Of them over HTTP.")
@click.option("--concurrency", default=16, show_default=True, help="Requests at once.")
@click.option("--runs", default=5, show_default=True, help="Interleaved runs of each figure.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there.")
def main(events: int, requests: int, concurrency: int, runs: int, file: Path | None) -> None:
    """Measure replay on a log made for the purpose."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        size = big_log.make(data, events)
        rows = _streams(data, events, runs)
        with _sink() as url:
            rows += _requests(data, url, requests, concurrency, runs)
        report(f"Replaying {events:,} events of {size / events:,.0f} bytes", rows, file)


def _streams(data: Path, events: int, runs: int) -> list[Json]:
    def rows_alone() -> None:
        with closing(Selected(data, Selection())) as origin:
            for _ in origin.pages():
                pass

    def where_alone() -> None:
        with closing(Selected(data, Selection(where="event_type LIKE '%Create%'"))) as origin:
            origin.count()

    works = {
        "read rows alone": rows_alone,
        "choose by an expression": where_alone,
        "replay to file": lambda: _replayed(data, lambda: to_file(data / f"{next(_numbers)}.ndjson")),
        "replay to SQLite": lambda: _replayed(data, lambda: Database(data / f"{next(_numbers)}.db")),
    }  # fmt: skip
    took = _interleaved(runs, works)
    for left in (*data.glob("*.ndjson"), *data.glob("[0-9]*.db*")):
        left.unlink()
    alone = took["read rows alone"]
    return [_row(name, events, took[name], alone) for name in works]


def _replayed(data: Path, opened: Callable[[], jobs.Stream]) -> None:
    with closing(Ledger(data)) as ledger, closing(Selected(data, Selection())) as origin:
        with closing(opened()) as stream:
            why = jobs.run_stream(_work(ledger, origin), stream)
        assert why is None


def _requests(data: Path, url: str, requests: int, concurrency: int, runs: int) -> list[Json]:
    with closing(Selected(data, Selection(until=requests))) as origin:
        events = list(origin.events())

    async def bare() -> None:
        """The same requests, `concurrency` at once."""
        left = iter(events)
        async with http.client(concurrency=concurrency) as client:
            request = http.Request(url=url, form=http.as_received)
            endpoint = http.Http(request, client)

            async def some() -> None:
                for event in left:
                    await endpoint.deliver(event)

            await asyncio.gather(*(some() for _ in range(concurrency)))

    async def whole(ledger: Ledger, origin: Selected) -> None:
        endpoint = http.Http(
            http.Request(url=url, form=http.as_received), http.client(concurrency=concurrency)
        )
        manner = Manner(concurrency=concurrency)
        why = await jobs.run_endpoint(_work(ledger, origin), endpoint, manner)
        assert why is None

    def replayed() -> None:
        with (
            closing(Ledger(data)) as ledger,
            closing(Selected(data, Selection(until=requests))) as origin,
        ):
            asyncio.run(whole(ledger, origin))

    works = {"HTTP, the client alone": lambda: asyncio.run(bare()), "HTTP, replay": replayed}
    took = _interleaved(runs, works)
    alone = took["HTTP, the client alone"]
    return [_row(name, requests, took[name], alone) for name in works]


def _work(ledger: Ledger, origin: Selected) -> Work:
    told = {"kind": "replay", "target": "benchmark", "selection": "{}", "by": "benchmark"}
    job = ledger.begin(name=None, after=0, at=jobs.now(), **told)
    return Work(job=job, ledger=ledger, origin=origin, stopping=Stopping())


Took = list[tuple[float, float]]
"""Seconds by the clock and of CPU, run by run."""


def _interleaved(runs: int, works: dict[str, Callable[[], None]]) -> dict[str, Took]:
    found: dict[str, Took] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            began, cpu = time.perf_counter(), time.process_time()
            work()
            found[name].append((time.perf_counter() - began, time.process_time() - cpu))
    return found


def _row(name: str, events: int, took: Took, alone: Took) -> Json:
    def of_alone(which: int) -> float:
        return statistics.median(a[which] / b[which] for a, b in zip(alone, took, strict=True))

    return {
        "what": name,
        "events/s": events / statistics.median(seconds for seconds, _ in took),
        "CPU µs/event": statistics.median(cpu for _, cpu in took) / events * 1e6,
        "of it alone, by the clock": of_alone(0),
        "of it alone, by CPU": of_alone(1),
    }


@contextmanager
def _sink():
    """A bare ASGI application under uvicorn that reads the body and answers 204."""
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.replaying:sink", "--port", "0"]
    child = subprocess.Popen([*command, "--no-access-log"], stderr=subprocess.PIPE, text=True)
    try:
        for line in child.stderr:
            if "running on" in line:
                url = line.split("running on ")[1].split()[0]
                break
        else:
            raise SystemExit("the sink did not start")
        httpx.post(url, content=b"{}", trust_env=False).raise_for_status()
        yield url
    finally:
        child.terminate()
        child.wait()


async def sink(scope, receive, send) -> None:
    """For uvicorn."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


if __name__ == "__main__":
    main()
