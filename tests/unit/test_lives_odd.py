"""Lives of tickets, with the timelines that an expert would write by hand: what is odd."""

import json
from pathlib import Path

import pytest

from tests.hand_made import at, became, life, notice, periods, timeline
from tests.property.lives import CANCEL, CHANGE, Sent, sent, task

PAYLOADS = Path(__file__).parents[3] / "shared" / "reference" / "payloads"


def test_a_ticket_cancelled_by_a_task():
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged"),
            task(
                CANCEL,
                "2",
                {"id": "c1", "state": "acknowledged", "requestDate": at("08:30")},
                at("08:31"),
            ),
            task(CANCEL, "3", {"id": "c1", "state": "inProgress"}, at("08:40")),
            task(CANCEL, "4", {"id": "c1", "state": "done", "troubleTicket": None}, at("08:50")),
            became("cancelled", "08:50", "5"),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 08:31:00 cancellation acknowledged",
        "10-24 08:40:00 cancellation inProgress",
        "10-24 08:50:00 acknowledged → cancelled",
        "10-24 08:50:00 cancellation done",
    ]
    (cancellation,) = history.tasks
    assert (cancellation.state, cancellation.is_open, cancellation.seconds) == ("done", 0, 1_200.0)
    assert [(one.state, one.at) for one in history.task_states] == [
        *(("acknowledged", at("08:31")), ("inProgress", at("08:40")), ("done", at("08:50"))),
    ]
    assert (history.tickets[0].status, history.tickets[0].is_open) == ("cancelled", 0)


def test_states_of_a_task_that_its_events_told_are_not_inferred_from_its_history():
    past = [
        {"state": "acknowledged", "stateChangeDate": at("08:30")},
        {"state": "inProgress", "stateChangeDate": at("08:40")},
        {"state": "done", "stateChangeDate": at("08:50")},
    ]
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged"),
            task(CHANGE, "2", {"id": "i1", "state": "acknowledged"}, at("08:30:05")),
            task(
                CHANGE,
                "3",
                {"id": "i1", "state": "done", "stateChangeHistory": past},
                at("08:50:05"),
            ),
        ]
    )
    assert [(one.state, one.at, one.provenance) for one in history.task_states] == [
        ("acknowledged", at("08:30:05"), "received"),
        ("inProgress", at("08:40"), "inferred"),
        ("done", at("08:50"), "received"),
    ]


def test_one_id_with_two_contents_is_two_events_marked_as_conflict():
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged", severity="2"),
            notice("AttributeValueChange", "2", "09:00", severity="1"),
            notice("AttributeValueChange", "2", "10:00", severity="3"),
            # The same id for another type of event is no conflict: official examples do so.
            notice(
                "Milestone", "2", "11:00", troubleTicketMilestone=[{"id": "m", "name": "on site"}]
            ),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 09:00:00 changed: severity [conflict]",
        "10-24 10:00:00 changed: severity [conflict]",
        "10-24 11:00:00 milestone: on site",
    ]
    assert [
        (one.before, one.after) for one in sorted(history.changes, key=lambda one: str(one.after))
    ] == [
        *(('"2"', '"1"'), ('"1"', '"3"')),
    ]
    assert (history.tickets[0].severity, history.tickets[0].conflicts) == ("3", 2)


def test_an_alias_is_told_once():
    first = became("pending", "09:00", "a")
    again = first.saying(first.document | {"eventId": "b", "correlationId": "other"})
    history = life(
        [
            notice("Create", "1", "08:00", status="acknowledged"),
            first,
            Sent(first.event_type, "b", again.body),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 09:00:00 acknowledged → pending [alias]",
    ]
    assert (history.tickets[0].aliases, history.tickets[0].events) == (1, 2)


def test_the_same_said_again_at_another_time_is_no_alias():
    # timeOccurred is there and says nothing, so eventTime is when it happened.
    history = life(
        [
            sent(
                "TroubleTicketStatusChangeEvent",
                name,
                {"status": status},
                timeOccurred="",
                eventTime=at(time),
            )
            for name, status, time in (
                ("1", "pending", "08:00"),
                ("2", "held", "09:00"),
                ("3", "pending", "10:00"),
            )
        ]
    )
    assert [status for status, *_ in periods(history)] == ["pending", "held", "pending"]


def test_delete_before_create():
    told = [
        notice("Delete", "9", "12:00"),
        notice("Create", "1", "08:00", status="acknowledged", creationDate=at("08:00")),
    ]
    history = life(told)
    assert timeline(history) == ["10-24 08:00:00 created", "10-24 12:00:00 deleted"]
    assert periods(history) == [("acknowledged", "10-24 08:00:00", 14_400.0)]
    assert (history.tickets[0].deleted_at, history.tickets[0].is_open) == (at("12:00"), 0)
    alone = life(told[:1])
    assert timeline(alone) == ["10-24 12:00:00 deleted"]
    assert [one.kind for one in alone.notices] == ["never_created"]


def test_a_create_told_after_the_delete_does_not_bring_the_ticket_back():
    told_late = life(
        [
            notice("Delete", "9", "12:00"),
            notice("Create", "1", "13:00", status="acknowledged", creationDate=at("08:00")),
        ]
    )
    assert told_late.tickets[0].deleted_at == at("12:00")
    created_again = life(
        [
            notice("Delete", "9", "12:00"),
            notice("Create", "1", "13:00", status="acknowledged", creationDate=at("13:00")),
        ]
    )
    assert created_again.tickets[0].deleted_at is None


def test_thin_events_say_that_something_happened_and_no_more():
    # MEF sends the id alone; on resolved it sends both events.
    history = life(
        [
            notice("Create", "1", "08:00"),
            notice("AttributeValueChange", "2", "08:30"),
            notice("StatusChange", "3", "09:00"),
            notice("StatusChange", "4", "10:00"),
            notice("Resolved", "5", "10:00:01"),
            notice("InformationRequired", "6", "10:30"),
        ]
    )
    assert timeline(history) == [
        "10-24 08:00:00 created",
        "10-24 08:30:00 told again, nothing new",
        "10-24 09:00:00 status changed, not told to what",
        "10-24 10:00:00 status changed, not told to what",
        "10-24 10:00:01 resolved",
        "10-24 10:30:00 asked for: not told what",
    ]
    assert (history.tickets[0].status, history.tickets[0].resolved_at) == (
        "resolved",
        at("10:00:01"),
    )


def test_lists_with_ids_tell_what_was_added_removed_and_changed_and_others_are_replaced():
    history = life(
        [
            notice(
                *("Create", "1", "08:00"),
                note=[{"id": "1", "text": "a"}, {"id": "2", "text": "b"}],
                attachment=[{"name": "x"}],
                description="dead",
            ),
            notice(
                *("AttributeValueChange", "2", "09:00"),
                note=[{"id": "2", "text": "B"}, {"id": "3", "text": "c"}],
                attachment=[{"name": "y"}],
                description=None,
            ),
        ]
    )
    found = [(one.member, one.item, one.action, one.before, one.after) for one in history.changes]
    assert sorted(found, key=str) == [
        ("attachment", None, "changed", '[{"name":"x"}]', '[{"name":"y"}]'),
        ("description", None, "cleared", '"dead"', None),
        ("note", "1", "removed", '{"id":"1","text":"a"}', None),
        ("note", "2", "changed", '{"id":"2","text":"b"}', '{"id":"2","text":"B"}'),
        ("note", "3", "added", None, '{"id":"3","text":"c"}'),
    ]
    # A note once told was told, even if the list has lost it.
    assert [
        (one.id, one.text, one.at) for one in sorted(history.notes, key=lambda one: one.id or "")
    ] == [
        *(("1", "a", at("08:00")), ("2", "B", at("08:00")), ("3", "c", at("09:00"))),
    ]


def test_as_of_shows_a_change_from_when_it_happened_not_from_when_it_was_told():
    told = [
        notice("Create", "1", "08:00", status="acknowledged", severity="2"),
        notice(
            "StatusChange",
            "2",
            "12:00",
            status="pending",
            statusChangeDate=at("10:00"),
            severity="1",
        ),
        became("resolved", "14:00", "3"),
    ]
    then = life(told, as_of=at("11:00"))
    assert timeline(then) == [
        "10-24 08:00:00 created",
        "10-24 10:00:00 acknowledged → pending",
    ]
    assert periods(then) == [
        ("acknowledged", "10-24 08:00:00", 7_200.0),
        ("pending", "10-24 10:00:00", None),
    ]
    assert (then.tickets[0].status, then.tickets[0].severity) == ("pending", "2")
    assert life(told, as_of=at("10:00")).tickets[0].status == "pending"
    assert life(told, as_of=at("09:59:59")).tickets[0].status == "acknowledged"


def test_the_ticket_of_the_official_samples():
    if not PAYLOADS.is_dir():
        pytest.skip(f"the official samples are not here ({PAYLOADS})")
    kinds = (
        "Create",
        "AttributeValueChange",
        "StatusChange",
        "Resolved",
        "InformationRequired",
        "Delete",
    )
    told = []
    for kind in kinds:
        body = (PAYLOADS / f"oas621v5_TroubleTicket{kind}Event_request.json").read_bytes()
        told.append(Sent(f"TroubleTicket{kind}Event", json.loads(body)["eventId"], body))
    history = life(told)
    assert timeline(history) == [
        "05-28 07:34:45 acknowledged (inferred)",
        "05-28 08:34:45 acknowledged → inProgress (inferred)",
        "05-29 07:34:45 inProgress → pending (inferred)",
        "05-31 07:34:45 created",
        "08-25 12:18:07 asked for: attachment",
        "08-25 12:18:07 deleted",
        "08-25 12:18:08 resolved → pending [after_delete]",
        "08-25 12:18:10 pending → resolved [after_delete]",
        "08-25 12:18:11 changed: attachment [after_delete]",
    ]
    assert history.gaps == []
