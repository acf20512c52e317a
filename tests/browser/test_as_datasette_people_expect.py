"""Datasette as Datasette people expect it; and a plain Datasette with the package, which opens no hole."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dashboards.serve import configuration
from store.history.tables import TABLES
from tests.browser.conftest import serving
from tests.browser.planted import SECRET, events
from tests.browser.sample_history import fill

WORDS = configuration()["databases"]["history"]
TIMES = [
    (table, column)
    for table, shape in TABLES.items()
    for column in shape.columns
    if (column == "at" or column.endswith("_at")) and not table.startswith("_")
]


def test_every_query_is_described_with_parameters_named_like_columns_and_answers_without_them():
    columns = {column for shape in TABLES.values() for column in shape.columns} | {"tickets"}
    assert len(WORDS["queries"]) >= 8
    for name, query in WORDS["queries"].items():
        assert query["title"], name
        assert len(query["description"]) > 40, name
        for parameter in query["params"]:
            assert parameter in columns | {"bounces", "at_least"}, (name, parameter)
            assert parameter in query["description"], (name, parameter)


@pytest.mark.parametrize("query", sorted(WORDS["queries"]))
def test_each_query_answers_as_page_json_and_csv_with_and_without_values(client, query):
    params = WORDS["queries"][query]["params"]
    empty = "&".join(f"{name}=" for name in params)
    for path in (f"{query}?{empty}", f"{query}.json?{empty}", f"{query}.csv?{empty}", query):
        answer = client.get(f"/history/{path}")
        assert answer.status_code == 200, answer.text[:300]
    rows = client.get(f"/history/{query}.json?_shape=array&{empty}").json()
    told = list(csv.reader(io.StringIO(client.get(f"/history/{query}.csv?{empty}").text)))
    assert len(told) - 1 == len(rows) or rows == []


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("broken_promises", {"eta_slips": "1"}),
        ("missing_events", {"source": "default"}),
        ("late_notifications", {"lateness_seconds": "0.5", "source": "default"}),
        ("tickets_of_a_party", {"id": "TEAM-12"}),
        ("again_and_again", {"referred_type": "", "tickets": ""}),
    ],
)
def test_a_query_gives_what_its_words_promise(client, query, values):
    rows = client.get(f"/history/{query}.json", params={"_shape": "array", **values}).json()
    if query != "again_and_again":  # the demo's lines seldom break twice
        assert rows
    if query == "late_notifications":
        assert all(row["lateness_seconds"] > 0.5 for row in rows)
    if query == "broken_promises":
        assert all(row["eta_slips"] >= 1 and row["slipped_seconds"] > 0 for row in rows)


def test_what_happened_on_a_day_is_of_that_day(client):
    day = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    address = f"/history/what_happened_on.json?_shape=array&at={day}&kind=status"
    rows = client.get(address).json()
    assert rows
    assert {row["at"][:10] for row in rows} == {day}


def test_every_table_has_title_description_and_a_label_and_internals_are_hidden(client):
    tables = {table["name"]: table for table in client.get("/history.json").json()["tables"]}
    assert {name for name, table in tables.items() if not table["hidden"]} == {
        name for name in TABLES if not name.startswith("_")
    }
    for name, words in WORDS["tables"].items():
        assert words["title"], name
        assert words["description"], name
        assert words.get("label_column", words["title"]), name


def test_every_foreign_key_leads_to_a_row_that_has_a_label(client):
    page = client.get("/history/timeline?_size=20").text
    assert 'href="/-/history/ticket/' in page
    labelled = client.get("/history/status_periods.json?_labels=on&_size=3&_shape=objects").json()
    assert labelled["rows"][0]["ticket"]["label"]
    for table, shape in TABLES.items():
        sql = f"""select "from", "table" from pragma_foreign_key_list('{table}')"""
        told = client.get("/history.json", params={"sql": sql}).json()["rows"]
        assert dict(told) == dict(shape.points_to), table


@pytest.mark.parametrize(("table", "column"), TIMES, ids=".".join)
def test_every_time_can_be_a_facet_by_day(client, table, column):
    answer = client.get(f"/history/{table}.json?_facet_date={column}&_size=0&_shape=objects")
    assert answer.status_code == 200
    found = answer.json()["facet_results"].get(column)
    counted = client.get(f"/history/{table}.json?{column}__notnull=1&_size=0&_shape=objects").json()
    if counted["filtered_table_rows_count"]:
        assert found, "times are no dates to Datasette"
        assert all(len(str(one["value"])) == len("2026-11-24") for one in found["results"])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """`datasette history.db`, with the package installed and nothing configured."""
    data = tmp_path_factory.mktemp("plain") / "data"
    fill(data, events(datetime.now(UTC) - timedelta(hours=1)))
    with serving(
        data, "-m", "datasette", "serve", str(data / "history.db"), "--port", "0"
    ) as found:
        yield found


def test_a_plain_datasette_shows_the_pages_but_not_the_log_beside_the_database(plain):
    assert httpx.get(f"{plain.url}/-/history", timeout=20).status_code == 200
    ticket = httpx.get(f"{plain.url}/-/history/ticket/PLANTED-1", timeout=20)
    assert ticket.status_code == 200
    assert '"eventType"' not in ticket.text
    for path in ("event/1.raw", "quarantine/1.raw"):
        answer = httpx.get(f"{plain.url}/-/history/{path}", timeout=20)
        assert answer.status_code == 403, path
        assert SECRET not in answer.text
    outline = httpx.get(f"{plain.url}/-/history/event/1.json", timeout=20).json()
    assert "body" not in outline
    assert "headers" not in outline


def test_a_plain_datasette_shows_notifications_once_its_configuration_says_so(tmp_path, plain):
    told = tmp_path / "metadata.json"
    told.write_text(json.dumps({"plugins": {"ticket_history": {"notifications": True}}}))
    paths = (str(plain.data / "history.db"), "--metadata", str(told), "--port", "0")
    with serving(plain.data, "-m", "datasette", "serve", *paths) as other:
        answer = httpx.get(f"{other.url}/-/history/event/1.raw", timeout=20)
    assert SECRET in answer.text


def test_in_a_plain_datasette_queries_cost_no_more_than_in_ours(plain):
    for sql in (
        "select hex(zeroblob(400000000))",
        "select file from pragma_database_list",
        "select zeroblob(9900000), a.entry from timeline a, timeline b, timeline c, timeline d",
    ):
        answer = httpx.get(f"{plain.url}/history.json", params={"sql": sql}, timeout=60)
        assert answer.status_code == 400, sql
        assert str(plain.data) not in answer.text
