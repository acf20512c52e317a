"""Lives of tickets, with the timelines that an expert would write by hand: statuses and time."""

from store.history.clock import ServiceClock
from store.history.rules import Rules
from tests.hand_made import at, became, changes, life, notice, periods, timeline
from tests.property.lives import sent

NIGHT = "2026-10-24T"
MORNING = "2026-10-25T"


def test_a_ticket_reopened_twice():
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged", creationDate=at("08:00")),
            became("inProgress", "08:10", "2"),
            became("resolved", "09:00", "3"),
            became("reopened", "09:30", "4"),
            became("resolved", "10:00", "5"),
            became("inProgress", "12:00", "6"),
            became("resolved", "12:45", "7"),
            became("closed", "18:00", "8"),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 08:10:00 acknowledged → inProgress",
        "10-24 09:00:00 inProgress → resolved",
        "10-24 09:30:00 resolved → reopened",
        "10-24 10:00:00 reopened → resolved",
        "10-24 12:00:00 resolved → inProgress",
        "10-24 12:45:00 inProgress → resolved",
        "10-24 18:00:00 resolved → closed",
    ]
    assert periods(history) == [
        ("acknowledged", "10-24 08:00:00", 600.0),
        ("inProgress", "10-24 08:10:00", 3_000.0),
        ("resolved", "10-24 09:00:00", 1_800.0),
        ("reopened", "10-24 09:30:00", 1_800.0),
        ("resolved", "10-24 10:00:00", 7_200.0),
        ("inProgress", "10-24 12:00:00", 2_700.0),
        ("resolved", "10-24 12:45:00", 18_900.0),
        ("closed", "10-24 18:00:00", None),
    ]
    (ticket,) = history.tickets
    assert (ticket.reopen_count, ticket.bounce_count, ticket.is_open) == (2, 3, 0)
    assert (ticket.resolved_at, ticket.closed_at) == (at("12:45"), at("18:00"))
    assert ticket.seconds_to_resolution == 4.75 * 3_600
    # acknowledged and inProgress before the first resolution, reopened, inProgress again
    assert ticket.service_seconds == 600 + 3_000 + 1_800 + 2_700
    assert history.gaps == history.notices == []


def test_pending_over_the_night_on_which_the_clocks_go_back():
    # 22:00 to 06:00 by the clock on the wall in Berlin: nine hours.
    history = life(
        [
            notice("Create", "1", f"{NIGHT}20:00:00+02:00", status="acknowledged"),
            became("pending", at("20:00", NIGHT), "2"),
            sent(
                "TroubleTicketStatusChangeEvent",
                "3",
                {"status": "inProgress", "statusChangeDate": f"{MORNING}06:00:00+01:00"},
                eventTime=f"{MORNING}06:00:02",
            ),
            # Wall clock without zone, 08:30 and 02:30 (the first of two that night).
            notice("StatusChange", "4", f"{MORNING}08:30:00", status="resolved"),
            notice("AttributeValueChange", "5", f"{MORNING}02:30:00", severity="1"),
        ],
        Rules(zone="Europe/Berlin", clock=ServiceClock(stopped_by=frozenset({"pending"}))),
    )
    assert periods(history) == [
        ("acknowledged", "10-24 18:00:00", 7_200.0),
        ("pending", "10-24 20:00:00", 9 * 3_600.0),
        ("inProgress", "10-25 05:00:00", 2.5 * 3_600),
        ("resolved", "10-25 07:30:00", None),
    ]
    assert timeline(history) == [
        "10-24 18:00:00 created",
        "10-24 20:00:00 acknowledged → pending",
        "10-25 00:30:00 changed: severity",
        "10-25 05:00:00 pending → inProgress",
        "10-25 07:30:00 inProgress → resolved",
    ]
    assert [one.service_seconds for one in history.status_periods] == [7_200.0, 0.0, 9_000.0, None]
    assert history.tickets[0].service_seconds == 4.5 * 3_600
    assert history.tickets[0].seconds_to_resolution == 13.5 * 3_600


def test_status_change_and_resolved_for_one_transition_are_one_entry_with_two_witnesses():
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged"),
            became("inProgress", "08:05", "2"),
            became("resolved", "09:00", "3", resolutionDate=at("09:00")),
            became("resolved", "09:00", "3", "Resolved"),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 08:05:00 acknowledged → inProgress",
        "10-24 09:00:00 inProgress → resolved (2 witnesses)",
    ]
    assert history.tickets[0].conflicts == 0


def test_an_undated_resolved_told_late_beside_its_dated_status_change_is_the_same_entry():
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged"),
            notice("StatusChange", "2", "09:10", status="resolved", statusChangeDate=at("09:00")),
            notice("Resolved", "3", "09:10:04", status="resolved"),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 09:00:00 acknowledged → resolved (2 witnesses) [illegal_transition]",
    ]


def test_resolved_arrives_before_created():
    told = [
        became("resolved", "09:00", "3", "Resolved", resolutionDate=at("08:59")),
        notice(
            "Create", "1", "08:00", status="acknowledged", creationDate=at("08:00"), name="dead"
        ),
        became("inProgress", "08:05", "2"),
    ]
    assert timeline(life(told)) == [
        "10-24 08:00:00 created",
        "10-24 08:05:00 acknowledged → inProgress",
        "10-24 09:00:00 inProgress → resolved",
    ]
    before = life(told[:1])
    assert timeline(before) == ["10-24 09:00:00 resolved"]
    assert [one.kind for one in before.notices] == ["never_created"]
    assert before.gaps == []


def test_a_create_long_after_the_fact_tells_the_whole_history_and_proves_no_gap():
    history = life(
        [
            notice(
                "Create",
                "1",
                "18:00",
                status="pending",
                creationDate=at("08:00"),
                statusChangeHistory=changes(
                    ("acknowledged", "08:00"), ("inProgress", "09:00"), ("pending", "10:00")
                ),
            ),
            became("resolved", "20:00", "2"),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 acknowledged (inferred)",
        "10-24 09:00:00 acknowledged → inProgress (inferred)",
        "10-24 10:00:00 created",
        "10-24 20:00:00 pending → resolved",
    ]
    assert [one.status for one in history.status_periods] == [
        *("acknowledged", "inProgress", "pending", "resolved"),
    ]
    assert history.gaps == []
    assert history.tickets[0].created_at == at("08:00")


def test_events_for_a_ticket_never_created_say_so_and_the_first_proof_is_a_gap():
    history = life(
        [
            became(
                "pending",
                "10:00",
                "1",
                statusChangeHistory=changes(("inProgress", "09:00"), ("pending", "10:00")),
            ),
            notice("AttributeValueChange", "2", "10:30", severity="2"),
        ]
    )
    assert timeline(history) == [
        "10-24 09:00:00 inProgress (inferred) [gap]",
        "10-24 10:00:00 inProgress → pending",
        "10-24 10:30:00 changed: severity",
    ]
    assert [one.kind for one in history.notices] == ["never_created"]
    assert [(one.status, one.at) for one in history.gaps] == [("inProgress", at("09:00"))]


def test_a_v4_sender_is_read_by_its_own_names():
    history = life(
        [
            sent(
                "TroubleTicketCreateEvent",
                "1",
                {"status": "Acknowledged", "creationDate": at("08:00"), "externalId": "X-1"},
                timeOcurred=at("08:00"),
                eventTime=at("08:01"),
            ),
            sent(
                "TroubleTicketStatusChangeEvent",
                "2",
                {
                    "status": "Pending",
                    "statusChange": [
                        {"status": "Acknowledged", "changeDate": at("08:00")},
                        {
                            "status": "InProgress",
                            "changeDate": at("08:30"),
                            "changeReason": "begun",
                        },
                        {"status": "Pending", "changeDate": at("09:00"), "changeReason": "parts"},
                    ],
                    "relatedParty": [{"id": "7", "role": "buyer", "@referredType": "Organization"}],
                },
                eventTime=at("09:00:02"),
            ),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 08:30:00 acknowledged → inProgress (inferred) [gap]",
        "10-24 09:00:00 inProgress → pending",
    ]
    assert [one.reason for one in history.status_periods] == [None, "begun", None]
    assert [one.id for one in history.external_ids] == ["X-1"]
    assert [(one.role, one.id) for one in history.parties] == [("buyer", "7")]


def test_a_status_left_and_come_back_to_is_proven_by_its_new_date():
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged"),
            became("pending", "09:00", "2"),
            notice(
                *("AttributeValueChange", "3", "12:00"),
                severity="1",
                status="pending",
                statusChangeDate=at("11:00"),
            ),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 09:00:00 acknowledged → pending",
        "10-24 11:00:00 pending, left and come back to (inferred) [gap]",
        "10-24 12:00:00 changed: severity",
    ]


def test_two_quick_changes_back_and_forth_are_not_taken_for_one():
    # Undated, within five minutes, what was between them is lost and shows in passing.
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged"),
            notice("StatusChange", "2", "09:00", status="pending"),
            notice("AttributeValueChange", "3", "09:01:30", severity="1", status="inProgress"),
            notice("StatusChange", "4", "09:03", status="pending"),
        ]
    )
    assert [status for status, *_ in periods(history)] == [
        *("acknowledged", "pending", "inProgress", "pending"),
    ]
