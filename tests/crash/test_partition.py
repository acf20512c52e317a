"""Three servers, each in a network namespace, and cables that are pulled: the log goes on, and keeps what it took."""

import contextlib
import signal
import socket
import subprocess
import sys

import pytest

from tests.crash.shared_load import Load, Node
from tests.crash.test_shared_log_kill import goes_on
from tests.jetstream import Servers, make_stream
from tests.networks import Network, NoNetwork
from tests.torture.processes import ROOT, wait_for
from tests.torture.shared import PATIENCE_SECONDS, found, problems, state, wait_until_copied


@pytest.fixture
def network():
    try:
        network = Network(3)
    except NoNetwork as error:
        pytest.skip(str(error))
    yield network
    network.close()


@pytest.fixture
def servers(tmp_path, network):
    three = Servers(tmp_path / "nats", 3, network=network)
    try:
        three.start()
        make_stream(three.place())
        yield three
    finally:
        three.close()


@pytest.fixture
def nodes(tmp_path, servers):
    two: list[Node] = []
    try:
        two += [Node(tmp_path / name, servers) for name in ("one", "two")]
        yield two
    finally:
        for one in two:
            one.end()


REACH = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.5)"
DIE = """
import os, signal
from tests.networks import Network
print(Network(2).inside(0)[-1], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def reaches_another(network, servers, number):
    address = servers.towards_servers((number + 1) % servers.count).split(":")
    told = [*network.inside(number), sys.executable, "-c", REACH, *address]
    return subprocess.run(told, stderr=subprocess.DEVNULL, check=False).returncode == 0


def is_reached(servers, number):
    host, port = servers.towards_clients(number).split(":")
    try:
        socket.create_connection((host, int(port)), 0.5).close()
    except OSError:
        return False
    return True


def namespaces():
    return subprocess.run(
        ["ip", "netns", "list"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("from_clients", [False, True], ids=["from the servers", "from everybody"])
def test_a_leader_that_is_cut_off_stops_nobody_and_what_was_taken_is_on_every_node_once(
    network, servers, nodes, from_clients
):
    load = Load([node.url for node in nodes])
    try:
        goes_on(load)
        leader = servers.named(state(servers).leader)
        assert reaches_another(network, servers, leader)
        network.cut(leader, from_clients=from_clients)
        assert not reaches_another(network, servers, leader)
        assert is_reached(servers, leader) is not from_clients
        goes_on(load)
        network.join(leader)
        goes_on(load)
        wait_for(lambda: all(node.is_ready() for node in nodes), "readiness", PATIENCE_SECONDS)
    finally:
        load.stop()
    wait_until_copied(nodes, servers, load)
    assert problems([found(node) for node in nodes], load.acknowledged) == []


def test_what_a_run_that_died_left_of_its_network_is_removed_by_the_next(network):
    died = subprocess.run(
        [sys.executable, "-c", DIE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert died.returncode == -signal.SIGKILL
    left = died.stdout.strip()
    assert left in namespaces()
    with contextlib.closing(Network(1)) as another:
        assert left not in namespaces()
        assert another.inside(0)[-1] in namespaces()
    assert network.inside(0)[-1] in namespaces()
    assert another.inside(0)[-1] not in namespaces()
