"""A receiver behind a load balancer that is told to stop: not ready any more, but nobody is refused."""

import os
import signal

import httpx

from tests.torture.events import PATH, body_of
from tests.torture.processes import Listener, wait_for

JSON = {"content-type": "application/json"}


def test_told_to_stop_it_is_not_ready_takes_new_connections_and_closes_each(tmp_path):
    environment = {**os.environ, "LISTENER_DRAIN_SECONDS": "4"}
    receiver = Listener("receive", tmp_path / "data", environment=environment)
    try:
        receiver.wait_until_ready()
        os.kill(receiver.process.pid, signal.SIGTERM)

        def ready():
            return httpx.get(f"{receiver.url}/health/ready", trust_env=False)

        wait_for(lambda: ready().status_code == 503, "readiness to turn red")
        assert "stopping" in ready().text
        taken = httpx.post(receiver.url + PATH, content=body_of(1), headers=JSON, trust_env=False)
        assert (taken.status_code, taken.headers["connection"]) == (204, "close")
        assert receiver.process.wait(30) == 0
    finally:
        receiver.end()
