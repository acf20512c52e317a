"""`listener serve` forwards: killed and bereaved of its target, it goes on, and /metrics tells."""

import os
import re
from contextlib import closing

import httpx

from store import open_reader
from store.replay.ledger import Ledger
from tests.crash.test_replay_kill import sinking, taken
from tests.receiving import right_body
from tests.torture.processes import Listener, kill, port_of, reserved, wait_for


def post(listener, number):
    headers = {"content-type": "application/json"}
    path = f"{listener.url}/listener/troubleTicketCreateEvent"
    body = right_body(f"e{number}")
    httpx.post(path, content=body, headers=headers, trust_env=False).raise_for_status()


def metrics(listener) -> dict[str, float]:
    page = httpx.get(f"{listener.url}/metrics", trust_env=False).raise_for_status().text
    found = re.findall(r'listener_forward_(\w+)\{target="sink"\} (\S+)', page)
    return {name: float(value) for name, value in found}


def test_new_events_are_forwarded_whoever_is_killed(tmp_path):
    file = tmp_path / "taken"
    with reserved() as port_holder:
        port = port_of(port_holder)
        (tmp_path / "listener.toml").write_text(
            f'[targets.sink]\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\nforward = true\n'
            'begin = "beginning"\nfirst_pause_seconds = 0.05\nlongest_pause_seconds = 0.2\n'
            '[targets.broken]\nkind = "http"\nurl = "http://127.0.0.1:1/"\nforward = true\n'
            '[targets.broken.bearer]\ntoken_file = "/not/there"\n'
        )
        told = os.environ | {"LISTENER_CONFIG": str(tmp_path / "listener.toml")}
        listener = Listener("serve", tmp_path / "data", environment=told)
        try:
            listener.wait_until_ready()
            for number in range(5):
                post(listener, number)
            # Nobody is there to take them: they wait.
            wait_for(lambda: metrics(listener).get("failures_total", 0) > 0, "failures")
            with sinking(file, port, 1, 0):
                wait_for(lambda: len(taken(file)) == 5, "five events")
                kill(listener.pid("forward-sink"))
                post(listener, 5)
                wait_for(lambda: len(taken(file)) == 6, "the sixth, after a restart")
                wait_for(lambda: metrics(listener)["delivered_total"] == 6, "what metrics tell")
            found = metrics(listener)
            assert (found["lag_events"], found["waiting_events"], found["dead_letters"]) == (
                0,
                0,
                0,
            )
            assert listener.said("token_file: /not/there"), "one target in trouble ends nobody"
            assert listener.stop() == 0
        finally:
            listener.end()
    with closing(Ledger(tmp_path / "data")) as ledger:
        assert ledger.job("forward:sink").state == "stopped"
    with closing(open_reader(tmp_path / "data")) as log:
        assert log.head() == 6
