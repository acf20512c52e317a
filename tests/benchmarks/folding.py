"""How fast histories are folded: steady state, rebuild, lag under load, one ticket with many entries.

    python -m tests.benchmarks.folding --events 100000 --json folding.json

The baseline of each figure is reading the same events from the log and parsing their JSON.
"""

import functools
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import click
import msgspec

from store import open_log, open_reader
from store.history import follower
from store.history.asking import ticket_history
from store.history.follower import Follower
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from tests.benchmarks import big_log
from tests.benchmarks.timing import Json, interleaved, ratio, report, seconds
from tests.new_events import new_event

MEGABYTE = 1_048_576


@click.command()
@click.option("--events", default=50_000, show_default=True, help="Size of the log.")
@click.option("--runs", default=3, show_default=True, help="Interleaved runs of each figure.")
@click.option("--entries", default=10_000, show_default=True, help="Of the one long ticket.")
@click.option("--per-second", default=1_000, show_default=True, help="Load while lag is measured.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there.")
def main(events: int, runs: int, entries: int, per_second: int, file: Path | None) -> None:
    """Measure folding on a log made for the purpose."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        size = big_log.make(data, events)
        rows = [*_speeds(data, events, runs), _lag(data, per_second)]
        rows += [_long_ticket(Path(directory) / "long", entries)]
        report(f"Folding {events:,} events of {size / events:,.0f} bytes", rows, file)


def _speeds(data: Path, events: int, runs: int) -> list[Json]:
    open_data = functools.partial(open_reader, data)

    def parse() -> None:
        with closing(open_data()) as reader:
            for event in reader.read():
                msgspec.json.decode(event.body)

    def follow() -> None:
        path = data / "followed.db"
        with closing(open_data()) as reader, closing(follower.connect(path)) as connection:
            following = Follower(reader, connection, RuleBook())
            while following.step():
                pass
        _remove(path)

    def fold_anew() -> None:
        path = data / "rebuilt.db"
        rebuild(path, open_data, RuleBook(), lambda *_: None)
        _remove(path)

    took = interleaved(runs, parse=parse, follow=follow, rebuild=fold_anew)
    return [
        {
            "what": name,
            "events/s": events / statistics.median(took[name]),
            "of parsing alone": ratio(took["parse"], took[name]),
            "memory MB": _peak(),
        }
        for name in took
    ]


def _lag(data: Path, per_second: int, for_seconds: float = 10.0) -> Json:
    """Events arrive at a steady rate while a follower process folds: how far behind it is."""
    path = data / "history.db"
    _remove(path)
    child = subprocess.Popen(
        [sys.executable, "-m", "receiver", "follow", "--data", str(data)],
        stderr=subprocess.DEVNULL,
    )
    try:
        with closing(open_reader(data)) as reader:
            while not path.exists() or _folded(path) < reader.head():
                time.sleep(0.1)
        lags: list[float] = []
        with closing(open_log(data)) as log:
            _feed(log, path, per_second, for_seconds, lags)
    finally:
        child.terminate()
        child.wait()
    return {
        "what": f"lag at {per_second:,} events/s",
        "median s": statistics.median(lags),
        "worst s": max(lags),
    }


def _feed(log, path: Path, per_second: int, for_seconds: float, lags: list[float]) -> None:
    source = iter(list(log.read(0, per_second * int(for_seconds))))
    stop = threading.Event()
    sent: list[tuple[float, int]] = []

    def watch() -> None:
        while not stop.wait(0.05):
            folded = _folded(path)
            waiting = [at for at, position in sent if position > folded]
            lags.append(time.monotonic() - waiting[0] if waiting else 0.0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    done = 0
    try:
        while time.monotonic() - began < for_seconds:
            due = int((time.monotonic() - began) * per_second)
            batch = [_again(next(source), done + n) for n in range(due - done)]
            if batch:
                last = log.append(batch)[-1]
                sent.append((time.monotonic(), last.position))
                done = due
            time.sleep(0.01)
    finally:
        stop.set()
        watcher.join()


def _again(event, number: int):
    """The same told under another id and time: an event of its own for the same ticket."""
    document = json.loads(event.body)
    document["eventId"] = f"again-{number}"
    document["timeOccurred"] = f"2026-11-24T06:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
    return new_event(
        document["eventId"],
        json.dumps(document).encode(),
        event_type=event.event_type,
        resource_type=event.resource_type,
        resource_id=event.resource_id,
        ticket_id=event.ticket_id,
    )


def _long_ticket(data: Path, entries: int) -> Json:
    """A ticket of many events: folded once, and anew for each of some further events."""
    data.mkdir()
    with closing(open_log(data)) as log:
        log.append([_note(number) for number in range(entries)])
        connection = follower.connect(data / "history.db")
        following = Follower(log, connection, RuleBook())

        def all_at_once() -> None:
            while following.step(entries):
                pass

        first = seconds(all_at_once)
        further: list[float] = []
        for number in range(entries, entries + 5):
            log.append([_note(number)])
            further.append(seconds(following.step))
        asked = seconds(lambda: ticket_history(data, log, "3180", RuleBook()))
    return {
        "what": f"one ticket of {entries:,} events",
        "events/s": entries / first,
        "one more, s": statistics.median(further),
        "asked for, s": asked,
    }


def _note(number: int):
    at = f"2026-{number // 40_000 % 12 + 1:02d}-{number // 1_440 % 28 + 1:02d}"
    at += f"T{number // 60 % 24:02d}:{number % 60:02d}:00.000Z"
    document = {
        "eventId": str(number),
        "eventTime": at,
        "event": {"troubleTicket": {"id": "3180", "priority": str(number % 5)}},
    }
    return new_event(
        str(number),
        json.dumps(document).encode(),
        event_type="TroubleTicketAttributeValueChangeEvent",
        occurred_at=at,
    )


def _folded(path: Path) -> int:
    with closing(follower.sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return follower.checkpoint(connection, "events")
        except follower.sqlite3.OperationalError:
            return 0


def _peak() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1_024 / MEGABYTE


def _remove(path: Path) -> None:
    for left in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


if __name__ == "__main__":
    main()
