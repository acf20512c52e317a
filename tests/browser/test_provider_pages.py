"""Sources, quarantine, tasks and search, in a real browser over real histories."""

import re
import sqlite3

import pytest

from tests.browser.conftest import EVIL
from tests.browser.seeing import opened


def ask(served, sql: str, *values: object) -> list[tuple]:
    db = sqlite3.connect(served.data / "history.db")
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_page_is_in_the_navigation_of_every_page(browser, served):
    with opened(browser, served, "/-/history") as page:
        for name in ("Tasks", "Sources", "Quarantine", "Board"):
            page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
            current = page.locator("nav a[aria-current]")
            assert current.inner_text() == name


def test_a_source_s_card_counts_what_the_rows_behind_it_hold(browser, served, client):
    with opened(browser, served, "/-/history/sources") as page:
        cards = page.locator("article.source-card")
        assert cards.count() == len(ask(served, "select 1 from sources"))
        card = cards.filter(has=page.get_by_role("heading", name="default", exact=True))
        figures = {
            one.locator("dt").inner_text(): one.locator("dd a").first
            for one in card.locator(".figures > div").all()
            if one.locator("dd a").count()
        }
        shown = {
            name: (number(link.inner_text()), link.get_attribute("href"))
            for name, link in figures.items()
            if name in {"Events", "Redelivered", "Conflicts", "With drift"}
        }
        drift = card.locator("section", has=page.get_by_role("heading", name="Drift"))
        row = drift.locator("tbody tr").first
        code, count = row.locator("code").inner_text(), row.locator(".number a")
        shown[code] = (number(count.inner_text()), count.get_attribute("href"))
        sample = row.get_by_role("link", name="event").get_attribute("href")
    assert shown["Events"][0] > 500
    assert len(shown) == 5
    for name, (value, address) in shown.items():
        rows = client.get(address.replace("events?", "events.json?_size=0&")).json()
        assert rows["filtered_table_rows_count"] == value, name
    assert code.split()[0] in client.get(sample).text


def test_a_source_s_silence_stands_beside_its_usual_pauses(client, served):
    page = client.get("/-/history/sources").text
    assert re.search(r"Silent for .{1,12}, since .+; pauses up to .{1,12} are usual", page)
    told = client.get("/-/history/sources.json").json()["sources"]
    default = next(one for one in told if one["source"] == "default")
    assert 0 <= default["silent_seconds"] < 600
    assert default["lateness_median_seconds"] == pytest.approx(1, abs=0.5)
    assert default["drift"]
    assert default["refused"] == sum(one["refusals"] for one in default["refused_by_fingerprint"])


def test_a_source_that_has_not_sent_for_long_is_called_silent():
    from dashboards.links import Links
    from dashboards.pages.sources import _card
    from tests.unit.test_dashboards_words import Urls

    row = dict.fromkeys(("events", "redeliveries", "conflicts", "aliases", "drifting"), 0) | {
        **dict.fromkeys(("refused", "open_gaps"), 0),
        **dict.fromkeys(("lateness_median_seconds", "lateness_p95_seconds", "skew_seconds")),
        "source": "north",
        "last_received_at": "2026-11-24T08:00:00.000Z",
    }
    for usual, now, unusual in (
        (600.0, "2026-11-24T08:29:00.000Z", False),
        (600.0, "2026-11-24T08:31:00.000Z", True),
        (0.0, "2026-11-24T08:14:00.000Z", False),
        (0.0, "2026-11-24T08:16:00.000Z", True),
        (None, "2026-12-24T08:16:00.000Z", False),
    ):
        card = _card({**row, "usual_gap_seconds": usual}, now, Links(Urls()))
        assert card["unusual"] is unusual, (usual, now)


def test_refusals_of_one_kind_stand_together_with_reason_count_and_sample(browser, served, client):
    kinds = ask(served, "select fingerprint, count(*), max(id) from quarantine group by 1")
    with opened(browser, served, "/-/history/quarantine") as page:
        assert page.locator("article.kind-of-refusal").count() == len(kinds)
        for fingerprint, count, sample in kinds:
            kind = page.locator(f'[id="{fingerprint}"]')
            assert number(kind.locator("dd a").first.inner_text()) == count
            assert kind.get_by_role("link", name=f"no. {sample}").count() == 1
            assert "expected" in kind.locator(".reasons").inner_text()
        rows = page.locator("article dd a").first.get_attribute("href")
    assert client.get(rows).status_code == 200
    one = client.get("/-/history/quarantine?source=default").text
    assert one.count("kind-of-refusal") == len(
        ask(served, "select distinct fingerprint from quarantine where source = 'default'")
    )


def test_a_refused_body_is_shown_from_the_log_and_downloads_byte_for_byte(browser, served, client):
    log = sqlite3.connect(served.data / "log.db")
    entry, body = log.execute("select id, body from quarantine order by id limit 1").fetchone()
    log.close()
    answer = client.get(f"/-/history/quarantine/{entry}.raw")
    assert answer.content == body
    assert answer.headers["content-disposition"].startswith("attachment")
    with opened(browser, served, f"/-/history/quarantine/{entry}") as page:
        assert "POST /" in page.locator("pre.raw").first.inner_text()
        assert page.locator(".reasons li").count() >= 1
    assert client.get("/-/history/quarantine/999999").status_code == 404


def test_script_in_reasons_source_path_and_body_of_a_refusal_shows_as_text(browser, served):
    (entry,) = ask(served, "select max(id) from quarantine")[0]
    for path in (
        "/-/history/quarantine",
        f"/-/history/quarantine/{entry}",
        "/-/history/sources",
        "/-/history/tasks",
        "/history/tasks?is_open=1",
        "/history/quarantine?fingerprint=0000000000000000",
        "/-/history/search?q=%3Cscript%3Ealert(1)%3C/script%3E%3Cimg+src=x+onerror=pwned%3E",
    ):
        with opened(browser, served, path) as page:
            page.wait_for_timeout(100)
            assert page.evaluate("window.pwned") is None
            assert "pwned" in page.locator("main, body").first.inner_text(), path
            assert page.locator("img[src=x]").count() == 0
            assert page.title() != "pwned"
    with opened(browser, served, "/-/history/quarantine") as page:
        assert EVIL in page.locator('[id="0000000000000000"] .reasons').inner_text()


def test_tasks_are_counted_by_kind_and_state_and_open_ones_come_first(browser, served, client):
    counted = ask(served, "select resource_type, state, count(*) from tasks group by 1, 2")
    with opened(browser, served, "/-/history/tasks") as page:
        sections = page.locator("main section h2").all_inner_texts()
        assert sections[2].startswith("Open")
        assert sections[3].startswith("Ended")
        links = page.locator("table.bars a").all()
        shown = [
            (link.get_attribute("href"), number(link.locator("xpath=../../td[2]").inner_text()))
            for link in links
        ]
        tickets = page.locator("table.list tbody tr").first.locator("td").nth(2).locator("a")
        tickets.click()
        assert page.locator("section", has=page.get_by_role("heading", name="Tasks")).count() >= 1
    assert len(shown) == len(counted)
    for address, value in shown:
        rows = client.get(address.replace("tasks?", "tasks.json?_size=0&")).json()
        assert rows["filtered_table_rows_count"] == value
    waiting = client.get("/-/history/tasks.json").json()["open"]
    asked = [row["requested_at"] for row in waiting if row["id"].startswith("CAN-")]
    assert len(asked) >= 3
    assert asked == sorted(asked, key=lambda at: at or "")
    assert len(waiting) == ask(served, "select count(*) from tasks where is_open = 1")[0][0]


def test_the_search_box_finds_by_id_other_id_and_name(browser, served):
    found = ask(
        served,
        "select t.ticket, t.id, t.name, e.id from tickets t join external_ids e using (ticket)"
        " where t.source = 'default' and t.id not like 'EVIL%' and e.id != t.id and t.name not glob '*[^ -~]*' limit 1",
    )
    _, number, name, external = found[0]
    with opened(browser, served, "/-/history") as page:
        for text in (number[:-1], external, name, name[2:].upper()):
            page.get_by_role("searchbox", name="Find").fill(text)
            page.get_by_role("button", name="Find").click()
            assert page.get_by_role("searchbox").input_value() == text
            ids = page.locator("table.list tbody tr td:first-child").all_inner_texts()
            assert number in ids, text
        page.get_by_role("searchbox").fill(number)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("h1").inner_text() == name


def test_a_search_takes_wildcards_and_quotes_literally(client):
    for text in ("%", "_", "100%", "x' or '1'='1", "\\", "*"):
        answer = client.get("/-/history/search.json", params={"q": text})
        assert answer.status_code == 200
        matched = answer.json()["tickets"]
        names = [row["name"] or "" for row in matched if row["by"] == "name"]
        assert all(text in name for name in names), text
    several = client.get("/-/history/search", params={"q": "3180"})
    assert "source=north" in several.text
    assert "source=south" in several.text


def test_nothing_found_is_said_with_where_else_to_look(client):
    answer = client.get("/-/history/search?q=no-such-thing")
    assert answer.status_code == 200
    assert "No ticket has this id" in answer.text
    assert "description__contains=no-such-thing" in answer.text
