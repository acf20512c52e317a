"""The service clock against figures worked out by hand."""

import json
import pickle
import time
from datetime import date

import pytest

from store.history.clock import ALL_WEEK, Calendar, ServiceClock
from store.history.fold import fold_ticket
from store.history.rules import Rules
from store.history.view import view
from store.log.memory import MemoryLog
from store.printing import history_text
from tests.new_events import new_event

OFFICE = ((8 * 60, 18 * 60),)
WEEKDAYS = (OFFICE,) * 5 + ((), ())
EVERY_DAY = (OFFICE,) * 7
HOUR = 3600


def hours(calendar: Calendar | None, start: str, end: str, status: str = "inProgress") -> float:
    clock = ServiceClock(calendar=calendar)
    return clock.seconds(status, f"{start}:00.000Z", f"{end}:00.000Z") / HOUR


def berlin(week=WEEKDAYS, **others) -> Calendar:
    return Calendar("Europe/Berlin", week, **others)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # Berlin is UTC+1 in November: 08:00-18:00 is 07:00Z-17:00Z. The 24th is a Tuesday.
        ("2026-11-24T07:00", "2026-11-24T17:00", 10),
        ("2026-11-24T03:00", "2026-11-24T23:00", 10),
        ("2026-11-24T08:30", "2026-11-24T09:00", 0.5),
        ("2026-11-24T16:30", "2026-11-25T07:15", 0.75),
        ("2026-11-24T17:00", "2026-11-25T07:00", 0),
        ("2026-11-24T18:00", "2026-11-25T06:00", 0),
        ("2026-11-24T09:00", "2026-11-24T09:00", 0),
        # Friday 17:00 to Monday 09:00.
        ("2026-11-27T16:00", "2026-11-30T08:00", 2),
        # Nothing but a weekend.
        ("2026-11-27T23:00", "2026-11-29T23:00", 0),
    ],
)
def test_only_business_hours_count(start, end, expected):
    assert hours(berlin(), start, end) == expected


@pytest.mark.parametrize(
    ("calendar", "start", "end", "expected"),
    [
        # Friday 2 October 17:00 to Sunday the 4th 09:00 (summer time); the 3rd is German Unity Day.
        (berlin(EVERY_DAY, holidays="DE"), "2026-10-02T15:00", "2026-10-04T07:00", 2),
        (berlin(EVERY_DAY), "2026-10-02T15:00", "2026-10-04T07:00", 12),
        # Thursday 24 December 17:00 to Monday the 28th 09:00; the 25th is a Friday.
        (berlin(holidays="DE"), "2026-12-24T16:00", "2026-12-28T08:00", 2),
        (berlin(), "2026-12-24T16:00", "2026-12-28T08:00", 12),
        (
            berlin(holidays="DE", free_days=frozenset({date(2026, 12, 24)})),
            *("2026-12-24T07:00", "2026-12-28T08:00", 1),
        ),
        # Corpus Christi, 4 June 2026, is a holiday in the west only.
        (berlin(holidays="DE-NW"), "2026-06-04T00:00", "2026-06-04T21:00", 0),
        (berlin(holidays="DE-BE"), "2026-06-04T00:00", "2026-06-04T21:00", 10),
        # Thursday 31 December 17:00 to Monday 4 January 09:00, over New Year's Day.
        (berlin(holidays="DE"), "2026-12-31T16:00", "2027-01-04T08:00", 2),
        # A holiday begins at midnight in the zone: 1 January 2027 in Berlin, 31 December in UTC.
        (berlin(ALL_WEEK, holidays="DE"), "2026-12-31T22:30", "2027-01-01T23:30", 1),
        # New York's 31 December goes on until 05:00Z on 1 January.
        (
            Calendar("America/New_York", holidays="US"),
            *("2026-12-31T23:00", "2027-01-01T12:00", 6),
        ),
        # Monday 28 February 2028 08:00 to Wednesday 1 March 08:00: the 29th is there.
        (berlin(), "2028-02-28T07:00", "2028-03-01T07:00", 20),
        # 261 weekdays in 2026, eight of them holidays in North Rhine-Westphalia.
        (berlin(holidays="DE-NW"), "2025-12-31T23:00", "2026-12-31T23:00", 2530),
    ],
)
def test_holidays_and_years_count_as_on_the_calendar(calendar, start, end, expected):
    assert hours(calendar, start, end) == expected


SPRING = ("2026-03-28T23:00", "2026-03-29T22:00")
"""Sunday 29 March in Berlin: 02:00 becomes 03:00."""
AUTUMN = ("2026-10-24T22:00", "2026-10-25T23:00")
"""Sunday 25 October in Berlin: 03:00 becomes 02:00."""


@pytest.mark.parametrize(
    ("opens", "closes", "spring", "autumn"),
    [
        ("00:00", "24:00", 23, 25),
        ("01:00", "04:00", 2, 4),
        ("02:00", "03:00", 0, 2),
        ("02:30", "03:30", 0.5, 1.5),
        ("01:30", "02:30", 0.5, 1.5),
        ("02:15", "02:45", 0, 1),
        ("08:00", "18:00", 10, 10),
    ],
)
def test_the_nights_on_which_clocks_change_have_their_true_length(opens, closes, spring, autumn):
    span = tuple(int(text[:2]) * 60 + int(text[3:]) for text in (opens, closes))
    calendar = berlin(((span,),) * 7)
    assert hours(calendar, *SPRING) == spring
    assert hours(calendar, *AUTUMN) == autumn


def test_of_an_hour_that_comes_twice_each_one_counts_by_itself():
    calendar = berlin((((2 * 60, 3 * 60),),) * 7)
    assert hours(calendar, "2026-10-25T00:15", "2026-10-25T00:45") == 0.5
    assert hours(calendar, "2026-10-25T01:15", "2026-10-25T01:45") == 0.5
    assert hours(calendar, "2026-10-25T00:45", "2026-10-25T01:15") == 0.5


def test_zones_whose_midnight_or_whole_day_is_left_out_are_measured_right():
    night = (((0, 2 * 60),),) * 7
    assert hours(Calendar("America/Sao_Paulo", night), "2018-11-04T02:00", "2018-11-05T02:00") == 1
    # Samoa had no Friday 30 December 2011: from Thursday 08:00 to Saturday 08:00 is a day.
    samoa = Calendar("Pacific/Apia", WEEKDAYS)
    assert hours(samoa, "2011-12-29T18:00", "2011-12-30T18:00") == 10


def test_several_spans_of_a_day_count_apart():
    calendar = berlin((((8 * 60, 12 * 60), (13 * 60, 18 * 60)),) * 7)
    assert hours(calendar, "2026-11-24T10:30", "2026-11-24T12:30") == 1


def test_a_week_without_hours_never_counts():
    assert hours(berlin(((),) * 7), "2026-01-01T00:00", "2028-01-01T00:00") == 0


@pytest.mark.parametrize("status", ["pending", "held", "resolved", "closed", "cancelled"])
def test_statuses_that_stop_the_clock_do_not_count(status):
    for calendar in (None, berlin()):
        assert hours(calendar, "2026-11-24T08:00", "2026-11-24T10:00", status) == 0


def test_without_a_calendar_every_second_counts_over_a_change_of_clocks():
    assert hours(None, *SPRING) == 23
    assert hours(None, *AUTUMN) == 25


def test_milliseconds_are_kept():
    clock = ServiceClock(calendar=berlin())
    told = ("2026-11-24T16:59:59.250Z", "2026-11-24T19:00:00.000Z")
    assert clock.seconds("inProgress", *told) == 0.75


def test_nonsensical_dates_take_no_time_to_measure():
    clock = ServiceClock(calendar=berlin(holidays="DE-NW"))
    begun = time.perf_counter()
    counted = clock.seconds("inProgress", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z")
    assert 0 < counted < 131 * 366 * 10 * HOUR
    assert time.perf_counter() - begun < 10


def test_a_clock_travels_to_worker_processes():
    clock = ServiceClock(calendar=berlin(holidays="DE-NW"), targets=(("critical", 4.0),))
    assert pickle.loads(pickle.dumps(clock)) == clock


def test_a_target_is_missed_when_events_prove_it_and_met_when_work_has_ended():
    clock = ServiceClock(targets=(("critical", 4.0 * HOUR),))
    assert clock.target("CRITICAL") == 4 * HOUR
    assert clock.target("Minor") is None
    assert clock.target(None) is None
    assert clock.missed("Critical", 4.0 * HOUR, "resolved") == 0
    assert clock.missed("Critical", 4.0 * HOUR, "inProgress") is None
    assert clock.missed("Critical", 4.1 * HOUR, "inProgress") == 1
    assert clock.missed("Critical", 4.1 * HOUR, "resolved") == 1
    assert clock.missed("Minor", 99.0 * HOUR, "resolved") is None


def test_a_ticket_that_waited_over_the_night_of_the_change_was_resolved_in_6_h_10_of_8_h():
    """Two hours' work, pending from 01:00 to 04:00 on the wall (two hours), then 4 h 10."""
    told = _history(
        ServiceClock(targets=(("major", 8.0 * HOUR),)),
        ("submitted", "2026-03-28T23:00:00+01:00"),
        ("inProgress", "2026-03-28T23:30:00+01:00"),
        ("pending", "2026-03-29T01:00:00+01:00"),
        ("inProgress", "2026-03-29T04:00:00+02:00"),
        ("resolved", "2026-03-29T08:10:00+02:00"),
    )
    ticket = told.tickets[0]
    assert ticket.service_seconds == 6 * HOUR + 600
    assert ticket.service_target_seconds == 8 * HOUR
    assert ticket.service_target_missed == 0
    assert [period.service_seconds for period in told.status_periods] == [
        *(1800, 5400, 0, 4 * HOUR + 600, None)
    ]
    assert "after 8 h 10 (6 h 10 of 8 h on the service clock)" in history_text(told)


def test_a_ticket_past_its_target_says_so():
    told = _history(
        ServiceClock(calendar=berlin(), targets=(("major", 1.0 * HOUR),)),
        ("submitted", "2026-11-24T07:00:00+01:00"),
        ("resolved", "2026-11-24T09:30:00+01:00"),
    )
    assert told.tickets[0].service_target_missed == 1
    assert "(1 h 30 of 1 h on the service clock, target missed)" in history_text(told)


def _history(clock: ServiceClock, *statuses: tuple[str, str]):
    log = MemoryLog()
    for number, (status, at) in enumerate(statuses):
        kind = "StatusChange" if number else "Create"
        ticket = {"id": "3180", "status": status, "severity": "Major", "statusChangeDate": at}
        body = {"eventId": str(number), "eventTime": at, "event": {"troubleTicket": ticket}}
        text = json.dumps(body).encode()
        log.append([new_event(str(number), text, event_type=f"TroubleTicket{kind}Event")])
    rules = Rules(clock=clock)
    return fold_ticket(
        "default", "3180", [view(one, one.body, rules.zone) for one in log.read()], rules
    )
