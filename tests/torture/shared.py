"""Torture of a log that machines share: `python -m tests.torture.shared --minutes 3`.

Three NATS servers that sync every write, two nodes, load all the while; at random instants a leader, a
follower, all servers at once, a receiver or a copier is killed with -9 and started again, all
receivers are restarted in turn, a leader stands still for a while (SIGSTOP) and goes on as if it
still led, or it is parted from the other servers, or from everybody, and joined again. It ends with what was lost, doubled or different between the nodes. Exit code 1 when anything was.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from store import LogError, open_reader, verify_chain
from store.log.jetstream import Stream
from store.log.jetstream_answers import State
from store.log.origin import copied
from tests.crash.shared_load import Load, Node
from tests.jetstream import Servers, make_stream
from tests.logs import fold, rows
from tests.networks import Network, NoNetwork
from tests.torture.events import number_of
from tests.torture.processes import wait_for

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = (2.0, 6.0)
LONGEST_OUTAGE_SECONDS = 4.0
PAUSED_SECONDS = (1.0, 12.0)
"""A leader that stands still or is cut off: shorter and longer than the others take to elect another."""


class Found(NamedTuple):
    """What one node has in the end."""

    numbers: list[int]
    sound: bool
    log: tuple[Any, ...]
    """Head, chain and redeliveries."""
    history: dict[str, list[Any]]


def state(servers: Servers) -> State:
    async def ask() -> State:
        stream = Stream(servers.place())
        await stream.connect(30)
        try:
            return await stream.state()
        finally:
            await stream.close()

    return asyncio.run(ask())


class Torment:
    """Blows, one after the other."""

    def __init__(
        self, servers: Servers, nodes: list[Node], seed: int, network: Network | None
    ) -> None:
        self._servers = servers
        self._network = network
        self._nodes = nodes
        self._chance = random.Random(seed)
        self._deck: list[str] = []
        self.blows = Counter[str]()

    def blow(self) -> str:
        """Kill somebody, start them again; who it was."""
        blows = {
            "leader": lambda: self._server(0),
            "follower": lambda: self._server(1),
            "leader that stands still": self._pause,
            "all servers": self._all,
            "rolling restart": self._roll,
            "receiver": lambda: self._chance.choice(self._nodes).kill_receiver(),
            "copier": lambda: self._chance.choice(self._nodes).kill_copier(),
        }
        if network := self._network:
            blows |= {
                "partition": lambda: self._part(network, from_clients=False),
                "leader that nobody reaches": lambda: self._part(network, from_clients=True),
            }
        if not self._deck:  # every blow comes, in an order of its own each time
            self._deck = self._chance.sample(list(blows), len(blows))
        name = self._deck.pop()
        blows[name]()
        self.blows[name] += 1
        return name

    def rest(self, shortest: float, longest: float) -> None:
        time.sleep(self._chance.uniform(shortest, longest))

    def _leader(self) -> int:
        try:
            leader = state(self._servers).leader
        except LogError:  # one is being elected: then any server will do
            leader = ""
        return self._servers.named(leader) if leader else 0

    def _pause(self) -> None:
        number = self._leader()
        self._servers.pause(number)
        self.rest(*PAUSED_SECONDS)
        self._servers.resume(number)

    def _part(self, network: Network, *, from_clients: bool) -> None:
        number = self._leader()
        network.cut(number, from_clients=from_clients)
        self.rest(*PAUSED_SECONDS)
        network.join(number)

    def _server(self, behind_the_leader: int) -> None:
        number = (self._leader() + behind_the_leader) % self._servers.count
        self._servers.kill(number)
        self.rest(0, LONGEST_OUTAGE_SECONDS)
        self._servers.start(number)

    def _roll(self) -> None:
        for node in self._nodes:
            node.restart_receiver()

    def _all(self) -> None:
        self._servers.kill()
        self.rest(0, LONGEST_OUTAGE_SECONDS)
        self._servers.start()


def found(node: Node) -> Found:
    with closing(open_reader(node.data)) as log:
        head = log.event(log.head())
        told = (log.head(), head.chain if head else "", list(log.redeliveries()))
        numbers = [number_of(event.event_id) for event in log.read()]
        return Found(numbers, verify_chain(log) is None, told, rows(fold(log), arrival=True))


def wait_until_copied(nodes: list[Node], servers: Servers, load: Load) -> None:
    """Until every node has what the stream has."""

    def done(node: Node) -> bool:
        # Asked each time: what was not acknowledged may still be on its way. And a leader that was
        # cut off tells a while what was.
        last = state(servers).last
        return copied(node.data / "log.db") == last >= load.sequence

    for node in nodes:
        said = node.copier.lines
        what = f"the copy up to {load.sequence}; its copier said {said}"
        wait_for(lambda node=node: done(node), what, PATIENCE_SECONDS)


def problems(nodes: list[Found], acknowledged: list[int]) -> list[str]:
    wrong: list[str] = []
    for number, node in enumerate(nodes, start=1):
        lost = set(acknowledged) - set(node.numbers)
        doubled = len(node.numbers) - len(set(node.numbers))
        if lost or doubled or not node.sound:
            wrong.append(f"node {number}: {len(lost)} lost, {doubled} doubled, sound {node.sound}")
    if any(node.log != nodes[0].log for node in nodes):
        wrong.append("the nodes have different logs")
    if any(node.history != nodes[0].history for node in nodes):
        wrong.append("the nodes have different histories")
    return wrong


def network_of(count: int) -> Network | None:
    try:
        return Network(count)
    except NoNetwork as error:
        print(f"Without partitions: {error}.", file=sys.stderr)
        return None


def torture(place: Path, seconds: float, seed: int) -> list[str]:
    """What was wrong in the end; says how far it is on stderr."""
    network = network_of(3)
    servers = Servers(place / "nats", 3, network=network)
    nodes: list[Node] = []
    try:
        servers.start()
        make_stream(servers.place())
        nodes += [Node(place / name, servers) for name in ("one", "two")]
        torment = Torment(servers, nodes, seed, network)
        load = Load([node.url for node in nodes])
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                torment.rest(*PAUSE_SECONDS)
                name = torment.blow()
                print(f"{name}: {len(load.acknowledged):,} acknowledged", file=sys.stderr)
        finally:
            load.stop()
        wait_until_copied(nodes, servers, load)
        told = ", ".join(f"{count} × {name}" for name, count in torment.blows.items())
        print(
            f"{len(load.acknowledged):,} acknowledged, {load.unanswered:,} refused; suffered: {told}"
        )
        return problems([found(node) for node in nodes], load.acknowledged)
    finally:
        for node in nodes:
            node.end()
        servers.close()
        if network is not None:
            network.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.shared", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=621)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="torture-shared-") as place:
        wrong = torture(Path(place), told.minutes * 60, told.seed)
    print("\n".join(wrong) or "0 lost, 0 doubled; the same log and the same history on every node")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
