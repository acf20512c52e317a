"""The Sources page: how our registration stands, without trusting what a provider says."""

import httpx
import pytest

from store import hubs
from store.hub import registrations
from store.hub.file import HubFile
from store.hub.heard import now_text
from store.hub.registrations import Wanted
from store.hub.standing import Standing, keep
from tests.browser.conftest import EVIL, served_data
from tests.browser.seeing import ARTEFACTS, WIDTHS, opened
from tests.new_events import NOW, new_event


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    data = tmp_path_factory.mktemp("hub") / "data"
    with served_data(data, [new_event(str(n), ticket_id=f"T{n}") for n in range(3)]) as found:
        yield found


def card(page):
    return page.locator("article").inner_text()


def test_who_is_not_registered_anywhere_is_not_told_of_it(here, browser):
    with opened(browser, here, "/-/history/sources") as page:
        assert "provider" not in card(page)


def test_a_registration_and_what_is_wrong_with_it_are_shown_as_text(here, browser):
    file = HubFile(here.data)
    row = registrations.asked(file, "default", Wanted("https://p", "https://c", ""), now=NOW)
    registrations.registered(file, row.number, "h1", now=NOW, is_probed=True, is_listed=False)
    keep(file, Standing("default", looked_at=now_text(), heals=2))
    with opened(browser, here, "/-/history/sources") as page:
        assert "Registered at its provider; anew 2 times." in card(page)
        assert "problem" not in card(page)
    keep(
        file, Standing("default", looked_at=now_text(), problem=f"POST /hub answered 400 ({EVIL}).")
    )
    keep(file, Standing("gone", looked_at=NOW.replace("2026", "2025"), problem="long ago"))
    assert [one.source for one in hubs(here.data)] == ["default"], "nobody looks at it any more"
    found = httpx.get(f"{here.url}/-/history/sources.json", trust_env=False).json()
    assert EVIL in found["sources"][0]["hub"]["problem"]
    ARTEFACTS.mkdir(exist_ok=True)
    for width in WIDTHS:
        with opened(browser, here, "/-/history/sources", width) as page:
            assert page.evaluate("window.pwned") is None
            assert EVIL in card(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=ARTEFACTS / f"hub-in-trouble-{width}.png", full_page=True)
