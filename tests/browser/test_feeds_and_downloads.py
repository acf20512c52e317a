"""What leaves the pages for other programs: Atom feeds by RFC 4287, CSV that no spreadsheet runs, and
text of senders that stays text.
"""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.browser.conftest import EVIL, TURNED, served_data
from tests.browser.sample_history import event_of, posted
from tests.browser.seeing import opened
from tests.browser.test_pages_in_chromium import EVIL_PAGE

ATOM = "{http://www.w3.org/2005/Atom}"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
FORMULAS = ("=1+1", "+A1", "-A1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "=a\nb")
EVIL_TEXT = f"{EVIL}{TURNED} javascript:alert(1) javascript://x/%0aalert(1) data:text/html,x \x00\x0b\ufffe ]]> & http://example.net/a?b=1&c=2."


def told(kind: str, minute: int, **members: object):
    at = datetime(2026, 11, 1, 8, tzinfo=UTC) + timedelta(minutes=minute)
    ticket = {"@type": "TroubleTicket", "id": "FEED-1", "name": EVIL_TEXT}
    post = posted(f"TroubleTicket{kind}Event", at, troubleTicket={**ticket, **members})
    found = event_of(post, at + timedelta(seconds=1))
    assert found
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    notes = [{"id": "N1", "author": EVIL_TEXT, "text": EVIL_TEXT}]
    events = [
        told("Create", 0, status="acknowledged"),
        told("AttributeValueChange", 1, note=notes, attachment=[
            {"id": "A1", "@type": "AttachmentRef", "name": "log", "url": "javascript:alert(1)"},
            {"id": "A2", "@type": "AttachmentRef", "name": "pic", "url": "https://example.net/x"},
        ]),
        *(
            told("StatusChange", 2 + number, status=("inProgress", "pending")[number % 2],
                 statusChangeReason=reason)
            for number, reason in enumerate(FORMULAS)
        ),
        *(told("AttributeValueChange", 20 + number, priority=str(number)) for number in range(60)),
    ]  # fmt: skip
    data = tmp_path_factory.mktemp("feeds") / "data"
    # As behind a proxy, which gives them another name.
    with served_data(data, events, "dashboards_allow_anonymous = true\n") as found:
        yield found


@pytest.fixture(params=["/-/history/ticket/FEED-1.atom", "/-/history/feed.atom"])
def feed(request, site):
    address = site.url + request.param
    answer = httpx.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    return address, ET.fromstring(answer.content)


def test_a_feed_has_what_rfc_4287_requires_of_feeds_and_entries(feed):
    address, root = feed
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 50
    for part in (root, *entries):
        for name in ("id", "title", "updated"):
            assert len(part.findall(f"{ATOM}{name}")) == 1, name
        assert urlsplit(part.findtext(f"{ATOM}id")).scheme == "urn"
        for date in [*part.findall(f"{ATOM}updated"), *part.findall(f"{ATOM}published")]:
            assert RFC_3339.fullmatch(date.text)
    for entry in entries:
        assert entry.findtext(f"{ATOM}author/{ATOM}name") == "default"
        assert len(entry.findall(f"{ATOM}content")) == 1
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    (itself,) = [one for one in root.findall(f"{ATOM}link") if one.get("rel") == "self"]
    assert itself.get("href") == address
    assert root.findtext(f"{ATOM}updated") == max(
        entry.findtext(f"{ATOM}updated") for entry in entries
    )


def test_every_address_in_a_feed_is_absolute_and_leads_to_the_entry(feed, site):
    _, root = feed
    links = [one.get("href") for one in root.iter(f"{ATOM}link")]
    assert len(links) == 52
    assert all(one.startswith(f"{site.url}/-/history") for one in links)
    for link in (links[2], links[-1]):
        page = httpx.get(link)
        assert page.status_code == 200
        assert f'id="{urlsplit(link).fragment}"' in page.text


def test_a_feed_behind_another_name_has_addresses_under_that_name(site):
    root = ET.fromstring(
        httpx.get(f"{site.url}/-/history/feed.atom", headers={"host": "tickets.example"}).content
    )
    hosts = {urlsplit(one.get("href")).netloc for one in root.iter(f"{ATOM}link")}
    assert hosts == {"tickets.example"}
    here = httpx.get(f"{site.url}/-/history/feed.atom").content
    assert root.findtext(f"{ATOM}entry/{ATOM}id") == ET.fromstring(here).findtext(
        f"{ATOM}entry/{ATOM}id"
    )


def test_text_of_senders_is_text_in_a_feed_and_turns_nothing_around(feed):
    _, root = feed
    assert all(part.get("type") in (None, "text", "text/html", "application/atom+xml")
               for part in root.iter())  # fmt: skip
    said = " ".join(text for part in root.iter() if (text := part.text))
    assert "<script>" in said
    assert "\u202e" not in said
    assert "\x0b" not in said


def test_a_feed_and_the_page_name_each_other(site):
    page = httpx.get(f"{site.url}/-/history/ticket/FEED-1").text
    named = re.findall(
        r'<link rel="alternate" type="application/atom\+xml"[^>]* href="([^"]+)"', page
    )
    assert len(named) == 2
    for address in named:
        assert httpx.get(urljoin(site.url, address.replace("&amp;", "&"))).status_code == 200


def test_no_cell_of_a_csv_is_run_as_a_formula(site):
    text = httpx.get(f"{site.url}/-/history/ticket/FEED-1.csv").text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    told = httpx.get(f"{site.url}/-/history/ticket/FEED-1.json").json()["timeline"]
    for row, entry in zip(rows, told, strict=True):
        assert row["entry"] == entry["entry"]
        assert row["reason"].removeprefix("'") == (entry["reason"] or "")
    quoted = sorted(row["reason"] for row in rows if row["reason"].startswith("'"))
    assert quoted == sorted(f"'{formula}" for formula in FORMULAS)
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_only_http_and_https_become_links_and_they_tell_nobody_where_we_are(browser, site):
    with opened(browser, site, "/-/history/ticket/FEED-1") as page:
        outside = [
            (link.get_attribute("href"), link.get_attribute("rel"))
            for link in page.locator("main a").all()
            if not (link.get_attribute("href") or "").startswith(("/-/", "/history", "#"))
        ]
        assert page.evaluate("window.pwned") is None
    found = {address for address, _ in outside} - {""}
    assert found == {"http://example.net/a?b=1&c=2", "https://example.net/x"}
    assert {rel for address, rel in outside if address} == {"noopener noreferrer nofollow"}


def test_text_that_turns_around_is_isolated_wherever_the_ticket_page_shows_it(browser, served):
    with opened(browser, served, EVIL_PAGE) as page:
        loose = page.evaluate(
            """() => {
              const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              const loose = [];
              while (walker.nextNode()) {
                const parent = walker.currentNode.parentElement;
                if (/[\\u202a-\\u202e\\u2066-\\u2069]/.test(walker.currentNode.nodeValue)
                    && !parent.closest("bdi, [dir=auto], pre")) {
                  loose.push(parent.outerHTML.slice(0, 200));
                }
              }
              return loose;
            }"""
        )
        titles = page.evaluate(
            "[...document.querySelectorAll('[title]')].map(e => e.title).join('')"
        )
        assert "\u202e" not in page.title()
    assert loose == []
    assert "\u202e" not in titles
