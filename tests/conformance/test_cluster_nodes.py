"""Nodes of a cluster: one at a time where only one may, how it stands, and events of commands."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from config.settings import Settings
from receiver.__main__ import main
from store import append_beside, append_shared, open_reader, verify_chain
from store.commands.alone import alone
from store.log.lease import Lease, LeaseLost
from tests.jetstream import Servers, make_stream
from tests.new_events import new_event
from tests.torture.processes import ROOT, Listener, wait_for

LATER = "2026-01-01T00:00:00.000Z"
HOLDS = """
import sys
from store import Place
from store.log.lease import Lease
lease = Lease(Place(servers=(sys.argv[1],), stream="tickets", replicas=1), "work", "dead",
              lost=lambda: None, reached=lambda: 41, seconds=3)
lease.begin()
lease.wait()
print(lease.number, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def servers(tmp_path):
    one = Servers(tmp_path / "nats")
    one.start()
    make_stream(one.place())
    yield one
    one.close()


def lease(servers, **told):
    told = {"lost": lambda: None, "seconds": 3.0} | told
    return Lease(servers.place(), "work", "here", **told)


@pytest.fixture
def holder(servers):
    arguments = [sys.executable, "-c", HOLDS, servers.urls[0]]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        yield process
        process.kill()


def test_a_lease_given_back_is_taken_by_the_next_which_goes_on_where_the_work_was(servers):
    first, second = lease(servers, reached=lambda: 7), lease(servers)
    first.begin()
    assert first.wait(20)
    second.begin()
    assert not second.wait(4)
    first.close()
    assert second.wait(20)
    assert (second.position, second.number > first.number) == (7, True)
    with pytest.raises(LeaseLost):
        first.must_be_held()
    second.must_be_held()
    second.close()


def test_the_lease_of_a_worker_that_was_killed_is_taken_over(servers, holder):
    number = int(holder.stdout.readline())
    holder.kill()
    with closing(lease(servers)) as ours:
        ours.begin()
        assert ours.wait(30)
        assert ours.number > number


def test_a_worker_that_was_frozen_beyond_its_lease_may_write_nothing_more(servers):
    lost = []
    with closing(lease(servers, lost=lambda: lost.append(True))) as ours:
        ours.begin()
        assert ours.wait(20)
        servers.kill()
        wait_for(lambda: lost, "the lease to be lost")
        with pytest.raises(LeaseLost):
            ours.must_be_held()


def test_a_frozen_worker_finds_its_lease_taken(servers, holder):
    number = int(holder.stdout.readline())
    os.kill(holder.pid, signal.SIGSTOP)
    with closing(lease(servers)) as ours:
        ours.begin()
        assert ours.wait(30)
        os.kill(holder.pid, signal.SIGCONT)
        time.sleep(2)
        ours.must_be_held()
        assert ours.number > number


def test_without_a_cluster_it_is_everybodys_turn_at_once(tmp_path):
    with alone(Settings(data=tmp_path), "work") as turn:
        turn.must_be_held()


def test_events_of_a_command_are_published_and_found_where_they_are_copied(tmp_path, servers):
    node = Listener(
        "copy", tmp_path / "data", environment={**os.environ, "LISTENER_LOG": servers.log}
    )
    try:
        wait_for((tmp_path / "data" / "log.db").exists, "the log")
        place, data = servers.place(), tmp_path / "data"
        one, other = new_event("1"), new_event("2")
        assert append_beside(data, one, place).position == 1
        found = append_shared(data, place, [replace(one, received_at=LATER), other])
        assert [(told.position, told.duplicate) for told in found] == [(1, True), (2, False)]
    finally:
        node.end()
    with closing(open_reader(data)) as log:
        assert verify_chain(log) is None


def status(data, servers, *options):
    environment = {"LISTENER_LOG": servers.log}
    arguments = ["cluster", "status", "--data", str(data), *options]
    return CliRunner().invoke(main, arguments, env=environment)


def test_status_tells_servers_nodes_and_what_is_wrong(tmp_path):
    servers = Servers(tmp_path / "nats", 3)
    servers.start()
    make_stream(servers.place())
    data = tmp_path / "data"
    node = Listener("copy", data, environment={**os.environ, "LISTENER_LOG": servers.log})
    try:
        wait_for(lambda: status(data, servers).exit_code == 0, "all to be well", 60)
        append_shared(data, servers.place(), [new_event("1")])
        wait_for(
            lambda: (
                [one["head"] for one in json.loads(status(data, servers, "--json").output)["nodes"]]
                == [1]
            ),
            "the node to tell its head",
            60,
        )
        told = json.loads(status(data, servers, "--json").output)
        with closing(open_reader(data)) as log:
            assert told["nodes"][0]["chain"] == log.event(1).chain
        assert sorted(one["is"] for one in told["servers"]) == ["current", "current", "leader"]
        follower = next(one["name"] for one in told["servers"] if one["is"] == "current")
        servers.kill(servers.named(follower))
        wait_for(
            lambda: "under-replicated: 2 of 3" in status(data, servers).output,
            "a server to be missed",
            90,
        )
        assert status(data, servers).exit_code == 1
    finally:
        node.end()
        servers.close()


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        server.heard = []
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


class ForwardingNode:
    """A copier and a forwarder of one node."""

    def __init__(self, directory, servers, hook):
        directory.mkdir()
        config = directory / "listener.toml"
        config.write_text(
            f'[cluster]\nnode = "{directory.name}"\nreplicas = 1\nlease_seconds = 3\n'
            f'[targets.there]\nkind = "http"\nurl = "http://127.0.0.1:{hook.server_port}/"\n'
        )
        told = {"LISTENER_LOG": servers.log, "LISTENER_CONFIG": str(config)}
        self.name, self.data = directory.name, directory / "data"
        self.copier = Listener("copy", self.data, environment={**os.environ, **told})
        arguments = ["forward", "there", "--data", str(self.data)]
        wait_for(self.data.exists, "the data directory")
        self.forwarder = subprocess.Popen(
            [sys.executable, "-m", "receiver", *arguments], cwd=ROOT, env={**os.environ, **told}
        )

    def end(self):
        self.forwarder.kill()
        self.forwarder.wait()
        self.copier.end()


def test_one_node_forwards_and_where_it_is_killed_the_other_goes_on_where_it_was(
    tmp_path, servers, hook
):
    nodes = []
    try:
        nodes += [ForwardingNode(tmp_path / name, servers, hook) for name in ("one", "two")]
        by_name = {node.name: node for node in nodes}

        def told():
            found = json.loads(status(nodes[0].data, servers, "--json").output)["leases"]
            return found[0] if found and found[0]["node"] else {"node": None, "position": 0}

        wait_for(lambda: told()["node"], "a node to take its turn", 60)
        events = [new_event(str(number)) for number in range(6)]
        append_shared(nodes[0].data, servers.place(), events[:3])
        wait_for(lambda: told()["position"] == 3, "the three to be delivered", 60)
        first = by_name[told()["node"]]
        assert len(hook.heard) == 3
        first.forwarder.kill()
        append_shared(nodes[0].data, servers.place(), events[3:])
        wait_for(lambda: len(hook.heard) >= 6, "the other to go on", 60)
        assert told()["node"] != first.name
        time.sleep(1)
        assert len(hook.heard) == 6
    finally:
        for node in nodes:
            node.end()
