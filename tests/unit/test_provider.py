"""The simulated provider: the same every time, and plausible enough to show and to test with."""

import hashlib
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache

from receiver.events import EVENT_TYPES
from tests.provider.envelope import to_bytes, wrap
from tests.provider.history import History, history, interesting
from tests.provider.live import LiveSteps

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)

LEGAL = {
    None: {"acknowledged", "rejected"},
    "acknowledged": {"inProgress"},
    "inProgress": {"pending", "held", "resolved", "cancelled", "assessingCancellation"},
    "pending": {"inProgress"},
    "held": {"inProgress"},
    "assessingCancellation": {"cancelled", "inProgress"},
    "resolved": {"inProgress", "closed"},
}


@cache
def past() -> History:
    return history(now=NOW)


def said(note: str) -> list[tuple[dict, bytes]]:
    return [(json.loads(one.body), one.body) for one in past().deliveries if one.note == note]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    def digest(seed: int) -> str:
        whole = hashlib.sha256()
        for one in history(seed, 40, now=NOW).deliveries:
            whole.update(f"{one.at} {one.path}".encode() + one.body)
        return whole.hexdigest()

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_all_fourteen_kinds_of_events_are_told():
    told = {one.event_type for one in past().deliveries}
    assert told == {one.name for one in EVENT_TYPES}


def test_deliveries_are_in_order_of_sending_over_six_weeks_until_now():
    times = [one.at for one in past().deliveries]
    assert times == sorted(times)
    assert times[-1] <= NOW
    assert timedelta(days=41) < times[-1] - times[0] < timedelta(days=45)
    assert 5_000 < len(times) < 8_000


def test_bodies_are_as_large_as_real_ones():
    sizes = sorted(len(one.body) for one in past().deliveries if one.note != "invalid")
    assert sizes[0] > 700
    assert 1_000 < sizes[len(sizes) // 2] < 7_000
    assert sizes[-1] < 10_000


def test_nights_and_weekends_are_quieter():
    created = [one.at for one in past().deliveries if one.event_type == "TroubleTicketCreateEvent"]
    by_hour = Counter(moment.hour for moment in created)
    by_day = Counter(moment.weekday() for moment in created)
    assert sum(by_hour[hour] for hour in (0, 1, 2, 3)) * 4 < sum(
        by_hour[hour] for hour in (8, 9, 10, 11)
    )
    assert by_day[6] * 2 < by_day[0]


def test_tickets_go_from_status_to_status_as_real_ones_do():
    paths: dict[str, list[str]] = defaultdict(list)
    for one in past().living:
        paths[one.ticket.id] = [change["status"] for change in one.ticket.history]
    for one in past().deliveries:
        if one.event_type == "TroubleTicketStatusChangeEvent" and not one.note:
            ticket = json.loads(one.body)["event"]["troubleTicket"]
            told = [change["status"] for change in ticket["statusChangeHistory"]]
            paths[ticket["id"]] = max(paths[ticket["id"]], told, key=len)
    for path in paths.values():
        assert all(
            after in LEGAL[before] for before, after in zip([None, *path], path, strict=False)
        ), path
    assert sum(path.count("resolved") > 1 for path in paths.values()) > 10, "too few are reopened"


def test_the_present_has_open_tickets_that_are_late_soon_due_and_in_jeopardy():
    open_now = [one.ticket for one in past().living if one.ticket.status not in {"resolved", None}]
    assert 25 < len(open_now) < 120
    assert sum(ticket.due < NOW for ticket in open_now) >= 3
    assert sum(NOW < ticket.due < NOW + timedelta(hours=12) for ticket in open_now) >= 3
    assert sum(ticket.alerted for ticket in open_now) >= 3


def test_a_redelivery_repeats_the_bytes_and_a_conflict_only_the_id():
    known = defaultdict(set)
    for one in past().deliveries:
        if one.note not in {"invalid", "conflict", "duplicate"}:
            known[json.loads(one.body)["eventId"]].add(one.body)
    assert len(said("duplicate")) > 50
    assert all(raw in known[body["eventId"]] for body, raw in said("duplicate"))
    assert len(said("conflict")) >= 3
    assert all(
        known[body["eventId"]] and raw not in known[body["eventId"]]
        for body, raw in said("conflict")
    )


def test_an_alias_repeats_the_content_under_a_fresh_id():
    def content(body: dict) -> str:
        return json.dumps({name: value for name, value in body.items() if name != "eventId"})

    others = Counter(
        content(json.loads(one.body))
        for one in past().deliveries
        if one.note not in {"invalid", "alias"}
    )
    assert len(said("alias")) >= 3
    assert all(others[content(body)] for body, _ in said("alias"))


def test_a_lost_change_of_status_is_proven_by_a_later_one():
    sent: dict[str, set[str]] = defaultdict(set)
    proven: dict[str, set[str]] = defaultdict(set)
    for one in past().deliveries:
        if one.note == "invalid" or not one.about.startswith("TT-"):
            continue
        ticket = json.loads(one.body)["event"].get("troubleTicket", {})
        if "statusChangeDate" in ticket:
            sent[one.about].add(ticket["statusChangeDate"])
        proven[one.about] |= {
            change["statusChangeDate"] for change in ticket.get("statusChangeHistory", [])
        }
    gaps = sum(len(proven[about] - sent[about]) for about in proven)
    assert 20 < gaps < 200


def test_the_interesting_ticket_shows_most_kinds_of_events():
    about = interesting(past())
    kinds = {one.event_type for one in past().deliveries if one.about == about}
    assert len(kinds) >= 7


def test_the_present_goes_on_with_open_tickets_and_new_ones():
    moment = NOW + timedelta(minutes=30)
    live = LiveSteps(history(7, 60, now=NOW), 7, lambda: moment)
    told = [to_bytes(wrap(fact, live.chance)) for _ in range(150) for fact in live.next_step()]
    assert {one.event_type for one in told} >= {
        "TroubleTicketCreateEvent",
        "TroubleTicketStatusChangeEvent",
    }
    occurred = [json.loads(one.body).get("timeOccurred") for one in told if not one.note]
    assert all("2026-11-24T06:29:4" < text < "2026-11-24T06:31" for text in occurred)
    assert len({one.about for one in told}) > 30
