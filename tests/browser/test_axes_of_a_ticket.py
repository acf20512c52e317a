"""As of a time, as known at a time: the page, the downloads, the banner, the ways it says no."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

import store
from store.times import utc_text
from tests.browser.conftest import EVIL, served_data
from tests.browser.sample_history import event_of, fill, posted
from tests.browser.seeing import opened

BORN = datetime(2026, 10, 1, 8, tzinfo=UTC)
TICKET = "/-/history/ticket/TWO-AXES"
CLOCK = """
[service_clock]
stopped_by = ["pending"]
[service_clock.target_hours]
major = 8
"""


def told(kind: str, hours: float, received: float, **members: object):
    """An event of the ticket, that many hours after its birth, received at its own hour."""
    at = BORN + timedelta(hours=hours)
    ticket = {"@type": "TroubleTicket", "id": "TWO-AXES", "name": "Fibre cut", "severity": "Major"}
    post = posted(f"TroubleTicket{kind}Event", at, troubleTicket={**ticket, **members})
    return event_of(post, BORN + timedelta(hours=received))


def hour(number: float) -> str:
    return utc_text(BORN + timedelta(hours=number))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Created at 0 h, pending at 2 h but received at 9 h, back at 4 h, resolved at 11 h 10."""
    data = tmp_path_factory.mktemp("axes") / "data"
    born = hour(0)
    events = [
        told("Create", 0, 0, status="acknowledged", creationDate=born, statusChangeDate=born),
        told("StatusChange", 2, 9, status="pending", statusChangeDate=hour(2)),
        told("StatusChange", 4, 4, status="inProgress", statusChangeDate=hour(4)),
        told("StatusChange", 11.17, 11.17, status="resolved", statusChangeDate=hour(11.17)),
    ]
    with served_data(data, events, settings=CLOCK) as found:
        yield found


def statuses(page) -> list[str]:
    return [pill.inner_text() for pill in page.locator("ol.timeline .pill").all()]


def test_as_of_shows_what_was_true_then_and_leads_back_to_now(browser, site):
    with opened(browser, site, f"{TICKET}?as_of={hour(3)}") as page:
        assert "As of 1 Oct 2026 11:00:00" in page.locator(".then").inner_text()
        assert page.locator(".badges .pill").inner_text() == "pending"
        assert page.locator("ol.timeline > li").count() == 2
        assert page.locator("svg.lanes .label-then").count() == 1
        assert page.locator("#as-of").input_value() == hour(3)
        page.get_by_role("link", name="Back to now").click()
        assert page.locator(".then").count() == 0
        assert page.locator(".badges .pill").inner_text() == "resolved"
        assert page.locator("ol.timeline > li").count() == 4


def test_known_at_shows_what_had_been_received_by_then(browser, site):
    with opened(browser, site, f"{TICKET}?known_at={hour(8)}") as page:
        assert "As known at" in page.locator(".then").inner_text()
        assert "pending" not in statuses(page)
        assert page.locator("ol.timeline > li").count() == 2
    with opened(browser, site, f"{TICKET}?known_at={hour(10)}&as_of={hour(3)}") as page:
        assert page.locator(".badges .pill").inner_text() == "pending"
        assert page.locator(".then strong").count() == 2


def test_the_form_works_without_script_and_its_address_can_be_shared(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url + TICKET)
    page.get_by_label("As of").fill("2026-10-01 11:00")
    page.get_by_label("Known at").fill("2026-10-02")
    page.get_by_role("button", name="Show").click()
    assert "as_of=2026-10-01" in page.url
    assert page.locator(".badges .pill").inner_text() == "pending"
    assert page.locator(".then time").all_inner_texts() == [
        "1 Oct 2026 11:00:00",
        "2 Oct 2026 00:00:00",
    ]
    context.close()


def test_each_entry_leads_to_the_ticket_as_it_was_just_then(browser, site):
    with opened(browser, site, TICKET) as page:
        entry = page.locator("ol.timeline > li").nth(1)
        entry.locator("summary").click()
        entry.get_by_role("link", name="just then").click()
        assert statuses(page)[-1] == "pending"
        page.goto(site.url + TICKET)
        entry = page.locator("ol.timeline > li").nth(2)
        entry.locator("summary").click()
        entry.get_by_role("link", name="as known when this arrived").click()
        assert statuses(page) == ["acknowledged", "acknowledged", "inProgress"]


def test_the_page_is_exactly_the_fold_that_the_front_gives(client, site):
    for when in (
        {"as_of": hour(5)},
        {"known_at": hour(5)},
        {"as_of": hour(3), "known_at": hour(9)},
    ):
        told = client.get(f"{site.url}{TICKET}.json", params=when).json()
        folded = store.history(site.data, "TWO-AXES", **when)
        assert [row["entry"] for row in told["timeline"]] == [
            entry.entry for entry in folded.timeline
        ]
        assert told["ticket"]["status"] == folded.tickets[0].status
        assert {name: told[name] for name in when} == when


def test_every_download_honours_the_axes(client, site):
    for form, count in (("csv", _csv_rows), ("ndjson", _lines)):
        answer = client.get(f"{site.url}{TICKET}.{form}?as_of={hour(3)}")
        assert count(answer.text) == 2, form
        assert count(client.get(f"{site.url}{TICKET}.{form}").text) == 4, form
    with_links = client.get(f"{site.url}{TICKET}?as_of={hour(3)}").text
    assert "TWO-AXES.csv?source=default&amp;as_of=2026-10-01T11%3A00%3A00.000Z" in with_links


def _csv_rows(text: str) -> int:
    return len(list(csv.DictReader(io.StringIO(text))))


def _lines(text: str) -> int:
    return len(text.splitlines())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-10-01", "2026-10-01T00:00:00.000Z"),
        ("2026-10-01T10:00", "2026-10-01T10:00:00.000Z"),
        ("2026-10-01 10:00:30", "2026-10-01T10:00:30.000Z"),
        ("2026-10-01T12:00:00+02:00", "2026-10-01T10:00:00.000Z"),
        ("2026-10-01T12:00:00 02:00", "2026-10-01T10:00:00.000Z"),
    ],
)
def test_a_time_is_utc_unless_it_names_its_zone_and_a_date_is_its_midnight(written, read):
    from dashboards.axes import Axes

    assert Axes.of({"as_of": written}).as_of == read


@pytest.mark.parametrize("name", ["as_of", "known_at"])
@pytest.mark.parametrize("written", ["yesterday", "2026-13-01", "24.11.2026", EVIL, "9999999"])
def test_an_unusable_time_is_a_400_page_that_names_the_parameter(client, site, name, written):
    page = client.get(f"{site.url}{TICKET}", params={name: written})
    assert page.status_code == 400
    assert f"{name}: “" in page.text
    assert "<script>document" not in page.text
    assert "as it is now</a>" in page.text
    answer = client.get(f"{site.url}{TICKET}.json", params={name: written})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{name}: ")


def test_before_anything_was_known_there_is_a_404_that_says_so(client, site):
    for name in ("as_of", "known_at"):
        page = client.get(f"{site.url}{TICKET}?{name}=2026-09-01")
        assert page.status_code == 404
        assert f"Nothing {name.replace('_', ' ')}" in page.text


def test_the_service_clock_is_told_as_so_much_of_so_much(client, site):
    assert "9 h 10 of 8 h" in client.get(f"{site.url}{TICKET}").text
    assert "service target missed" in client.get(f"{site.url}{TICKET}").text
    at_six = client.get(f"{site.url}{TICKET}?as_of={hour(6)}").text
    assert "4 h 00 of 8 h" in at_six
    assert "service target missed" not in at_six
    # Open, and past its target before any event says so.
    assert "service target missed" in client.get(f"{site.url}{TICKET}?as_of={hour(10.5)}").text


def test_what_is_missing_and_what_is_odd_is_said_with_the_way_to_its_proof(browser, site, tmp_path):
    data = tmp_path / "data"
    changes = [
        {"status": "pending", "changeDate": hour(2)},
        {"status": "inProgress", "changeDate": hour(4)},
    ]
    fill(data, [
        told("Create", 0, 0, status="acknowledged", creationDate=hour(0), statusChangeDate=hour(0)),
        told("StatusChange", 4, 4, status="inProgress", statusChangeDate=hour(4), statusChangeHistory=changes),
        told("StatusChange", 5, 5, status="closed", statusChangeDate=hour(5)),
        told("StatusChange", 6, 8, status="inProgress", statusChangeDate=hour(6)),
    ])  # fmt: skip
    with served_data(data) as other, opened(browser, other, TICKET) as page:
        missing = page.locator("section", has=page.locator("#missing"))
        assert "pending" in missing.locator(".pill").all_inner_texts()
        assert "no event told us so" in missing.inner_text()
        assert "2026-10-01T" not in missing.inner_text()
        proof = missing.get_by_role("link", name="the entry that proves it").get_attribute("href")
        assert page.locator(f"li.entry{proof}").count() == 1
        odd = page.locator("section", has=page.locator("#odd")).inner_text()
        assert "left a final status" in odd
        assert "arrived more than 1 min after being sent" in odd
        assert page.locator("svg.lanes rect.gap").count() == 1


def test_without_the_log_the_present_is_shown_and_another_time_is_refused_with_a_sentence(
    client, tmp_path
):
    data = tmp_path / "data"
    fill(data, [told("Create", 0, 0, status="acknowledged")])
    (data / "log.db").rename(tmp_path / "away.db")
    with served_data(data) as other:
        assert client.get(f"{other.url}{TICKET}").status_code == 200
        page = client.get(f"{other.url}{TICKET}?as_of={hour(1)}")
        assert page.status_code == 503
        assert "folded from log.db" in page.text
