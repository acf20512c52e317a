"""What one event costs on disk: bytes in log.db beside its raw body, syncs beside commit groups.

Syncs are counted by the crash tests' shim between process and disk; the groups the receiver counts
itself (/metrics).
"""

import os
import re
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from store import NewEvent, open_log, open_reader
from tests.benchmarks import bodies
from tests.benchmarks.client import Sender, load
from tests.benchmarks.serving import DURABLE, Server, serving
from tests.benchmarks.timing import Json
from tests.crash.disk import NoCompiler, disk_at
from tests.crash.power_loss import changes
from tests.new_events import new_event

PATH = "/tmf-api/troubleTicketManagement/v5/listener/"
BATCH = 10
"""Events of one commit, as under load."""


def measure(directory: Path, events: int, seconds: float) -> Iterator[Json]:
    """A row for each size of bodies, then one for the syncs."""
    for size in (bodies.MIX, "1000", "4000", "20000"):
        yield _bytes(directory / f"size-{size}", size, events)
    yield from _syncs(directory / "syncs", seconds)


def _bytes(data: Path, size: str, events: int) -> Json:
    began = time.process_time()
    raw = fill(data, size, events)
    took = time.process_time() - began
    on_disk = sum(path.stat().st_size for path in data.glob("log.db*"))
    return {
        "what": f"bodies {size}",
        "raw bytes": raw / events,
        "bytes on disk": on_disk / events,
        "of raw": on_disk / raw,
        "CPU µs to append": took / events * 1e6,
    }


def fill(data: Path, size: str, events: int, batch: int = BATCH) -> int:
    """Append so many events to a log; the bytes of their bodies."""
    raw = 0
    stream = islice(told(size), events)
    with closing(open_log(data)) as log:
        while group := list(islice(stream, batch)):
            log.append(group)
            raw += sum(len(event.body) for event in group)
    return raw


def told(size: str) -> Iterator[NewEvent]:
    """Events without end, as the edge would make them of such bodies."""
    templates = bodies.templates(size)
    run = uuid.uuid4().hex[:8]
    number = 0
    while True:
        template = templates[number % len(templates)]
        ticket = f"T{run}-{number // bodies.EVENTS_OF_A_TICKET:09}"
        yield new_event(
            f"{run}-{number:012}",
            template.body(number, run),
            event_type=template.event_type,
            resource_id=ticket,
            ticket_id=ticket,
            path=template.path,
            headers=(("content-type", "application/json"),),
            drift=(),
        )
        number += 1


def _syncs(place: Path, seconds: float) -> Iterator[Json]:
    place.mkdir()
    try:
        with disk_at(place) as disk:
            data = disk.directory / "data"
            with serving(DURABLE, data, disk.environment) as server:
                load(server.port, _sender(), connections=32, seconds=0.5)
                before = _counted(server, disk.journal)
                load(server.port, _sender(), connections=128, seconds=seconds)
                syncs, groups, entries = (
                    now - then
                    for now, then in zip(_counted(server, disk.journal), before, strict=True)
                )
            with closing(open_reader(data)) as reader:
                assert reader.head() >= entries
    except NoCompiler as error:
        yield {"what": f"syncs: not counted, {error}"}
        return
    yield {
        "what": "128 connections, mix",
        "events": entries,
        "commit groups": groups,
        "events per group": entries / groups,
        "syncs per group": syncs / groups,
    }


def _sender() -> Sender:
    return Sender(bodies.templates(bodies.MIX), uuid.uuid4().hex[:8])


def _counted(server: Server, journal: Path) -> tuple[int, int, int]:
    """Syncs, commit groups, entries."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        told = answer.read().decode()

    def counted(name: str) -> int:
        found = re.search(rf"^listener_commit_entries_{name} ([\d.e+]+)", told, re.MULTILINE)
        return int(float(found[1])) if found else 0

    os.sync()
    syncs = sum(change.kind == "S" for change in changes(journal))
    return syncs, counted("count"), counted("sum")
