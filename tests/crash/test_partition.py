"""Three servers, each in a network namespace, and cables that are pulled: the log goes on, and keeps what it took."""

import pytest

from tests.crash.shared_load import Load, Node
from tests.crash.test_shared_log_kill import goes_on
from tests.jetstream import Servers, make_stream
from tests.networks import Network, NoNetwork
from tests.torture.processes import wait_for
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


@pytest.mark.parametrize("from_clients", [False, True], ids=["from the servers", "from everybody"])
def test_a_leader_that_is_cut_off_stops_nobody_and_what_was_taken_is_on_every_node_once(
    network, servers, nodes, from_clients
):
    load = Load([node.url for node in nodes])
    try:
        goes_on(load)
        leader = servers.named(state(servers).leader)
        network.cut(leader, from_clients=from_clients)
        goes_on(load)
        network.join(leader)
        goes_on(load)
        wait_for(lambda: all(node.is_ready() for node in nodes), "readiness", PATIENCE_SECONDS)
    finally:
        load.stop()
    wait_until_copied(nodes, servers, load)
    assert problems([found(node) for node in nodes], load.acknowledged) == []
