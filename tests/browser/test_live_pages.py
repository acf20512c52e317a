"""An open page keeps itself up to date: posted to a real receiver, folded by a real follower, seen
in the browser without a reload; and nothing that the reader was doing is lost.
"""

import re
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.browser.conftest import serving
from tests.browser.sample_history import posted
from tests.browser.seeing import opened

BORN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
SOON_MS = 20_000
PAGE = "/-/history/ticket/LIVE-1"


class Provider:
    """Posts events to a running listener and waits until they are folded."""

    def __init__(self, receiver: str, pages: str) -> None:
        self.client = httpx.Client(timeout=20)
        self.receiver, self.pages = receiver, pages
        self.told = self.position = 0

    def tell(self, kind: str, number: str = "LIVE-1", **members: object) -> None:
        self.post(kind, number, **members)
        self.wait_for(self.position)

    def post(self, kind: str, number: str, **members: object) -> None:
        self.told += 1
        at = BORN + timedelta(minutes=self.told)
        ticket = {"@type": "TroubleTicket", "id": number, "name": f"Name of {number}"}
        post = posted(f"TroubleTicket{kind}Event", at, troubleTicket={**ticket, **members})
        headers = {"content-type": "application/json"}
        answer = self.client.post(f"{self.receiver}{post.path}", content=post.body, headers=headers)
        assert answer.status_code == 204, answer.text
        self.position = int(answer.headers["x-event-position"])

    def note(self, *numbers: int) -> None:
        for number in numbers:
            note = [{"id": f"N{number}", "text": f"note {number}"}]
            self.post("AttributeValueChange", "LIVE-1", note=note)
        self.wait_for(self.position)

    def wait_for(self, position: int) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            rows = self.client.get(f"{self.pages}/history/events.json?position={position}").json()
            if rows["rows"]:
                return
            time.sleep(0.05)
        raise AssertionError(f"event {position} was not folded")


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    data = tmp_path_factory.mktemp("live") / "data"
    command = ("-m", "receiver", "serve", "--data", str(data), "--port", "0")
    with serving(data, *command, "--dashboards-port", "0") as served:
        said = (data.parent / "data.log").read_text()
        receiver = re.search(r"listening on (http://\S+)", said)
        provider = Provider(receiver[1], served.url)
        provider.tell("Create", status="acknowledged", statusChangeDate=BORN.isoformat())
        yield served, provider
        provider.client.close()


def test_a_new_event_appears_in_an_open_ticket_without_a_reload(browser, listener):
    served, provider = listener
    with opened(browser, served, PAGE) as page:
        page.evaluate("window.notReloaded = true")
        shown = page.locator("ol.timeline > li").count()
        provider.tell("StatusChange", status="inProgress")
        page.locator("ol.timeline > li").nth(shown).wait_for(timeout=SOON_MS)
        assert page.locator("ol.timeline > li.fresh .pill").last.inner_text() == "inProgress"
        assert page.locator(".badges .pill").inner_text() == "inProgress"
        assert page.locator("svg.lanes text.lane", has_text="inProgress").count() == 1
        assert page.locator("#announced").inner_text() == "1 new entry in the timeline"
        assert page.locator("#announced").get_attribute("aria-live") == "polite"
        assert page.evaluate("window.notReloaded")


def test_what_the_reader_was_doing_stays(browser, listener):
    served, provider = listener
    provider.note(*range(30))
    with opened(browser, served, PAGE) as page:
        entry = page.locator("ol.timeline > li").nth(8)
        entry.locator("summary").click()
        page.get_by_label("Known at").fill("2026-11")
        page.evaluate("window.focused = document.activeElement; window.scrollTo(0, 700)")
        page.evaluate("window.scrolled = window.scrollY")
        shown = page.locator("ol.timeline > li").count()
        provider.note(99)
        page.locator("ol.timeline > li").nth(shown).wait_for(timeout=SOON_MS)
        assert page.get_by_label("Known at").input_value() == "2026-11"
        assert page.evaluate("document.activeElement === window.focused")
        assert page.evaluate("window.scrollY === window.scrolled && window.scrolled > 0")
        assert entry.locator("details").first.get_attribute("open") is not None
        assert page.locator("details[open]").count() == 1


def test_an_open_board_counts_a_new_ticket(browser, listener):
    served, provider = listener
    with opened(browser, served, "/-/history") as page:
        is_there = page.locator("table.list a", has_text="LIVE-2")
        assert is_there.count() == 0
        provider.tell("Create", "LIVE-2", status="acknowledged")
        is_there.first.wait_for(timeout=SOON_MS)


def test_while_nothing_is_folded_the_answer_is_304_and_after_it_is_not(listener):
    served, provider = listener
    for path in (PAGE, f"{PAGE}.atom"):
        # A minute of a ticket that is open ends while this runs: twice in a row it cannot.
        assert 304 in [_again(served, path) for _ in range(2)], path
        first = httpx.get(served.url + path).headers["etag"]
        provider.tell("AttributeValueChange", priority=str(provider.told))
        later = httpx.get(served.url + path, headers={"if-none-match": first})
        assert later.status_code == 200
        assert later.headers["etag"] != first
        assert later.headers["cache-control"] == "private, no-cache"


def _again(served, path):
    etag = httpx.get(served.url + path).headers["etag"]
    answer = httpx.get(served.url + path, headers={"if-none-match": f'"other", {etag}'})
    assert answer.content == b"" or answer.status_code == 200
    return answer.status_code


def test_another_ticket_changes_nothing_about_the_answer_for_this_one(listener):
    served, provider = listener
    provider.tell("Create", "DONE-1", status="closed", creationDate="2020-01-01T00:00:00Z")
    page = f"{served.url}/-/history/ticket/DONE-1"
    etag = httpx.get(page).headers["etag"]
    provider.tell("AttributeValueChange", priority="9")
    assert httpx.get(page, headers={"if-none-match": etag}).status_code == 304
    provider.tell("Create", "NEW-1", troubleTicketRelationship=[
        {"id": "DONE-1", "relationshipType": "parent", "@type": "TroubleTicketRelationship"}
    ])  # fmt: skip
    assert httpx.get(page, headers={"if-none-match": etag}).status_code == 200


def test_a_page_says_so_when_the_server_is_away_and_goes_on_when_it_is_back(browser, listener):
    served, _ = listener
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.url + PAGE)
    context.route("**/ticket/**", lambda route: route.abort())
    page.locator("#as-of-now .state", has_text="Not live").wait_for(timeout=SOON_MS)
    context.unroute("**/ticket/**")
    page.locator("#as-of-now .state", has_text="Live, as of").wait_for(timeout=SOON_MS)
    context.close()


def test_without_script_the_page_says_when_it_was_made_and_offers_a_reload(browser, listener):
    served, provider = listener
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.url + PAGE)
    assert re.match(r"As of \d\d:\d\d:\d\dZ · Reload", page.locator("#as-of-now").inner_text())
    shown = page.locator("ol.timeline > li").count()
    provider.note(100)
    page.get_by_role("link", name="Reload").click()
    assert page.locator("ol.timeline > li").count() == shown + 1
    context.close()


def test_times_have_the_local_time_as_their_tooltip(browser, listener):
    served, _ = listener
    context = browser.new_context(timezone_id="Asia/Kolkata", locale="en-GB")
    page = context.new_page()
    page.goto(served.url + PAGE)
    time_of_entry = page.locator("ol.timeline time").first
    here = (BORN + timedelta(hours=5, minutes=30)).strftime("%H:%M:%S")
    assert here in time_of_entry.get_attribute("title")
    assert "Asia/Calcutta" in time_of_entry.get_attribute("title") or "Asia/Kolkata" in time_of_entry.get_attribute("title")  # fmt: skip
    assert BORN.strftime("%H:%M:%S") in time_of_entry.inner_text()
    context.close()


def test_new_entries_do_not_move_for_those_who_asked_for_less_motion(browser, listener):
    served, provider = listener
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(served.url + PAGE)
    provider.note(101)
    fresh = page.locator("ol.timeline > li.fresh").first
    fresh.wait_for(timeout=SOON_MS)
    assert fresh.evaluate("element => getComputedStyle(element).animationName") == "none"
    context.close()
