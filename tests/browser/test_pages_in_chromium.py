"""The pages in a real browser: facts found, nothing executed, nothing fetched from elsewhere."""

import pytest

from tests.browser.seeing import ARTEFACTS, WIDTHS, opened

EVIL_PAGE = "/-/history/ticket/EVIL~2F1~2E~C3~A5~25"


def busiest(client) -> dict:
    rows = client.get("/history/tickets.json?_shape=array&_sort_desc=events&_size=20").json()
    return next(row for row in rows if row["resolved_at"] and not row["id"].startswith("LONG"))


def test_the_ticket_page_tells_the_facts_of_the_ticket(browser, served, client):
    ticket = busiest(client)
    with opened(browser, served, f"/-/history/ticket/{ticket['id']}") as page:
        assert page.locator("h1").inner_text() == ticket["name"]
        assert ticket["status"] in page.locator(".badges").inner_text()
        assert page.locator("svg.lanes rect.span").count() >= 3
        assert page.locator("svg.lanes a .dot").count() >= 3
        told = client.get(f"/-/history/ticket/{ticket['id']}.json").json()
        assert page.locator("ol.timeline > li").count() == len(told["timeline"])
        assert page.locator("svg.lanes .label-due").count() == (1 if ticket["due_at"] else 0)
        body = page.locator("details.received").first
        body.locator("summary").click()
        assert '"eventType"' in body.locator("pre").inner_text()


def test_the_board_counts_what_the_lists_behind_it_hold(browser, served, client):
    with opened(browser, served, "/-/history") as page:
        cards = page.locator(".card")
        shown = {
            card.locator(".name").inner_text(): card.locator("strong").inner_text()
            for card in cards.all()
        }
        addresses = [a.get_attribute("href") for a in page.locator(".card a").all()]
        assert page.locator("svg.hours rect.up").count() == 72
        assert page.locator("table.list").count() >= 2
    counted = client.get("/history/tickets.json?is_open=1&_size=0").json()
    assert shown["Open"] == f"{counted['filtered_table_rows_count']:,}"
    past_due = client.get(addresses[1].replace("tickets?", "tickets.json?")).json()
    assert shown["Past due"] == f"{past_due['count']:,}"


@pytest.mark.parametrize(
    "path",
    [
        EVIL_PAGE,
        "/-/history",
        "/history/tickets?id__startswith=EVIL",
        "/history/timeline?ticket__contains=EVIL",
        "/history/changes?ticket__contains=EVIL",
        "/history/notes?ticket__contains=EVIL",
        "/history/parties?ticket__contains=EVIL",
        "/history/jeopardy_alerts",
        "/history/information_requests",
        "/history/waiting_longest?status=",
        "/history/tickets/default~2FEVIL~2F1~2E~C3~A5~25",
    ],
)
def test_script_in_every_text_of_a_ticket_shows_as_text(browser, served, path):
    with opened(browser, served, path) as page:
        page.wait_for_timeout(100)
        assert page.evaluate("window.pwned") is None
        assert "pwned" in page.locator("body").inner_text()
        assert page.locator("img[src=x]").count() == 0


def test_the_notification_with_script_shows_as_text(browser, served, client):
    told = client.get(f"{EVIL_PAGE}.json").json()
    position = told["timeline"][0]["position"]
    with opened(browser, served, f"/-/history/event/{position}") as page:
        assert page.evaluate("window.pwned") is None
        assert "<script>" in page.locator("pre.raw").last.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_their_width_in_both_themes(browser, served, client, theme, width):
    ARTEFACTS.mkdir(exist_ok=True)
    ticket = busiest(client)
    then = ticket["resolved_at"][:10]
    pages = {
        "board": "/-/history",
        "ticket": f"/-/history/ticket/{ticket['id']}",
        "ticket-then": f"/-/history/ticket/{ticket['id']}?as_of={then}&known_at={then}",
        "ticket-with-gaps": f"/-/history/ticket/{with_gaps(client)}",
        "sources": "/-/history/sources",
        "quarantine": "/-/history/quarantine",
        "refused": "/-/history/quarantine/1",
        "tasks": "/-/history/tasks",
        "targets": "/-/history/targets",
        "search": "/-/history/search?q=TT-10",
        "evil": EVIL_PAGE,
        "specification": f"/-/history/specification/{ticket['specification'].partition('/')[2]}",
    }
    with opened(browser, served, "/-/history", width, theme) as page:
        for name, path in pages.items():
            assert page.goto(served.url + path).status == 200
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            ink, back = page.evaluate(
                "(b => [getComputedStyle(b).color, getComputedStyle(b).backgroundColor])(document.body)"
            )
            assert (_light(back) > _light(ink)) == (theme == "light")
            page.screenshot(path=ARTEFACTS / f"{name}-{width}-{theme}.png", full_page=True)


def with_gaps(client) -> str:
    rows = client.get("/history/tickets.json?_shape=array&_sort_desc=open_gaps&_size=1").json()
    return rows[0]["id"]


def _light(colour: str) -> int:
    return sum(int(part) for part in colour.strip("rgb()").split(",")[:3])


def test_every_figure_of_the_page_is_reached_by_keyboard_with_a_visible_focus(browser, served):
    with opened(browser, served, "/-/history") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert page.locator("main").count() == page.locator("header").count() == 1


def test_a_long_history_is_paged_and_its_picture_stays_small(browser, served, client):
    told = client.get("/-/history/ticket/LONG-1.json").json()["timeline"]
    with opened(browser, served, "/-/history/ticket/LONG-1") as page:
        assert page.locator("ol.timeline > li").count() == 100
        assert page.locator("svg.lanes *").count() < 1_500
        page.get_by_role("link", name="last").first.click()
        assert page.locator("ol.timeline > li").count() == 20
        last = page.locator("ol.timeline > li").last.get_attribute("id")
    assert last == "entry-" + told[-1]["entry"].rpartition("#")[2]
