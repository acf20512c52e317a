"""/-/history/targets: how forwarding stands, in words and as JSON, without trusting what targets say."""

from contextlib import closing

import httpx
import pytest

from store.replay.ledger import Batch, Delivery, Ledger
from tests.browser.conftest import EVIL, served_data
from tests.browser.seeing import ARTEFACTS, WIDTHS, opened
from tests.new_events import NOW, new_event


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    data = tmp_path_factory.mktemp("targets") / "data"
    with served_data(data, [new_event(str(n), ticket_id=f"T{n}") for n in range(9)]) as found:
        yield found


def test_without_a_ledger_the_page_says_that_nothing_is_forwarded(here, browser):
    with opened(browser, here, "/-/history/targets") as page:
        assert "Nothing is forwarded." in page.locator("main").inner_text()


def test_forwarding_dead_letters_and_replays_are_shown_as_text(here, browser):
    with closing(Ledger(here.data)) as ledger:
        told = {"target": "crm", "selection": '{"until": null}', "after": 0, "at": NOW}
        job = ledger.begin(name="forward:crm", kind="forward", by="serve", **told)
        dead = Delivery(2, "default/T1", "dead", 8, EVIL, NOW)
        behind = Delivery(5, "default/T1", "waiting", 0, None, NOW)
        ledger.settle(job, Batch(7, [dead, behind], delivered=5, failures=8), NOW)
        ledger.begin(name="november", kind="replay", by=EVIL, **told)
    with opened(browser, here, "/-/history/targets") as page:
        figures = page.locator("article dl").inner_text()
        text = page.locator("main").inner_text()
        assert page.evaluate("window.pwned") is None
        assert EVIL in text
        assert "november" in text
        assert page.get_by_role("link", name="event 2").count() == 1
    for figure in ("Delivered\n5", "Behind\n2", "Waiting\n1", "Dead letters\n1", "Failures\n8"):
        assert figure in figures
    found = httpx.get(f"{here.url}/-/history/targets.json", trust_env=False).json()
    assert (found["forwardings"][0]["lag_events"], found["dead_letters"][0]["position"]) == (2, 2)
    ARTEFACTS.mkdir(exist_ok=True)
    for width in WIDTHS:
        with opened(browser, here, "/-/history/targets", width) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=ARTEFACTS / f"targets-in-trouble-{width}.png", full_page=True)
