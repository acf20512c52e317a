"""An analyst looks for a person everywhere: every table, row, facet, filter, format, page, download."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dashboards import personal
from store.history.tables import TABLES
from tests.browser.conftest import served_data
from tests.browser.planted import PEOPLE, PROBE, REST, SECRET, bearer, events

FORMS = (
    "?_size=max", ".json", ".json?_shape=objects", ".json?_shape=array", ".json?_shape=array&_nl=on",
    ".json?_shape=arrayfirst", ".json?_shape=object", ".json?_labels=on", ".csv", ".csv?_stream=on",
    ".csv?_labels=on", "?_format=csv", "?_trace=1",
)  # fmt: skip
PAGES = (
    "/-/history/tickets", "/-/history/tickets.json", "/-/history/tickets.csv", "/-/history/feed.atom",
    "/", "/.json", "/history", "/history.json", "/-/history", "/-/history.json",
    "/-/history/ticket/PLANTED-1", "/-/history/ticket/PLANTED-1.json",
    "/-/history/ticket/PLANTED-1.csv", "/-/history/ticket/PLANTED-1.ndjson",
    "/-/history/ticket/PLANTED-1?as_of=2100-01-01", "/-/history/ticket/PLANTED-1.json?as_of=2100-01-01",
    "/-/history/ticket/PLANTED-1.ndjson?known_at=2100-01-01",
    "/-/history/ticket/PLANTED-1.csv?known_at=2100-01-01", "/-/history/ticket/PLANTED-1.atom",
    "/-/history/ticket?id=PLANTED-1", "/-/history/search?q=light", "/-/history/search.json?q=light",
    "/-/history/specification/SPEC-1", "/-/history/specification/SPEC-1.json", "/-/history/tasks",
    "/-/history/tasks.json", "/-/history/sources", "/-/history/sources.json",
    "/-/history/quarantine", "/-/history/quarantine.json", "/-/history/quarantine/1",
    "/-/history/event/1", "/-/history/event/1.json", "/-/metadata.json", "/-/actor.json",
)  # fmt: skip
EMPTY = {
    *("jeopardy_alerts", "external_ids", "promises", "gaps", "notices", "drift", "status_periods"),
    "_follower",
}
"""Tables of which the planted events tell nothing."""
WAYS = (
    f"__startswith={PROBE}", f"__like=%25{PROBE}%25", f"__glob=*{PROBE}*", f"={SECRET}",
    f"__in={SECRET},x",
)  # fmt: skip
REFUSED = (
    "/history?sql=select+*+from+notes", "/history.json?sql=select+text+from+notes",
    "/history.csv?sql=select+text+from+notes", "/history/notes?_where=text+like+'Q%25'",
    "/history/tickets.json?_where=1", "/-/history/event/1.raw", "/-/history/quarantine/1.raw",
    "/-/databases.json", "/-/databases", "/-/plugins.json", "/-/threads.json", "/-/settings.json",
    "/-/versions.json", "/-/permissions", "/-/allow-debug", "/-/messages", "/_internal",
    "/_internal/databases.json", "/history.db", "/history/search.csv", "/history/search",
    f"/history/search.json?search={PROBE}", f"/history/search.json?_search={PROBE}",
    "/history/search_data.json", "/history/search_idx", "/history/sqlite_stat4.json",
    "/history/tickets.json?_search=x&_where=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    data = tmp_path_factory.mktemp("analysts") / "data"
    now = datetime.now(UTC) - timedelta(hours=1)
    with served_data(data, events(now), PEOPLE) as found:
        yield found


@pytest.fixture(scope="module")
def analyst(site) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=site.url, headers=bearer("analyst"), timeout=20, follow_redirects=True
    ) as found:
        yield found


@pytest.fixture(scope="module")
def power(site) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=site.url, headers=bearer("power"), timeout=20, follow_redirects=True
    ) as found:
        yield found


def holds_secret(answer: httpx.Response) -> bool:
    return any(SECRET in text for text in (answer.text, str(answer.headers)))


def test_no_table_in_any_form_names_the_person(analyst, power):
    seen_by_power = set()
    for table in TABLES:
        for form in FORMS:
            address = f"/history/{table}{form}"
            answer = analyst.get(address)
            assert answer.status_code == 200, (address, answer.text[:300])
            assert not holds_secret(answer), address
            if holds_secret(power.get(address)):
                seen_by_power.add(table)
    # Every mask hides something that is there, and nothing else hides it.
    assert seen_by_power == set(personal.MASKS)


def test_no_row_in_any_form_names_the_person(analyst, power):
    told = 0
    for table in TABLES:
        for asks in (analyst, power):
            page = asks.get(f"/history/{table}").text
            rows = {one.split('"')[0] for one in page.split(f'href="/history/{table}/')[1:]}
            assert rows or table in EMPTY, table
            for address, form in itertools.product(rows, ("", ".json")):
                answer = asks.get(f"/history/{table}/{address}{form}")
                assert answer.status_code == 200, (table, address, form)
                assert asks is power or not holds_secret(answer), (table, address, form)
                told += holds_secret(answer)
    assert told > 10


def test_no_page_and_no_download_names_the_person(analyst, power):
    told = 0
    for address in PAGES:
        answer = analyst.get(address)
        assert not holds_secret(answer), address
        assert answer.status_code in (200, 403, 404), (address, answer.status_code)
        told += holds_secret(power.get(address))
    assert told >= 10


def test_no_canned_query_names_the_person(analyst):
    queries = analyst.get("/history.json").json()["queries"]
    assert len(queries) >= 8
    for query in queries:
        for value in ("", "PLANTED-1", "IND-1", PROBE, "2"):
            values = "&".join(f"{name}={value}" for name in query["params"])
            for form in ("?", ".json?", ".csv?"):
                answer = analyst.get(f"/history/{query['name']}{form}{values}")
                assert answer.status_code == 200, answer.text[:300]
                assert REST not in answer.text, query["name"]


def test_asking_for_what_is_masked_is_refused_or_finds_nothing(analyst, power):
    found_by_power = refused = 0
    for table, shape in TABLES.items():
        for column in shape.columns:
            ways = [f"{column}__contains={PROBE}"]
            if column in personal.masked_columns(table):
                ways += [f"{column}{way}" for way in WAYS]
            for way in ways:
                answer = analyst.get(f"/history/{table}.json?_shape=objects&_size=3&{way}")
                if answer.status_code == 403:
                    refused += 1
                    assert column in personal.hidden_columns(table)
                    continue
                assert answer.status_code == 200, answer.text[:300]
                assert answer.json()["filtered_table_rows_count"] in (0, None), (table, way)
                assert REST not in str(answer.json()["rows"]), (table, way)
            address = f"/history/{table}.json?_shape=objects&_size=3&{ways[0]}"
            found_by_power += bool(power.get(address).json()["filtered_table_rows_count"])
    assert refused >= 12 * len(WAYS)
    assert found_by_power >= 12


def test_facets_and_orders_tell_nothing_of_what_is_masked(analyst, power):
    told = 0
    for table, mask in personal.MASKS.items():
        for column in mask.columns:
            for ask in ("_facet", "_facet_array", "_facet_date", "_sort", "_sort_desc"):
                address = f"/history/{table}.json?_shape=objects&{ask}={column}"
                answer = analyst.get(address)
                hidden = column in personal.hidden_columns(table)
                # 400: names are no lists and no dates to make facets of.
                assert answer.status_code == 403 if hidden else answer.status_code in (200, 400)
                assert not holds_secret(answer), address
                told += holds_secret(power.get(address))
    assert told >= 20
    through = json.dumps({"table": "notes", "column": "author", "value": SECRET})
    address = f"/history/tickets.json?_through={through}"
    assert analyst.get(address).status_code == 403
    assert power.get(address).json()["filtered_table_rows_count"] == 1


def test_a_search_for_the_person_finds_no_ticket(analyst):
    for address in (
        f"/-/history/search.json?q={PROBE}",
        f"/-/history/search?q={PROBE}",
        f"/-/history/search?q={PROBE}*",
        f"/history/tickets.json?_search={PROBE}",
        f"/history/tickets.json?_search_description={PROBE}",
        f"/history/notes.json?_search={PROBE}&_searchmode=raw",
    ):
        answer = analyst.get(address)
        assert REST not in answer.text, address
        if "search." in address:
            assert "PLANTED-1" not in answer.text, address
    assert "PLANTED-1" in analyst.get("/-/history/search.json?q=PLANTED").text


@pytest.mark.parametrize("address", REFUSED)
def test_sql_bytes_and_the_machine_are_not_for_analysts(analyst, address):
    answer = analyst.get(address)
    assert answer.status_code in (403, 404), address
    assert not holds_secret(answer)
    if answer.status_code == 403 and (".json" in address or ".csv" in address):
        assert "<html" not in answer.text


def test_what_names_nobody_stays_readable(analyst):
    told = analyst.get("/-/history/ticket/PLANTED-1.json").json()
    assert told["ticket"]["status"] == "inProgress"
    assert {row["name"] for row in told["parties"]} >= {"Team Nord", personal.MASKED}
    assert {row["name"] for row in told["relations"]} == {"FTTH 500", personal.MASKED}
    changed = [row for rows in told["changes"].values() for row in rows]
    assert '"No light"' in {row["before"] for row in changed if row["member"] == "name"}
    assert told["ticket"]["name"].startswith("=cmd")
    page = analyst.get("/-/history/ticket/PLANTED-1").text
    assert "Personal data is masked." in page
    assert "power users only" in page


def test_the_past_is_masked_like_the_present(analyst):
    now = analyst.get("/-/history/ticket/PLANTED-1.json").json()
    then = analyst.get("/-/history/ticket/PLANTED-1.json?known_at=2100-01-01").json()
    for table in set(now) & set(personal.MASKS) - {"changes"}:
        assert without_key(then[table], table) == without_key(now[table], table), table
    assert then["changes"] == now["changes"]
    assert then["ticket"]["description"] == now["ticket"]["description"] == personal.MASKED


def without_key(rows: list[dict], table: str) -> list[dict]:
    """Rows but for the numbers that stand for keys, in an order of their own."""
    key = personal.MASKS[table].key
    kept = [{name: value for name, value in row.items() if name != key} for row in rows]
    return sorted(kept, key=str)


def test_a_guess_cannot_be_proven_by_a_key(analyst, power):
    for table in ("notes", "parties", "relations"):
        address = f"/history/{table}.json?_shape=array"
        digests = {row[TABLES[table].pk].partition("#")[2] for row in power.get(address).json()}
        told = analyst.get(address).text + analyst.get("/-/history/ticket/PLANTED-1.json").text
        assert digests
        assert not [digest for digest in digests if digest in told], table


def test_a_power_user_sees_what_was_sent(power):
    assert SECRET in power.get("/-/history/event/1.raw").text
    assert SECRET in power.get("/-/history/quarantine/1.raw").text
    assert power.get("/history.json?sql=select+author+from+notes&_shape=array").json()


def test_the_words_of_columns_say_what_is_masked_and_why(analyst):
    page = analyst.get("/history/notes").text
    assert "masked for analysts: who wrote what about whom" in page


def test_csv_has_no_formulas_and_json_has_what_was_sent(analyst):
    address = "/history/tickets.{}?_shape=array&id=PLANTED-1&_col=name&_col=id"
    assert "'=cmd|'/C calc'!A1" in analyst.get(address.format("csv")).text
    assert analyst.get(address.format("json")).json()[0]["name"] == "=cmd|'/C calc'!A1"
    numbers = "/history/events.csv?_col=lateness_seconds&lateness_seconds__lt=0"
    assert "'" not in analyst.get(numbers).text
