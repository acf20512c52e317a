"""What the pages answer to programs, and how they are protected."""

import csv
import io
import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from threading import Thread

import httpx
import pytest

from store import open_reader
from tests.browser.conftest import serving
from tests.browser.sample_history import fill, two_sources


def test_two_sources_with_one_id_are_offered_both(client):
    page = client.get("/-/history/ticket/3180")
    assert page.status_code == 200
    assert "source=north" in page.text
    assert "source=south" in page.text
    assert client.get("/-/history/ticket/3180?source=north").status_code == 200
    assert client.get("/-/history/ticket/3180.json").status_code == 300


def test_an_unknown_ticket_is_a_404_with_a_sentence(client):
    page = client.get("/-/history/ticket/NOPE")
    assert page.status_code == 404
    assert "No event told us of a ticket NOPE." in page.text


def test_a_percent_encoded_address_leads_to_the_ticket(client):
    answer = client.get("/-/history/ticket/EVIL%2F1%2E%C3%A5%25", follow_redirects=True)
    assert answer.status_code == 200
    assert "EVIL/1.å%" in answer.text


def test_the_search_field_leads_to_the_ticket(client):
    answer = client.get("/-/history/ticket?id=LONG-1", follow_redirects=True)
    assert answer.status_code == 200
    assert str(answer.url).endswith("/-/history/ticket/LONG-1")


def test_a_history_comes_as_json_csv_and_ndjson_with_the_same_entries(client):
    address = "/-/history/ticket/LONG-1"
    told = client.get(f"{address}?_format=json").json()
    lines = [json.loads(line) for line in client.get(f"{address}.ndjson").text.splitlines()]
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}.csv").text)))
    keys = [entry["entry"] for entry in told["timeline"]]
    assert len(keys) == 420
    assert [line["entry"] for line in lines] == keys
    assert [row["entry"] for row in rows] == keys
    assert told["ticket"]["id"] == "LONG-1"


def test_the_board_as_json_agrees_with_the_database(client, served):
    board = client.get("/-/history.json").json()
    with sqlite3.connect(served.data / "history.db") as db:
        (count,) = db.execute("select count(*) from tickets where is_open = 1").fetchone()
        (periods,) = db.execute(
            "select count(*) from status_periods where status = 'pending' and seconds is not null"
        ).fetchone()
    db.close()
    assert board["open"] == count == sum(board["by_severity"].values())
    told = {row["status"]: row for row in board["time_in_status"]}
    assert told["pending"]["periods"] == periods
    assert told["pending"]["median"] <= told["pending"]["ninetieth"]


def test_the_raw_download_is_byte_for_byte_what_the_log_has(client, served):
    answer = client.get("/-/history/event/1.raw")
    with closing(open_reader(served.data)) as reader:
        assert answer.content == reader.event(1).body
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/-/history/event/999999999").status_code == 404


def test_our_pages_allow_only_our_own_script_and_datasette_pages_nothing_from_elsewhere(client):
    ours = client.get("/-/history").headers
    assert "script-src 'self';" in ours["content-security-policy"]
    assert "unsafe" not in ours["content-security-policy"]
    theirs = client.get("/history/tickets").headers
    scripts = theirs["content-security-policy"].partition("script-src")[2].partition(";")[0]
    assert "unsafe" not in scripts
    assert "'sha256-" in scripts
    for headers in (ours, theirs):
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_one_enormous_value_is_refused_instead_of_filling_the_memory(client):
    answer = client.get("/history.json", params={"sql": "select hex(zeroblob(400000000))"})
    assert answer.status_code == 400
    assert "too big" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        *("overdue_tickets?severity=", "waiting_longest?status=", "reopened_tickets?bounces="),
        *("who_waits_for_whom?source=", "slowest_specifications?at_least="),
    ],
)
def test_each_question_an_analyst_asks_first_has_an_answer(client, path):
    answer = client.get("/history/" + path.replace("?", ".json?_shape=objects&"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"], path


def test_every_table_opens_with_its_facets(client):
    tables = client.get("/history.json").json()["tables"]
    for table in tables:
        answer = client.get(f"/history/{table['name']}")
        assert answer.status_code == 200
        assert "timed out" not in answer.text


def test_home_and_tables_lead_to_the_board(client):
    assert 'href="-/history"' in client.get("/").text
    assert 'href="/-/history"' in client.get("/history/tickets").text


def test_a_missing_log_is_said_and_the_histories_stay_readable(tmp_path, client):
    data = tmp_path / "data"
    fill(data, two_sources_now())
    (data / "log.db").rename(tmp_path / "away.db")
    with serving(data) as other:
        event = client.get(f"{other.url}/-/history/event/1")
        assert event.status_code == 503
        assert "log.db" in event.text
        assert client.get(f"{other.url}/-/history/ticket/3180?source=north").status_code == 200


def test_a_history_that_is_replaced_is_served_without_a_restart(tmp_path, client):
    data, later = tmp_path / "data", tmp_path / "later"
    fill(data, [])
    fill(later, two_sources_now())
    with serving(data) as other:
        assert client.get(f"{other.url}/-/history.json").json()["tickets"] == 0
        (later / "history.db").replace(data / "history.db")
        for leftover in data.glob("history.db-*"):
            leftover.unlink()
        for _ in range(8):  # each query thread has a connection of its own to give up
            assert client.get(f"{other.url}/-/history.json").json()["tickets"] == 2
            assert client.get(f"{other.url}/history/tickets.json").json()["rows"]


def test_any_datasette_with_the_package_has_the_pages_whatever_the_file_is_called(tmp_path, client):
    data = tmp_path / "data"
    fill(data, two_sources_now())
    (data / "history.db").rename(data / "elsewhere.db")
    command = ("-m", "datasette", "serve", str(data / "elsewhere.db"), "--port", "0")
    with serving(data, *command) as other:
        board = client.get(f"{other.url}/-/history")
        assert board.status_code == 200
        assert "/elsewhere/events?_sort_desc=lateness_seconds" in board.text
        then = client.get(f"{other.url}/-/history/ticket/3180?source=north&as_of=2100-01-01")
        assert then.status_code == 200
        assert "Folded by default rules" in then.text


def test_who_may_not_see_the_tables_may_not_see_the_pages(tmp_path, client):
    data, rules = tmp_path / "data", tmp_path / "metadata.json"
    fill(data, two_sources_now())
    rules.write_text('{"databases": {"history": {"tables": {"tickets": {"allow": false}}}}}')
    paths = (str(data / "history.db"), "--metadata", str(rules), "--port", "0")
    with serving(data, "-m", "datasette", "serve", *paths) as other:
        for path in (
            *("", "/ticket/3180", "/ticket/3180.csv", "/ticket/3180?as_of=2026-11-24", "/event/1"),
            *("/event/1.raw", "/specification/1", "/search?q=3180", "/sources", "/sources.json"),
            *("/tasks", "/quarantine", "/quarantine/1", "/quarantine/1.raw"),
            *("/tickets", "/tickets.csv?view=all", "/tickets.json", "/search.json?q=twin"),
        ):
            assert client.get(f"{other.url}/-/history{path}").status_code == 403, path


def test_who_may_not_see_one_table_may_not_see_the_pages_made_of_it(tmp_path, client):
    data, rules = tmp_path / "data", tmp_path / "metadata.json"
    fill(data, two_sources_now())
    rules.write_text('{"databases": {"history": {"tables": {"quarantine": {"allow": false}}}}}')
    paths = (str(data / "history.db"), "--metadata", str(rules), "--port", "0")
    with serving(data, "-m", "datasette", "serve", *paths) as other:
        for path in ("/quarantine", "/quarantine/1", "/quarantine/1.raw", "/sources"):
            assert client.get(f"{other.url}/-/history{path}").status_code == 403, path
        for path in ("", "/ticket/3180?source=north", "/tasks"):
            assert client.get(f"{other.url}/-/history{path}").status_code == 200, path


def test_the_pages_wait_for_the_follower_to_make_the_history(tmp_path):
    data, said = tmp_path / "data", tmp_path / "data.log"
    data.mkdir()

    def make_when_waited_for():
        while not (said.exists() and "waiting for" in said.read_text()):
            time.sleep(0.05)
        fill(data, two_sources_now())

    maker = Thread(target=make_when_waited_for, daemon=True)
    maker.start()
    with serving(data) as late:
        assert httpx.get(f"{late.url}/-/history.json", timeout=20).json()["tickets"] == 2
    maker.join()


def two_sources_now():
    return two_sources(datetime.now(UTC))
