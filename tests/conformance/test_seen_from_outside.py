"""Metrics, readiness and JSON lines of a real receiver, as an operator's tools see them."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import httpx
import pytest

from store import HISTORY_FILE
from store.history import follower as folding
from tests.edge import assert_error, edge
from tests.receiving import PATH, receiving, request, wait_for

LABELS = '{event_type="TroubleTicketCreateEvent",source="default"}'


def test_metrics_tell_what_was_received_acknowledged_redelivered_refused_and_committed(tmp_path):
    with receiving(tmp_path) as here:
        for event_id in ("a", "b", "a"):
            assert here.deliver(event_id).status_code == 204
        assert here.ask(request(b"{")).status == 400
        assert here.ask(request(b"{}", path="/nowhere")).status == 404
        text = httpx.get(f"{here.url}/metrics", trust_env=False)
        told = here.metrics()

    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE listener_received_total counter" in text.text
    assert told[f"listener_received_total{LABELS}"] == 4
    assert told[f"listener_acknowledged_total{LABELS}"] == 3
    assert told[f"listener_redelivered_total{LABELS}"] == 1
    refused = 'listener_refused_total{code="invalid-event",event_type="TroubleTicketCreateEvent",source="default"}'
    assert told[refused] == 1
    assert told['listener_refused_total{code="not-found",event_type="",source=""}'] == 1
    assert told["listener_commit_seconds_count"] == told["listener_commit_entries_count"] == 4
    assert told["listener_commit_entries_sum"] == 4
    assert told["listener_commit_seconds_sum"] > 0
    assert (told["listener_queue_events"], told["listener_queue_bytes"]) == (0, 0)
    assert (told["listener_log_head"], told["listener_quarantine_head"]) == (2, 1)
    assert told["listener_disk_free_bytes"] > 0
    assert told["listener_ready"] == 1
    assert "listener_follower_lag_events" not in told  # nobody folds here
    assert told["process_resident_memory_bytes"] > 0


def test_metrics_are_served_only_where_that_is_meant():
    with edge(metrics_page=False) as here:
        assert_error(here.send("/metrics", method="GET"), 404)
    with edge() as here:
        assert here.send("/metrics", method="GET").status_code == 200
        assert_error(here.send("/metrics"), 405)


@pytest.mark.parametrize(("metrics", "status"), [("false", 404), ("true", 200)])
def test_beyond_loopback_metrics_need_a_setting(tmp_path, metrics, status):
    config = f'host = "0.0.0.0"\nallow_anonymous = true\nmetrics = {metrics}\n'
    with receiving(tmp_path, config) as here:
        answer = httpx.get(f"{here.url}/metrics", trust_env=False)
        assert answer.status_code == status


def test_a_follower_that_stalls_turns_readiness_red_and_shows_as_lag(tmp_path):
    with receiving(tmp_path, "[health]\nfollower_seconds = 1.2\n") as here:
        here.deliver("folded")
        with closing(folding.connect(here.data / HISTORY_FILE)) as history:
            history.execute("INSERT INTO _follower VALUES ('events', 1)")
        assert httpx.get(f"{here.url}/health/ready", trust_env=False).status_code == 200
        here.deliver("not folded")

        def ready():
            return httpx.get(f"{here.url}/health/ready", trust_env=False)

        wait_for(lambda: ready().status_code == 503, "readiness to turn red", 6)
        assert "follower: behind the log" in assert_error(ready(), 503)["message"]
        assert here.metrics()["listener_follower_lag_events"] == 1
        assert here.metrics()["listener_ready"] == 0
        assert httpx.get(f"{here.url}/health/live", trust_env=False).status_code == 200
        assert here.deliver("taken all the same").status_code == 204
        with closing(sqlite3.connect(here.data / HISTORY_FILE)) as history, history:
            history.execute("UPDATE _follower SET value = 3 WHERE name = 'events'")
        wait_for(lambda: ready().status_code == 200, "readiness to turn green again", 6)


def test_a_disk_that_is_nearly_full_turns_readiness_red_but_events_are_still_taken(tmp_path):
    with receiving(tmp_path, f"[health]\ndisk_free_bytes = {10**18}\n") as here:
        answer = httpx.get(f"{here.url}/health/ready", trust_env=False)
        assert "disk: " in assert_error(answer, 503)["message"]
        assert int(answer.headers["retry-after"]) >= 1
        assert here.deliver("still").status_code == 204


def test_every_json_line_is_an_object_and_none_holds_what_was_sent(tmp_path):
    secret = "Frau Müller, Tel. 0228"
    with receiving(tmp_path, 'log_format = "json"\n') as here:
        here.deliver("fine")
        body = json.dumps({"title": secret, "event": 7}).encode()
        here.ask(request(body, "X-Request-Id: r-1", "Authorization: Bearer s3cret"))
        here.ask(b"nonsense\r\n\r\n")
    lines = [json.loads(line) for line in here.lines]
    refused = [line for line in lines if line["message"].startswith("refused")]
    assert [(line["status"], line["code"]) for line in refused] == [
        (400, "invalid-event"),
        (400, "malformed-request"),
    ]
    assert refused[0]["request_id"] == "r-1"
    assert refused[0]["path"] == PATH
    assert refused[0]["quarantine"] == 1
    for line in lines:
        datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        assert line["level"] in ("info", "warning")
    assert "s3cret" not in "".join(here.lines)
    assert "Müller" not in "".join(here.lines)


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        (request(b"{}", "X-Request-Id: r-1", *[f"X-{n}: y" for n in range(200)]), 431, "r-1"),
        (request(b"{}", "X-Request-Id: r-2", path="/" + "x" * 9_000), 414, "r-2"),
        (request(b"{}", "X-Request-Id: r-3", length=50_000_000), 413, "r-3"),
        (request(b"{}", "X-Request-Id: two words", path="/nowhere"), 404, None),
        (b"nonsense\r\n\r\n", 400, None),
    ],
    ids=["before it is a request", "its path", "its body", "no sane id", "no request at all"],
)
def test_a_refusal_s_id_leads_from_its_answer_to_its_line_in_the_log(tmp_path, sent, status, told):
    with receiving(tmp_path, 'log_format = "json"\n') as here:
        heard = here.ask(sent)
    assert heard.status == status
    said = heard.error()["requestId"]
    assert told in (None, said)
    lines = [json.loads(line) for line in here.lines]
    assert [line["status"] for line in lines if line.get("request_id") == said] == [status]
