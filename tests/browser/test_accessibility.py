"""The pages for everybody: axe-core on every page in both themes, keyboard, landmarks, paper."""

from itertools import pairwise

import pytest

from tests.browser.axe import grave_findings
from tests.browser.seeing import ARTEFACTS, opened
from tests.browser.test_pages_in_chromium import EVIL_PAGE, busiest, with_gaps


def pages(client) -> dict[str, str]:
    ticket = busiest(client)
    then = ticket["resolved_at"][:10]
    own = f"/-/history/ticket/{ticket['id']}"
    return {
        "ticket": own,
        "one kind": f"{own}?kind=status",
        "then": f"{own}?as_of={then}&known_at={then}",
        "gaps": f"/-/history/ticket/{with_gaps(client)}",
        "long": "/-/history/ticket/LONG-1?page=5",
        "evil": EVIL_PAGE,
        "choice": "/-/history/ticket/3180",
        "specification": f"/-/history/specification/{ticket['specification'].partition('/')[2]}",
        "board": "/-/history",
        "sources": "/-/history/sources",
        "quarantine": "/-/history/quarantine",
        "refused": "/-/history/quarantine/1",
        "tasks": "/-/history/tasks",
        "search": "/-/history/search?q=TT-10",
        "event": "/-/history/event/1",
        "home": "/",
        "tables": "/history",
        "table": "/history/tickets?is_open=1&_size=5",
        "row": f"/history/tickets/default~2F{ticket['id']}",
        "query": "/history/overdue_tickets?severity=",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious_on_any_page(browser, served, client, theme, width):
    found: dict[str, list[str]] = {}
    with opened(browser, served, "/-/history", width, theme) as page:
        for name, path in pages(client).items():
            assert page.goto(served.url + path).status == 200
            for details in page.locator("details").all()[:20]:
                details.evaluate("element => { element.open = true; }")
            found[name] = grave_findings(page)
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_axe_would_find_something(browser, served):
    with opened(browser, served, "/-/history") as page:
        page.evaluate("document.querySelector('h1').style.color = '#eee'")
        page.evaluate("document.querySelector('#find').labels[0].remove()")
        rules = {line.partition(":")[0] for line in grave_findings(page)}
    assert "color-contrast" in rules


@pytest.mark.parametrize("name", ["ticket", "gaps", "board", "sources", "tasks", "event", "search"])
def test_headings_come_in_order_and_every_landmark_has_its_name(browser, served, client, name):
    with opened(browser, served, pages(client)[name]) as page:
        levels = page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])"
        )
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        unnamed = page.locator("nav:not([aria-label]), aside:not([aria-label])")
        assert unnamed.count() == 0
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
        assert len(ids) == len(set(ids))


def test_the_ticket_page_is_walked_by_keyboard_from_the_skip_link_to_its_end(
    browser, served, client
):
    with opened(browser, served, pages(client)["ticket"]) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        wanted = page.evaluate(
            "[...document.querySelectorAll('main a[href], main summary, main input:not([type=hidden]), "
            "main button')].filter(e => e.tabIndex >= 0 && e.checkVisibility()).length"
        )
        seen, hidden = 0, []
        for _ in range(wanted + 50):
            page.keyboard.press("Tab")
            here = page.evaluate(_FOCUSED)
            if not here["inside"]:
                break
            seen += here["counts"]
            if not here["outlined"]:
                hidden.append(here["what"])
    assert seen == wanted > 20
    assert hidden == []


_FOCUSED = """() => {
  const element = document.activeElement;
  return {
    inside: document.querySelector("main").contains(element),
    counts: element.matches("a, summary, input, button") ? 1 : 0,
    outlined: getComputedStyle(element).outlineStyle === "solid",
    what: element.outerHTML.slice(0, 80),
  };
}"""


def test_the_picture_has_words_and_a_table_that_say_the_same(browser, served, client):
    ticket = busiest(client)
    periods = client.get(
        f"/history/status_periods.json?ticket=default/{ticket['id']}&_shape=array&_sort=n"
    ).json()
    with opened(browser, served, f"/-/history/ticket/{ticket['id']}") as page:
        picture = page.get_by_role("group", name="Status over time")
        assert ticket["status"] in picture.locator("desc").text_content()
        page.locator("#periods summary").click()
        rows = page.locator("#periods tbody tr")
        told = [row.locator("td").first.inner_text() for row in rows.all()]
    assert told == [period["status"] for period in periods]


def test_the_ticket_page_on_paper_has_the_history_and_no_navigation(browser, served, client):
    ARTEFACTS.mkdir(exist_ok=True)
    with opened(browser, served, pages(client)["ticket"], theme="dark") as page:
        page.pdf(path=ARTEFACTS / "ticket.pdf", format="A4", prefer_css_page_size=True)
        page.emulate_media(media="print")
        assert page.locator("header.top").is_hidden()
        assert page.locator("form.axes").is_hidden()
        assert page.locator("details.received").first.is_hidden()
        assert page.locator("ol.timeline > li").last.is_visible()
        assert page.locator("svg.lanes").is_visible()
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == "rgb(255, 255, 255)"
