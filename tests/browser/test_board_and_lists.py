"""The board, the lists behind its figures and search: the figures agree, the filters stay, nothing breaks."""

import csv
import io
import re
import sqlite3
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from store.times import seconds_between
from tests.browser.conftest import EVIL, TURNED, serving
from tests.browser.sample_history import fill, two_sources
from tests.browser.seeing import ARTEFACTS, WIDTHS, opened

BOARD = "/-/history"
LIST = "/-/history/tickets"
FILTERS = [
    {},
    {"source": "default"},
    {"type": "Fault"},
    {"period": "30d"},
    {"source": "default", "type": "Fault", "since": "2020-01-01", "until": "2099-01-01"},
    {"source": "nobody"},
    {"since": "2099-01-01"},
]


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize("narrow", FILTERS, ids=str)
def test_every_figure_is_the_length_of_the_list_it_leads_to(client, narrow):
    board = client.get(f"{BOARD}.json", params=narrow).json()
    assert board["filters"] == narrow
    views = (
        *("open", "past_due", "due_soon", "in_jeopardy", "awaiting_information", "stuck"),
        *("bouncing", "reopened", "bounced", "reopened_ever", "resolved"),
    )
    for view in views:
        listed = client.get(f"{LIST}.json", params={"view": view, **narrow}).json()
        assert listed["count"] == len(listed["tickets"]) == board[view], view
    for column in ("status", "severity"):
        for value, count in board[f"by_{column}"].items():
            params = {"view": "open", column: value or "-", **narrow}
            assert client.get(f"{LIST}.json", params=params).json()["count"] == count
    for bucket in board["resolution"]:
        params = {"view": "resolved", "from_seconds": int(bucket["at_least"]), **narrow}
        if bucket["below"]:
            params["below_seconds"] = int(bucket["below"])
        assert client.get(f"{LIST}.json", params=params).json()["count"] == bucket["tickets"]
    for view, column in (("arrived", "arrivals"), ("resolved_lately", "resolutions")):
        listed = client.get(f"{LIST}.json", params={"view": view, **narrow}).json()
        assert listed["count"] == sum(hour[column] for hour in board["hours"])


def test_the_sample_data_fills_the_figures_that_are_compared(client):
    board = client.get(f"{BOARD}.json").json()
    for name in ("past_due", "in_jeopardy", "awaiting_information", "bounced", "reopened_ever"):
        assert board[name] > 0, name
    assert board["limits"]


def test_what_is_stuck_is_counted_by_the_rule_on_the_page(client, served, browser):
    board = client.get(f"{BOARD}.json").json()
    limits = {(one["source"], one["status"]): one["seconds"] for one in board["limits"]}
    opened_tickets = client.get(f"{LIST}.json?view=open").json()["tickets"]
    expected = {
        row["ticket"]
        for row in opened_tickets
        if (key := (row["source"], row["status"])) in limits
        and seconds_between(row["last_event_at"], board["now"]) > limits[key]
    }
    found = {row["ticket"] for row in client.get(f"{LIST}.json?view=stuck").json()["tickets"]}
    assert expected == found
    with opened(browser, served, f"{LIST}?view=stuck") as page:
        assert "No event for longer than 95 %" in page.locator(".heading").inner_text()
        page.get_by_text("The limits, status by status").click()
        assert page.locator(".heading table tbody tr").count() >= 1


def test_filters_stay_in_every_link_of_the_board_and_its_lists(browser, served):
    told = {"source": ["default"], "type": ["Fault"], "period": ["90d"]}
    address = f"{BOARD}?source=default&type=Fault&period=90d"
    with opened(browser, served, address) as page:
        links = [a.get_attribute("href") for a in page.locator("main a").all()]
        kept = [link for link in links if link.startswith(LIST)]
        assert len(kept) > 15
        for link in kept:
            assert parse_qs(urlsplit(link).query).items() >= told.items(), link
        page.locator(".card a").first.click()
        links = page.locator("main a:not(.narrow a)").all()
        addresses = [link.get_attribute("href") for link in links]
        kept = [one for one in addresses if one.startswith((LIST, f"{BOARD}?"))]
        assert len(kept) > 15
        for link in kept:
            assert parse_qs(urlsplit(link).query).items() >= told.items(), link


def test_a_board_is_narrowed_without_javascript(browser, served, client):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.url + BOARD)
    page.get_by_label("Type").select_option("Fault")
    page.get_by_label("Created in").select_option("90d")
    page.get_by_role("button", name="Narrow").click()
    shown = parse_qs(urlsplit(page.url).query)
    assert (shown["type"], shown["period"]) == (["Fault"], ["90d"])
    opened_here = number(page.locator(".card strong").first.inner_text())
    listed = client.get(f"{LIST}.json?view=open&type=Fault&period=90d").json()
    assert opened_here == listed["count"]
    page.locator(".card a").first.click()
    page.get_by_label("Created in").select_option("")
    page.get_by_role("button", name="Narrow").click()
    assert "view=open" in page.url
    assert "type=Fault" in page.url
    page.get_by_role("link", name="Created", exact=True).click()
    assert "sort=created_at" in page.url
    assert "type=Fault" in page.url
    context.close()


def test_a_list_is_sorted_and_paged_and_comes_as_csv_and_json_alike(browser, served, client):
    told = client.get(f"{LIST}.json?view=all&sort=name").json()
    names = [row["name"] for row in told["tickets"]]
    known = [name for name in names if name is not None]
    assert known == sorted(known)
    assert names == known + [None] * (len(names) - len(known))
    answer = client.get(f"{LIST}.csv?view=all&sort=name")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["ticket"].lstrip("'") for row in rows] == [row["ticket"] for row in told["tickets"]]
    assert answer.headers["content-disposition"].startswith("attachment")
    with opened(browser, served, f"{LIST}?view=all&sort=name") as page:
        seen: list[str] = []
        while True:
            seen += page.locator("table.list tbody td:first-child").all_inner_texts()
            following = page.get_by_role("link", name="next")
            if not following.count():
                break
            following.click()
    assert len(seen) == told["count"] == len({row["ticket"] for row in told["tickets"]})
    assert sorted(seen) == sorted(
        re.sub(r"[\u202a-\u202e]", "", row["id"]) for row in told["tickets"]
    )


@pytest.mark.parametrize(
    "path",
    [
        *("?period=8d", "?since=yesterday", "?until=0001-01-01", "/tickets?view=none"),
        *("/tickets?view=open&sort=secret", "/tickets?view=open&page=0", "/tickets?page=1e9"),
        *("/tickets?view=resolved&from_seconds=x", "/tickets?page=99999999999999999999"),
        *("/tickets?view=all&sort=name;drop", "?since=%00", "?period=%ff"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named_and_no_fault(client, path):
    answer = client.get(BOARD + path)
    assert answer.status_code == 400
    name = re.search(r"(\w+)=[^=]*$", path)
    assert name
    assert name[1] in answer.text


@pytest.mark.parametrize(
    "text",
    [
        *(EVIL, TURNED, '"', '""', "'", "*", "a*", "-a", "NEAR(a b, 2)", "a AND", "OR", "NOT"),
        *("ids:4711", "{ids name} : a", "^a", "a + b", "(", ")", "\x00", "\ud83d\ude00", "%", "_"),
        *("\\", "a" * 5_000, "a " * 3_000, "müller", "\u0301", "javascript:alert(1)", "../..", "=1+1"),
    ],
)  # fmt: skip
def test_no_text_in_the_search_or_a_filter_does_harm(client, text):
    text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    for path, name in (
        (f"{BOARD}/search", "q"),
        (f"{BOARD}/search.json", "q"),
        (BOARD, "source"),
        (LIST, "type"),
        (LIST, "status"),
    ):
        answer = client.get(path, params={name: text}, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.text[:500])
        if not path.endswith(".json"):
            # The pages' own two files, and nothing that somebody typed.
            scripts = re.findall(r"<script[^>]*>", answer.text)
            assert len(scripts) <= 2
            assert all(one.startswith('<script src="/-/history/') for one in scripts)
            assert "<img" not in answer.text


def test_search_shows_script_of_a_ticket_as_marked_text(browser, served):
    with opened(browser, served, f"{BOARD}/search?q=pwned") as page:
        assert page.evaluate("window.pwned") is None
        assert page.locator("mark").first.inner_text() == "pwned"
        assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("asked", ["Mueller", "Müller", "muller", "MÜLL", "mu\u0308ller"])
def test_a_party_is_found_however_its_umlaut_is_written(client, served, asked):
    found = client.get(f"{BOARD}/search.json", params={"q": asked}).json()["tickets"]
    assert found
    for row in found:
        told = f"{row['name']} {row['snippets']}"
        assert "Müll" in told or "Mueller" in told, row


def test_a_ticket_is_found_by_what_its_notes_and_parties_say(client):
    rows = client.get("/history/notes.json?_shape=array&_size=5&id__startswith=").json()
    for note in rows:
        if not note["text"] or "<" in note["text"]:
            continue
        words = " ".join(re.findall(r"\w+", note["text"])[:4])
        found = client.get(f"{BOARD}/search.json", params={"q": f"{words} {note['author']}"}).json()
        assert any("note" in {one["where"] for one in row["snippets"]} for row in found["tickets"])


def test_a_history_without_a_search_index_says_so(tmp_path, client):
    fill(tmp_path / "data", two_sources(datetime.now(UTC)))
    with sqlite3.connect(tmp_path / "data" / "history.db") as db:
        db.execute("DROP TABLE search")
    db.close()
    with serving(tmp_path / "data") as other:
        answer = httpx.get(f"{other.url}{BOARD}/search?q=twin")
        assert answer.status_code == 503
        assert "listener rebuild" in answer.text


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_lists_and_search_fit_their_width_in_both_themes(browser, served, theme, width):
    ARTEFACTS.mkdir(exist_ok=True)
    pages = {
        "board-narrowed": f"{BOARD}?type=Fault&since=2020-01-01",
        "list-open": f"{LIST}?view=open",
        "list-stuck": f"{LIST}?view=stuck",
        "list-resolved": f"{LIST}?view=resolved&severity=Major",
        "list-evil": f"{LIST}?view=open&sort=-created_at",
        "search-party": f"{BOARD}/search?q=m%C3%BCller",
        "search-evil": f"{BOARD}/search?q=pwned",
    }
    with opened(browser, served, BOARD, width, theme) as page:
        for name, path in pages.items():
            assert page.goto(served.url + path).status == 200
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            page.screenshot(path=ARTEFACTS / f"{name}-{width}-{theme}.png", full_page=True)
