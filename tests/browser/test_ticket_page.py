"""The page of a ticket: kinds, pages, addresses of entries, badges, and the tickets beside it."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.browser.conftest import served_data
from tests.browser.sample_history import event_of, posted
from tests.browser.seeing import opened

BORN = datetime(2026, 11, 1, 8, tzinfo=UTC)


def told(number: str, kind: str, hour: float, late: float = 1, source="default", **members):
    at = BORN + timedelta(hours=hour)
    ticket = {"@type": "TroubleTicket", "id": number, "name": f"Name {number}"}
    post = posted(f"TroubleTicket{kind}Event", at, troubleTicket={**ticket, **members})
    found = event_of(post, at + timedelta(seconds=late), source)
    assert found
    return found


def created(number: str, hour: float, **members):
    at = (BORN + timedelta(hours=hour)).isoformat()
    members = {"creationDate": at, "status": "acknowledged", **members}
    return told(number, "Create", hour, source=members.pop("source", "default"), **members)


def names(role: str, number: str) -> list[dict[str, str]]:
    return [{"@type": "TroubleTicketRelationship", "id": number, "relationshipType": role}]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    events = [
        created("T-10", 1),
        created(
            "T-9", 2, troubleTicketRelationship=[*names("Parent", "T-10"), *names("x", "GONE")]
        ),
        created("T-11", 3, troubleTicketRelationship=names("causedBy", "T-9")),
        created("OTHER", 2.5, source="south"),
        told("T-9", "StatusChange", 4, 7_200, status="inProgress"),
        told("T-9", "AttributeValueChange", 5, note=[{"id": "1", "text": "seen"}]),
        told("T-9", "StatusChange", 6, status="pending"),
    ]
    again = told("T-9", "StatusChange", 6, 90, status="pending")
    events += [again, again, told("T-9", "StatusChange", 6, 200, status="held")]
    events += [
        told("MANY", "AttributeValueChange", number / 10, source="many", priority=str(number))
        for number in range(250)
    ]
    with served_data(tmp_path_factory.mktemp("page") / "data", events) as found:
        yield found


def kinds_shown(page) -> list[str]:
    return [
        next(name for name in entry.get_attribute("class").split() if name.startswith("k-"))
        for entry in page.locator("ol.timeline > li").all()
    ]


def test_each_kind_is_a_link_to_its_entries_and_says_how_many(browser, site):
    with opened(browser, site, "/-/history/ticket/T-9") as page:
        everything = kinds_shown(page)
        links = page.locator("nav.kinds a")
        counted = dict(
            re.fullmatch(r"(\D+?) (\d+)", text).groups() for text in links.all_inner_texts()[1:]
        )
        assert links.first.get_attribute("aria-current") == "true"
        links.filter(has_text="status").click()
        assert kinds_shown(page) == ["k-status"] * int(counted["status"])
        assert page.locator("nav.kinds [aria-current]").inner_text().startswith("status")
        page.locator("nav.kinds a", has_text="notes").click()
        assert page.locator("blockquote.note").first.inner_text() == "seen"
        assert len(kinds_shown(page)) == int(counted["notes"]) == 1
        page.locator("nav.kinds a", has_text="all").click()
        assert kinds_shown(page) == everything
    without_notes = {name: int(n) for name, n in counted.items() if name != "notes"}
    assert sum(without_notes.values()) == len(everything)


def test_late_redelivered_and_conflicting_notifications_have_their_badges(browser, site):
    with opened(browser, site, "/-/history/ticket/T-9") as page:
        badges = page.locator("ol.timeline .badge").all_inner_texts()
    assert "received 2 h 00 later" in badges
    assert "redelivered 2×" in badges
    assert "conflict" in badges


def test_an_entry_has_an_address_that_leads_to_the_page_it_stands_on(browser, site):
    told = httpx.get(f"{site.url}/-/history/ticket/MANY.json").json()["timeline"]
    digest = told[230]["entry"].rpartition("#")[2]
    with opened(browser, site, f"/-/history/ticket/MANY?entry={digest}#entry-{digest}") as page:
        assert page.locator(f"#entry-{digest}").is_visible()
        assert "page 3 of 3" in page.locator("nav.pages").first.inner_text()
        page.goto(f"{site.url}/-/history/ticket/MANY")
        far = page.locator("svg.lanes a").last.get_attribute("href")
        page.goto(site.url + far)
        assert page.locator(f"#{far.rpartition('#')[2]}").is_visible()
        page.goto(f"{site.url}/-/history/ticket/MANY?entry=nonsense&page=2")
        assert "page 1 of 3" in page.locator("nav.pages").first.inner_text()


def test_a_page_beyond_the_last_is_the_last_and_each_entry_is_on_one_page(site):
    shown = [
        re.findall(
            r'<li id="entry-(\w+)"', httpx.get(f"{site.url}/-/history/ticket/MANY{page}").text
        )
        for page in ("", "?page=2", "?page=3", "?page=99")
    ]
    told = httpx.get(f"{site.url}/-/history/ticket/MANY.json").json()["timeline"]
    assert [*shown[0], *shown[1], *shown[2]] == [
        entry["entry"].rpartition("#")[2] for entry in told
    ]
    assert shown[3] == shown[2]


def test_parents_and_children_lead_to_each_other_and_unknown_tickets_say_so(browser, site):
    with opened(browser, site, "/-/history/ticket/T-9") as page:
        related = page.locator("section[aria-labelledby=related] li")
        lines = [" ".join(text.split()) for text in related.all_inner_texts()]
        assert lines[0].startswith("Parent: T-10 acknowledged")
        assert any(text.startswith("calls this one causedBy: T-11") for text in lines)
        assert any(text == "x: GONE no event told of it yet" for text in lines)
        related.get_by_role("link", name="T-10").click()
        child = page.locator("section[aria-labelledby=related] li").inner_text()
        assert child.startswith("Child: T-9")
        page.get_by_role("link", name="T-9", exact=True).first.click()
        assert page.locator(".badges .id").inner_text() == "T-9"


def test_the_neighbours_are_those_of_the_same_source_in_order_of_creation(browser, site):
    with opened(browser, site, "/-/history/ticket/T-10") as page:
        assert page.locator("nav.neighbours a").count() == 1
        seen = ["T-10"]
        while page.locator("nav.neighbours [rel=next]").count():
            page.locator("nav.neighbours [rel=next]").click()
            seen.append(page.locator(".badges .id").inner_text())
        assert seen == ["T-10", "T-9", "T-11"]
        page.locator("nav.neighbours [rel=prev]").click()
        assert page.locator(".badges .id").inner_text() == "T-9"
    plan = "explain query plan select ticket from tickets where source = 'x' and (created_at, ticket) > ('', '') order by created_at, ticket limit 1"
    with closing(sqlite3.connect(site.data / "history.db")) as db:
        assert "idx_tickets_source_created_at" in str(db.execute(plan).fetchall())
