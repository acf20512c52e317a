"""The demo's present: subscribed at the provider's hub, told by it, and some of it lost on purpose."""

import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import httpx

from store import open_reader
from tests.torture.processes import PATIENCE_SECONDS

START_SECONDS = 90.0
"""A demo starts every part, and loads a past."""


class Started:
    """A process, and what it said until now."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self):
        with self.process.stdout as lines:
            for line in lines:
                self.said += line

    def waited_for(self, pattern):
        until = time.monotonic() + START_SECONDS
        while not (found := re.search(pattern, self.said)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, f"waited in vain for {pattern}: {self.said}"
            time.sleep(0.05)
        return found

    def end(self):
        self.process.kill()
        self.process.wait()
        self._reading.join()


@contextmanager
def started(*command):
    one = Started(*command)
    try:
        yield one
    finally:
        one.end()


def control(url, path="", method="POST", **told):
    answer = httpx.request(method, f"{url}/-/{path}", json=told, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_demo_subscribes_is_told_and_is_not_told_everything(tmp_path):
    data = tmp_path / "demo"
    ports = ("--port", "0", "--dashboards-port", "0")
    with started("receiver", "demo", "--tickets", "20", "--data", str(data), *ports) as demo:
        base = demo.waited_for(r"Provider +(http://127.0.0.1:\d+)(\S+)/troubleTicket\n")
        url = base[1]
        demo.waited_for("subscribed at the provider")
        (hub,) = control(url, method="GET")["hubs"]
        assert httpx.get(f"{url}{base[2]}/hub/{hub['id']}", trust_env=False).status_code == 200
        assert control(url, method="GET")["habits"]["lose"] > 0
        control(url, "habits", lose=0.2, duplicate=0.2)
        control(url, "advance", minutes=5)
        bodies = {"taken": set(), "lost": set(), "refused": set(), "given up": set()}
        for one in httpx.get(f"{url}/-/told", trust_env=False, timeout=60).json():
            bodies[one["outcome"]].add(one["body"].encode())
        assert len(bodies["taken"]) > len(bodies["lost"]) > 10
        with closing(open_reader(data)) as log:
            kept = {event.body for event in log.read()}
        assert bodies["taken"] <= kept
        assert not bodies["lost"] & kept
        for words in ("kept", "lost on the way", "redelivered"):
            demo.waited_for(rf"TT-\d+ TroubleTicket\w+.*: {words}\n")
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(PATIENCE_SECONDS) == 0, demo.said


def test_the_provider_runs_alone_and_stops_when_told_to():
    with started("tests.provider", "--port", "0", "--speed", "0", "--auth", "bearer") as provider:
        base = provider.waited_for(r"API +((http://127.0.0.1:\d+)\S+)\n")
        provider.waited_for("Controls")
        assert httpx.get(base[1], trust_env=False).status_code == 401
        shown = {"authorization": "Bearer only-known-to-tests"}
        assert httpx.get(base[1], headers=shown, trust_env=False).status_code == 200
        hub = base[1].removesuffix("/troubleTicket") + "/hub"
        callback = {"callback": "http://127.0.0.1:9"}
        assert httpx.post(hub, json=callback, headers=shown, trust_env=False).status_code == 201
        before = control(base[2], method="GET")["now"]
        state = control(base[2], "advance", minutes=1)
        assert state["now"] > before
        assert state["told"] == {"given up": state["told"]["given up"]}
        provider.waited_for(r"TT-\d+ TroubleTicket\w+ to \w+: given up\n")
        provider.process.send_signal(signal.SIGTERM)
        assert provider.process.wait(PATIENCE_SECONDS) == 0, provider.said


def test_a_port_that_is_taken_is_one_line_and_exit_code_1():
    with started("tests.provider", "--port", "0") as provider:
        port = provider.waited_for(r"API +http://127.0.0.1:(\d+)")[1]
        ended = subprocess.run(
            [sys.executable, "-m", "tests.provider", "--port", port],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 1
        assert f"Port {port}" in ended.stderr
        assert ended.stderr.count("\n") == 1
