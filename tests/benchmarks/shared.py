"""A log that machines share beside one machine's: `python -m tests.benchmarks.shared`.

All servers run at once, on this machine, and are loaded in turn: one receiver with its own log.db;
one, and two, receivers over three NATS servers that sync every write. Everything shares the cores,
the load too, so what several machines would do is not seen; the cost of the quorum is.
"""

import argparse
import statistics
import sys
import tempfile
import uuid
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import bodies
from tests.benchmarks.client import Load, Sender, load
from tests.benchmarks.serving import DURABLE, serving
from tests.crash.shared_load import Node
from tests.jetstream import Servers, make_stream


def one_load(port: int, connections: int, seconds: float) -> Load:
    sender = Sender(bodies.templates(bodies.MIX), uuid.uuid4().hex[:8])
    return load(port, sender, connections=connections, seconds=seconds)


def measure(place: Path, runs: int, seconds: float, connections: int) -> dict[str, list[float]]:
    """204s a second of each run."""
    with ExitStack() as stack:
        servers = Servers(place / "nats", 3)
        stack.callback(servers.close)
        servers.start()
        make_stream(servers.place())
        nodes = [Node(place / name, servers) for name in ("one", "two")]
        for node in nodes:
            stack.callback(node.end)
        alone = stack.enter_context(serving(DURABLE, place / "alone"))
        pool = stack.enter_context(ProcessPoolExecutor(2))
        ports = {
            "one machine, log.db": [alone.port],
            "three replicas, one receiver": [nodes[0].receiver.port],
            "three replicas, two receivers": [node.receiver.port for node in nodes],
        }
        found: dict[str, list[float]] = {name: [] for name in ports}
        for run in range(runs + 1):
            for name, at in ports.items():
                share = connections // len(at)
                told = [pool.submit(one_load, port, share, seconds) for port in at]
                loads = [one.result() for one in told]
                if run:  # the first one warms
                    found[name].append(sum(one.per_second for one in loads))
                others = sum(one.others for one in loads)
                print(f"{name}: {others} other answers", file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.shared", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=128)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-shared-") as place:
        found = measure(Path(place), told.runs, told.seconds, told.connections)
    base = statistics.median(next(iter(found.values())))
    for name, rates in found.items():
        rate = statistics.median(rates)
        print(f"{name}: {rate:,.0f} 204s/s, {rate / base:.2f} of one machine")


if __name__ == "__main__":
    main()
