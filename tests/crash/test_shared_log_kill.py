"""Three servers, two nodes, load all the while: whoever is killed, nothing acknowledged is lost or doubled."""

from contextlib import closing

import pytest

from store import open_reader, verify_chain
from tests.crash.shared_load import Load, Node
from tests.jetstream import Servers, make_stream
from tests.logs import assert_same, fold, rows
from tests.torture.events import number_of
from tests.torture.processes import wait_for
from tests.torture.shared import state, wait_until_copied

PATIENCE_SECONDS = 120.0
MORE = 100
"""Events that must be acknowledged after each blow."""


@pytest.fixture
def servers(tmp_path):
    three = Servers(tmp_path / "nats", 3)
    three.start()
    make_stream(three.place())
    yield three
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


def kill_the_leader(servers):
    leader = servers.named(state(servers).leader)
    servers.kill(leader)
    return leader


def goes_on(load):
    before = len(load.acknowledged)
    wait_for(
        lambda: len(load.acknowledged) >= before + MORE, "more to be acknowledged", PATIENCE_SECONDS
    )


def test_whoever_is_killed_every_node_has_all_that_was_acknowledged_once_and_the_same(
    servers, nodes
):
    load = Load([node.url for node in nodes])
    try:
        goes_on(load)
        leader = kill_the_leader(servers)
        goes_on(load)
        servers.start(leader)
        nodes[0].kill_receiver()
        goes_on(load)
        nodes[1].kill_copier()
        goes_on(load)
        servers.kill()
        wait_for(lambda: not any(node.is_ready() for node in nodes), "readiness to turn red")
        servers.start()
        goes_on(load)
        wait_for(lambda: all(node.is_ready() for node in nodes), "readiness", PATIENCE_SECONDS)
    finally:
        load.stop()
    assert load.unanswered > 0
    wait_until_copied(nodes, servers, load)
    heads, histories = [], []
    for node in nodes:
        with closing(open_reader(node.data)) as log:
            numbers = [number_of(event.event_id) for event in log.read()]
            assert len(numbers) == len(set(numbers)), "doubled"
            assert set(load.acknowledged) <= set(numbers), "lost"
            assert verify_chain(log) is None
            heads.append((log.head(), log.event(log.head()).chain, list(log.redeliveries())))
            histories.append(rows(fold(log), arrival=True))
    assert heads[0] == heads[1]
    assert_same(*histories)
