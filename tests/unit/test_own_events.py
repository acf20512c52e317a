"""Our own events: made from a provider's answer, the same for the same state, folded as promised."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from receiver.consumers import query as queries
from receiver.events import EVENT_TYPES, EventTypes
from store import MemoryLog, open_log, open_reader
from store.history.follower import Follower
from store.log.identity import same_json
from store.own_events import OWN_TYPES, gone, reconciled, requested
from store.reconciling.certificates import certified
from store.replay.selection import Selected, Selection
from store.replay.targets import tmf
from tests.edge import edge
from tests.property.follow import RULES, empty, rows
from tests.property.lives import arrived, sent

ASKED = "2026-03-05T12:00:00.000Z"
TICKET = b"""{ "id": "T-1", "name": "line \\u00e4", "lastUpdate": "2026-03-05T10:00:00+01:00",
  "status": "pending", "statusChangeDate": "2026-03-05T09:00:00.000Z", "statusChangeHistory": [
  {"status": "acknowledged", "statusChangeDate": "2026-03-05T07:00:00.000Z"},
  {"status": "inProgress", "statusChangeDate": "2026-03-05T08:00:00.000Z"},
  {"status": "pending", "statusChangeDate": "2026-03-05T09:00:00.000Z"}], "severity": 1.0 }"""


def _read(resource=TICKET, resource_type="TroubleTicket", **members):
    told = {"source": "default", "path": "/troubleTicket/T-1", "asked_at": ASKED, **members}
    return reconciled(resource_type=resource_type, resource=resource, **told)


def _created(at="2026-03-05T07:00:00.000Z", number=0, **members):
    born = {"status": "acknowledged", "statusChangeDate": at, "creationDate": at, **members}
    return arrived(sent("TroubleTicketCreateEvent", "e1", born, timeOccurred=at), number)


def _told(status, at, number=1, **members):
    told = {"status": status, "statusChangeDate": at, **members}
    one = sent("TroubleTicketStatusChangeEvent", f"s{number}", told, timeOccurred=at)
    return arrived(one, number)


def _history(*events):
    log, history = MemoryLog(), empty()
    log.append(list(events))
    following = Follower(log, history, RULES)
    while following.step():
        pass
    return history


def test_the_answers_very_bytes_stand_in_the_event():
    event = _read()
    assert TICKET in event.body
    assert json.loads(event.body)["event"]["troubleTicket"] == json.loads(TICKET)
    assert (event.event_type, event.resource_id) == ("TroubleTicketReconciledEvent", "T-1")
    assert (event.ticket_id, event.received_at) == ("T-1", ASKED)
    assert event.occurred_at == "2026-03-05T09:00:00.000Z"


def test_the_same_state_read_twice_is_a_redelivery_and_another_state_is_not():
    first, log = _read(), MemoryLog()
    again = _read(asked_at="2026-03-06T00:00:00.000Z", window="other", path="/troubleTicket")
    assert same_json(first.body, again.body)
    other = _read(TICKET.replace(b"line", b"wire"))
    appended = log.append([first, again, other])
    assert [one.duplicate for one in appended] == [False, True, False]
    assert appended[2].conflict_of is None


@pytest.mark.parametrize(
    ("last_update", "after"),
    [
        ("2099-01-01T00:00:00Z", None),
        (None, None),
        ("2026-03-05T09:00:00Z", "2026-03-05T11:00:00Z"),
    ],
)
def test_where_its_own_date_cannot_be_it_was_so_when_we_asked(last_update, after):
    ticket = json.dumps({"id": "T-1", "lastUpdate": last_update}).encode()
    assert _read(ticket, after=after).occurred_at == ASKED


@pytest.mark.parametrize("answer", [b"", b"[]", b"<html>", b'{"name": "x"}', b'{"id": ""}'])
def test_an_answer_that_is_no_resource_is_no_event(answer):
    with pytest.raises(ValueError, match=r"JSON|id"):
        _read(answer)


def test_what_the_provider_answers_closes_gaps_and_becomes_reconciled_entries():
    past = json.loads(TICKET)["statusChangeHistory"]
    lost = _told("pending", "2026-03-05T09:00:00.000Z", statusChangeHistory=past)
    before = _history(_created(), lost)
    assert [one["status"] for one in rows(before, "gaps")] == ["inProgress"]
    history = _history(_created(), lost, _read())
    assert rows(history, "gaps") == []
    told = {(one["status_after"], one["provenance"]) for one in rows(history, "timeline")}
    assert {("inProgress", "reconciled"), ("pending", "received")} <= told
    periods = [(one["status"], one["provenance"]) for one in rows(history, "status_periods")]
    assert periods == [
        *(("acknowledged", "received"), ("inProgress", "reconciled"), ("pending", "received"))
    ]


def test_a_ticket_that_we_were_never_told_of_has_its_whole_life_from_the_answer():
    history = _history(_read())
    assert {one["provenance"] for one in rows(history, "timeline")} == {"reconciled"}
    assert [one["status"] for one in rows(history, "status_periods")] == [
        *("acknowledged", "inProgress", "pending")
    ]
    (ticket,) = rows(history, "tickets")
    assert (ticket["status"], ticket["open_gaps"], ticket["notices"]) == ("pending", 0, 0)
    assert rows(history, "changes") == []


def test_a_whole_answer_clears_what_it_does_not_name_and_a_part_of_one_does_not():
    created = _created(description="no line", senders_own="kept")
    for complete, expected in ((False, "no line"), (True, None)):
        (state,) = rows(_history(created, _read(complete=complete)), "states")
        told = json.loads(state["state"])
        assert (told.get("description"), told["senders_own"]) == (expected, "kept")


def test_a_status_that_was_left_and_taken_again_within_a_minute_is_what_the_answer_says():
    answers = [
        _read(b'{"id": "T-1", "status": "%s", "lastUpdate": "2026-03-05T09:00:%sZ"}' % one)
        for one in ((b"pending", b"00.000"), (b"acknowledged", b"30.000"))
    ]
    for known in ([answers[0]], answers, answers[::-1]):
        (ticket,) = rows(_history(_created(), *known), "tickets")
        assert ticket["status"] == ("pending" if known == [answers[0]] else "acknowledged")


def test_a_ticket_that_the_provider_no_longer_has_is_deleted_until_it_has_it_again():
    place = {"source": "default", "path": "/troubleTicket/T-1"}
    lost = gone(
        **place, resource_type="TroubleTicket", resource_id="T-1", status=404, asked_at=ASKED
    )
    (ticket,) = rows(_history(_created(), lost), "tickets")
    assert ticket["deleted_at"] == ASKED
    back = _read(asked_at="2026-03-06T00:00:00.000Z", after=ASKED)
    (ticket,) = rows(_history(_created(), lost, back), "tickets")
    assert ticket["deleted_at"] is None


def test_a_task_read_from_the_provider_has_its_states_reconciled_unless_they_were_told():
    task = {
        "id": "7",
        "state": "done",
        "stateChangeDate": "2026-03-05T09:00:00.000Z",
        "troubleTicket": {"id": "T-1"},
        "stateChangeHistory": [
            {"state": "acknowledged", "stateChangeDate": "2026-03-05T08:00:00.000Z"}
        ],
    }
    read = _read(json.dumps(task).encode(), "CancelTroubleTicket")
    history = _history(_created(), read)
    states = [(one["state"], one["provenance"]) for one in rows(history, "task_states")]
    assert sorted(states) == [("acknowledged", "reconciled"), ("done", "reconciled")]
    told = json.dumps(
        {"eventId": "c", "eventTime": ASKED, "event": {"cancelTroubleTicket": task}}
    ).encode()
    event_type = "CancelTroubleTicketStateChangeEvent"
    notified = replace(read, event_type=event_type, event_id="c", body=told)
    history = _history(_created(), read, notified)
    states = {one["state"]: one["provenance"] for one in rows(history, "task_states")}
    assert states["done"] == "received"


def test_a_request_is_an_entry_with_the_answer_and_changes_nothing():
    asked = requested(
        source="default",
        resource_type="CancelTroubleTicket",
        request=b'{"troubleTicket": {"id": "T-1"}, "state": "done"}',
        path="/cancelTroubleTicket",
        asked_at=ASKED,
        by="anna",
        status=201,
        answer=b'{"id": "7"}',
        ticket_id="T-1",
        resource_id="7",
    )
    history = _history(_created(), asked)
    (entry,) = [one for one in rows(history, "timeline") if one["provenance"] == "requested"]
    assert entry["title"] == "we asked for a cancellation: answered 201"
    assert rows(history, "tasks") == []
    assert rows(history, "status_periods") == rows(_history(_created()), "status_periods")
    assert rows(history, "states") == rows(_history(_created()), "states")
    told = json.loads(asked.body)
    assert told["requested"]["answer"] == {"id": "7"}


def test_a_request_that_got_no_ticket_is_an_event_of_no_history():
    asked = requested(
        source="default",
        resource_type="TroubleTicket",
        request=b'{"name": "no line"}',
        path="/troubleTicket",
        asked_at=ASKED,
        by="anna",
        answer=b"<html>Bad gateway</html>",
        status=502,
    )
    history = _history(asked)
    assert len(rows(history, "events")) == 1
    assert rows(history, "tickets") == rows(history, "specifications") == []
    assert json.loads(asked.body)["requested"]["answer"] == "<html>Bad gateway</html>"


def test_our_own_events_are_no_arrivals_of_their_source():
    quiet = _history(_created())
    read = _history(_created(), _read(asked_at="2027-09-09T00:00:00.000Z"))
    names = ("events", "last_received_at", "usual_gap_seconds", "lateness_median_seconds")
    (before,), (after,) = rows(quiet, "sources"), rows(read, "sources")
    assert [before[name] for name in names] == [after[name] for name in names]


@pytest.mark.parametrize("event_type", OWN_TYPES)
def test_nobody_can_send_us_an_event_of_our_own(event_type):
    body = {"@type": event_type, "eventId": "1", "event": {"troubleTicket": {"id": "T-1"}}}
    with edge() as door:
        path = f"/listener/{event_type[0].lower()}{event_type[1:]}"
        assert door.send(path, body).status_code == 404
        assert door.reasons_for("/listener", body) == [("unknown-type", "/@type")]
        assert list(door.log.read()) == []


def test_another_listener_is_not_sent_our_own_events_and_everybody_else_is(tmp_path):
    with closing(open_log(tmp_path)) as log:
        log.append([_created(), _read(), certified("default", b"{}", "default@now", ASKED)])
    wanted = {
        None: 3,
        tmf.where(None): 1,
        tmf.where("source = 'default' OR source = 'x'"): 1,
        tmf.where("source = 'x'"): 0,
    }
    for where, count in wanted.items():
        with closing(Selected(tmp_path, Selection(where=where))) as selected:
            assert selected.count() == count
    with closing(open_reader(tmp_path)) as reader:
        everything = queries.read(None, EventTypes(EVENT_TYPES))
        assert [everything.wants(event) for event in reader.read()] == [True, False, False]
