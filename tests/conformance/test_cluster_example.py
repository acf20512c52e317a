"""config/cluster: started as a user does, events through what balances, nodes restarted one by one."""

import json
import os
import shutil
import signal
import subprocess
import threading
from contextlib import closing, suppress

import httpx
import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from store import open_reader
from tests.balancer import Balancer
from tests.torture.events import PATH, body_of, number_of
from tests.torture.processes import ROOT, port_of, reserved, wait_for

JSON = {"content-type": "application/json"}
SENDERS = 3


class Example:
    def __init__(self, data):
        self.data = data
        # Of the servers, their routes, the receivers, the pages, and the balancer.
        self._reserved = [reserved() for _ in range(11)]
        self.ports = [port_of(one) for one in self._reserved]
        self.log = f"nats://127.0.0.1:{self.ports[0]},127.0.0.1:{self.ports[1]}/tickets"
        self.url = f"http://127.0.0.1:{self.ports[10]}"
        self.process = self._started()
        self._balancer = None
        if shutil.which("haproxy") is None:
            self._balancer = Balancer(self._reserved.pop(), self.ports[6:8])

    def _started(self):
        environment = {**os.environ, "PORTS": " ".join(str(one) for one in self.ports)}
        arguments = [ROOT / "config" / "cluster" / "start", self.data]
        return subprocess.Popen(arguments, env=environment, start_new_session=True)

    def restart(self, name):
        """As whoever looks after processes does it: SIGTERM, wait, start."""
        pid = int((self.data / f"{name}.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        said = self.data / f"{name}.log"
        wait_for(lambda: said.read_text().endswith("stopped\n"), f"{name} to stop", 60)
        number = ("one", "two").index(name)
        return subprocess.Popen(
            [
                *(ROOT / ".venv" / "bin" / "listener", "serve"),
                *("--config", ROOT / "config" / "cluster" / f"{name}.toml"),
                *("--data", self.data / name, "--port", str(self.ports[6 + number])),
                *("--dashboards-port", str(self.ports[8 + number])),
            ],
            env={**os.environ, "LISTENER_LOG": self.log, "LISTENER_DRAIN_SECONDS": "2"},
            stderr=subprocess.DEVNULL,
        )

    def is_ready(self, number):
        with suppress(httpx.TransportError):
            url = f"http://127.0.0.1:{self.ports[6 + number]}/health/ready"
            return httpx.get(url, trust_env=False).is_success
        return False

    def status(self):
        found = CliRunner().invoke(
            main,
            ["cluster", "status", "--json", "--data", str(self.data / "one")],
            env={"LISTENER_LOG": self.log},
        )
        return found.exit_code, json.loads(found.output) if found.output.startswith("{") else {}

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        if self._balancer:
            self._balancer.close()
        for one in self._reserved:
            one.close()


@pytest.fixture
def example(tmp_path):
    with closing(Example(tmp_path / "example")) as started:
        wait_for(lambda: started.is_ready(0) and started.is_ready(1), "both nodes", 120)
        wait_for(lambda: httpx_ready(started.url), "the balancer to see them", 60)
        yield started


def httpx_ready(url):
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/ready", trust_env=False).is_success
    return False


def test_the_example_starts_and_its_nodes_are_restarted_one_by_one_without_a_refused_request(
    example,
):
    answered, refused, ending = [], [], threading.Event()

    def send(first):
        # A connection that is kept alive, as providers keep theirs.
        with httpx.Client(
            base_url=example.url, trust_env=False, headers=JSON, timeout=30
        ) as client:
            number = first
            while not ending.wait(0.01):
                try:
                    status = client.post(PATH, content=body_of(number)).status_code
                except httpx.TransportError as error:
                    status = repr(error)
                (answered if status == 204 else refused).append((number, status))
                number += SENDERS

    senders = [threading.Thread(target=send, args=(one,)) for one in range(SENDERS)]
    for one in senders:
        one.start()
    restarted = []
    try:
        wait_for(lambda: len(answered) > 100, "events")
        for number, name in enumerate(("one", "two")):
            restarted.append(example.restart(name))
            wait_for(lambda number=number: example.is_ready(number), f"{name} again", 60)
            before = len(answered)
            wait_for(lambda before=before: len(answered) > before + 100, "more events")
    finally:
        ending.set()
        for one in senders:
            one.join()
        try:
            wait_for(lambda: same(example), "both to have copied all", 60)
        finally:
            for one in restarted:
                one.terminate()
            for one in restarted:
                one.wait(60)
    assert refused == []
    numbers = {number for number, _ in answered}
    for name in ("one", "two"):
        with closing(open_reader(example.data / name)) as log:
            assert {number_of(event.event_id) for event in log.read()} == numbers


def same(example):
    code, told = example.status()
    chains = {(one["head"], one["chain"]) for one in told.get("nodes", ())}
    behind = [one["behind"] for one in told.get("nodes", ())]
    return code == 0 and len(chains) == 1 and behind == [0, 0]
