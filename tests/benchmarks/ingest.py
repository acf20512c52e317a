"""Ingest: durable 204s per second and their latency, beside the same receiver without storing.

All servers of a row run at once, and are loaded in turn, A B A B; the load shares their cores, so
each baseline carries it too.
"""

import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import bodies
from tests.benchmarks.client import Load, Sender, load
from tests.benchmarks.serving import DURABLE, NO_OP, ONE_COMMIT, VALIDATING, Server, serving
from tests.benchmarks.timing import Json, ratio

KINDS = (NO_OP, VALIDATING, ONE_COMMIT, DURABLE)
WARM_SECONDS = 1.0
PAUSE_SECONDS = 2.0
"""Around every run: starting servers, warming them."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is run: every number of connections with the mix, every size with 128."""

    runs: int
    seconds: float
    connections: Sequence[int]
    sizes: Sequence[str]

    @property
    def settings(self) -> list[tuple[int, str]]:
        usual = 128 if 128 in self.connections else self.connections[-1]
        found = [(number, bodies.MIX) for number in self.connections]
        return found + [(usual, size) for size in self.sizes if size != bodies.MIX]

    @property
    def takes_seconds(self) -> float:
        each = self.runs * (self.seconds + 0.3) + WARM_SECONDS + PAUSE_SECONDS
        return len(self.settings) * (len(KINDS) * each + self.runs * self.seconds)


@dataclass
class Runs:
    """All runs against one server."""

    loads: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Seconds of all its processes, per 204."""

    @property
    def rates(self) -> list[float]:
        return [one.per_second for one in self.loads]

    def median(self, of: Callable[[Load], float]) -> float:
        return statistics.median(of(one) for one in self.loads)


def measure(directory: Path, plan: Plan, say: Say) -> Iterator[Json]:
    """A row for each server and setting."""
    for place, (connections, size) in enumerate(plan.settings):
        say(f"ingest {place + 1}/{len(plan.settings)}: {connections} connections, bodies {size}")
        yield from _setting(directory / f"{connections}-{size}", connections, size, plan)


def _setting(directory: Path, connections: int, size: str, plan: Plan) -> Iterator[Json]:
    templates = bodies.templates(size)
    found = {kind: Runs() for kind in KINDS}
    with ExitStack() as stack:
        servers = {kind: stack.enter_context(serving(kind, directory / kind)) for kind in KINDS}
        for server in servers.values():
            load(server.port, _sender(templates), connections=connections, seconds=WARM_SECONDS)
        before = servers[DURABLE].memory()
        for _ in range(plan.runs):
            for kind, server in servers.items():
                one_run(server, found[kind], _sender(templates), connections, plan.seconds)
        after = servers[DURABLE].memory()
        half = _half(servers[DURABLE], found[DURABLE], templates, connections, plan)
    for kind, runs in found.items():
        yield _row(connections, size, kind, runs, found)
    rate = statistics.median(found[DURABLE].rates) / 2
    yield {
        **_begin(connections, size, f"durable at {rate:,.0f}/s (half)"),
        **_latencies(half),
        **{f"{name} MB": megabytes for name, megabytes in after.items()},
        "MB grown": sum(after.values()) - sum(before.values()),
    }
    if connections == 1:
        yield _one_connection(directory, found)


def _sender(templates: Sequence[bodies.Template]) -> Sender:
    return Sender(templates, uuid.uuid4().hex[:8])


def one_run(server: Server, runs: Runs, sender: Sender, connections: int, seconds: float) -> None:
    """Load a server once, and note what was found."""
    before = server.cpu_seconds()
    run = load(server.port, sender, connections=connections, seconds=seconds)
    runs.loads.append(run)
    runs.cpu.append((server.cpu_seconds() - before) / len(run.latencies))


def _half(
    server: Server, full: Runs, templates: Sequence[bodies.Template], connections: int, plan: Plan
) -> Runs:
    rate = statistics.median(full.rates) / 2
    half = Runs()
    for _ in range(plan.runs):
        half.loads.append(
            load(
                server.port,
                _sender(templates),
                connections=connections,
                seconds=plan.seconds,
                per_second=rate,
            )
        )
    return half


def _row(connections: int, size: str, kind: str, runs: Runs, found: dict[str, Runs]) -> Json:
    return {
        **_begin(connections, size, kind),
        "204/s": statistics.median(runs.rates),
        **_latencies(runs),
        "CPU µs": statistics.median(runs.cpu) * 1e6,
        "of no-op": ratio(runs.rates, found[NO_OP].rates),
        "of validating": ratio(runs.rates, found[VALIDATING].rates),
        "of one commit": ratio(runs.rates, found[ONE_COMMIT].rates),
        "other answers": sum(one.others for one in runs.loads),
    }


def _begin(connections: int, size: str, what: str) -> Json:
    return {"server": what, "connections": connections, "bodies": size}


def _latencies(runs: Runs) -> Json:
    return {
        "p50 ms": runs.median(lambda one: one.percentile(0.5)),
        "p99 ms": runs.median(lambda one: one.percentile(0.99)),
        "p99.9 ms": runs.median(lambda one: one.percentile(0.999)),
    }


def _one_connection(directory: Path, found: dict[str, Runs]) -> Json:
    """One durable request beside one sync of 4 KB and one request that keeps nothing."""
    sync = _sync_seconds(directory) * 1_000
    alone = found[NO_OP].median(lambda one: one.percentile(0.5))
    durable = found[DURABLE].median(lambda one: one.percentile(0.5))
    return {
        **_begin(1, bodies.MIX, f"one sync ({sync:.2f} ms) + no-op"),
        "p50 ms": sync + alone,
        "durable is times that": durable / (sync + alone),
    }


def _sync_seconds(directory: Path, times: int = 300) -> float:
    took: list[float] = []
    with (directory / "synced").open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(4_096))
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took)
