"""`listener serve` as a node of a cluster: answered with a sequence, copied, folded, stopped in order."""

import os
from contextlib import closing

import httpx
import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from store import open_reader, progress
from tests.jetstream import Servers, make_stream
from tests.torture.events import PATH, body_of, broken_body_of
from tests.torture.processes import Listener, wait_for

JSON = {"content-type": "application/json"}


@pytest.fixture
def servers(tmp_path):
    one = Servers(tmp_path / "nats")
    one.start()
    make_stream(one.place())
    yield one
    one.close()


@pytest.fixture
def node(tmp_path, servers):
    environment = {**os.environ, "LISTENER_LOG": servers.log}
    listener = Listener("serve", tmp_path / "data", environment=environment)
    listener.wait_until_ready(60)
    yield listener
    listener.end()


def test_a_node_answers_copies_folds_shows_and_stops_without_leaving_anything_behind(node):
    with httpx.Client(base_url=node.url, trust_env=False, headers=JSON) as client:
        first = client.post(PATH, content=body_of(0))
        again = client.post(PATH, content=body_of(0))
        broken = client.post(PATH, content=broken_body_of(1))
        assert (first.status_code, first.headers["x-event-sequence"]) == (204, "1")
        assert (again.status_code, again.headers["x-event-duplicate"]) == (204, "true")
        assert "x-event-position" not in first.headers
        assert broken.status_code == 400
        assert "x-event-quarantine" not in broken.headers
        assert client.get("/health/ready").is_success
        wait_for(lambda: progress(node.data).checkpoint == 1, "the fold")
        ticket = client.get("/tmf-api/troubleTicket/v5/troubleTicket/TT-0")
        assert ticket.json()["id"] == "TT-0"
    page = httpx.get(f"http://127.0.0.1:{node.pages_port}/-/history/ticket/TT-0", trust_env=False)
    assert "TT-0" in page.text
    found = CliRunner().invoke(
        main,
        ["quarantine", "list", "--request", broken.json()["requestId"], "--data", str(node.data)],
    )
    assert "not-json" in found.output
    assert node.stop() == 0
    assert not node.left()
    with closing(open_reader(node.data)) as log:
        assert (log.head(), len(list(log.redeliveries())), len(list(log.quarantined()))) == (
            1,
            1,
            1,
        )
