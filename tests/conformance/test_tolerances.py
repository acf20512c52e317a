"""What real senders do and a tolerant source may do: taken, placed rightly, noted as drift."""

import pytest

from receiver.drift import DRIFT
from receiver.limits import Limits
from receiver.sources import SourceRules
from store.payload import messages, milestones, payload_of
from tests.edge import edge, event_of, named, ticket_event

STATUS = "TroubleTicketStatusChangeEvent"
PATH = "/listener/troubleTicketStatusChangeEvent"
TICKET = {"@type": "TroubleTicket", "id": "TT-1", "status": "pending"}


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("troubleticketstatuschangeevent", STATUS),
        ("TROUBLETICKETSTATUSCHANGEEVENT", STATUS),
        ("troubleTicketStateChangeEvent", STATUS),
        ("TroubleTicketStateChangeNotification", STATUS),
        ("TroubleTicketCreationNotification", "TroubleTicketCreateEvent"),
        ("TroubleTicketCreateEventForCase", "TroubleTicketCreateEvent"),
        ("TroubleTicketRemoveNotification", "TroubleTicketDeleteEvent"),
        ("TroubleTicketAttributeChangeEvent", "TroubleTicketAttributeValueChangeEvent"),
        ("TroubleTicketJeopardyEvent", "TroubleTicketJeopardyAlertEvent"),
        ("CancelTroubleTicketStatusChangeEvent", "CancelTroubleTicketStateChangeEvent"),
        (
            "troubleTicketSpecificationStateChangeNotification",
            "TroubleTicketSpecificationStatusChangeEvent",
        ),
    ],
)
def test_the_bare_callback_understands_spellings_of_the_event_type(spelling, name):
    with edge() as here:
        body = event_of(name, **{"@type": spelling, "eventType": name})
        assert here.drift_of("/listener", body) == ("type-spelling /@type",)
        assert here.last().event_type == name


def test_the_bare_callback_falls_back_on_event_type_and_refuses_what_names_none():
    with edge() as here:
        body = event_of(STATUS, **{"@type": "Troubleticket"})
        assert here.drift_of("/listener", body) == ("type-contradiction /@type",)
        body |= {"eventType": "CXJAD"}
        assert here.reasons_for("/listener", body) == [("unknown-type", "/@type")]


def test_the_path_outweighs_what_the_body_says():
    with edge() as here:
        body = event_of(STATUS, **{"@type": "TroubleTicketCreateEvent", "eventType": "CXJAD"})
        assert here.drift_of(PATH, body) == (
            "type-contradiction /@type",
            "type-contradiction /eventType",
        )
        assert here.last().event_type == STATUS


def test_missing_envelope_members_are_drift_and_the_digest_is_the_id():
    with edge() as here:
        drift = here.drift_of(PATH, {"event": {"troubleTicket": TICKET}})
        assert drift == (
            "missing /@type",
            "missing /eventId",
            "missing /eventTime",
            "missing /eventType",
        )
        event = here.last()
        assert event.event_id == event.digest
        assert event.occurred_at == event.received_at
        assert event.event_time is None


@pytest.mark.parametrize(
    ("members", "event_id"),
    [
        ({"eventUuid": "u-1", "id": "e-1"}, "u-1"),
        ({"id": "e-1"}, "e-1"),
        ({"eventId": 4711}, "4711"),
        ({"eventId": "", "id": "e-1"}, "e-1"),
        ({"eventId": None, "eventUuid": "u-1"}, "u-1"),
        ({"eventId": "Ü\u0000 😀/;'"}, "Ü\u0000 😀/;'"),
    ],
)
def test_the_event_id_is_found_under_other_names(members, event_id):
    with edge() as here:
        here.drift_of(PATH, ticket_event({}) | {"eventId": None} | members)
        assert here.last().event_id == event_id


@pytest.mark.parametrize(
    ("members", "occurred_at", "drift"),
    [
        ({"timeOccurred": "2026-01-02T03:04:05+01:00"}, "2026-01-02T02:04:05.000Z", ()),
        (
            {"timeOcurred": "2026-01-02T03:04:05Z"},
            "2026-01-02T03:04:05.000Z",
            ("v4-name /timeOcurred",),
        ),
        ({"timeOccurred": "2026-01-02T03:04Z"}, "2026-01-02T03:04:00.000Z", ()),
        (
            {"timeOccurred": "2026-07-02T03:04:05"},
            "2026-07-02T01:04:05.000Z",
            ("no-zone /timeOccurred",),
        ),
        (
            {"timeOccurred": "2026-01-02T03:04:422Z0"},
            "2026-11-02T08:00:02.000Z",
            ("unreadable-time /timeOccurred",),
        ),
        (
            {"timeOccurred": "2026-02-30T00:00:00Z"},
            "2026-11-02T08:00:02.000Z",
            ("unreadable-time /timeOccurred",),
        ),
        ({"timeOccurred": ""}, "2026-11-02T08:00:02.000Z", ("empty /timeOccurred",)),
    ],
)
def test_times_are_read_or_the_next_best_is_taken(members, occurred_at, drift):
    with edge() as here:
        assert here.drift_of(PATH, ticket_event({}, **members)) == drift
        assert here.last().occurred_at == occurred_at


def test_a_time_without_zone_is_read_in_the_zone_of_its_source():
    with edge(rules=SourceRules(time_zone="America/New_York")) as here:
        here.drift_of(PATH, ticket_event({}, eventTime="2026-01-02T03:00:00"))
        assert here.last().event_time == "2026-01-02T08:00:00.000Z"


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        ({"troubleTickett": TICKET}, "/event/troubleTickett"),
        ({"troubleticket": TICKET}, "/event/troubleticket"),
        ({"ticket": TICKET}, "/event/ticket"),
        ({"troubleTicket": [TICKET]}, "/event/troubleTicket/0"),
        ([{"troubleTicket": TICKET}], "/event/0/troubleTicket"),
        (TICKET, "/event"),
        (TICKET | {"channel": {"id": "c"}}, "/event"),
        ({"id": "TT-1"}, "/event"),
        (
            {"milestone": {"name": "m", "troubleTicket": {"id": "TT-1"}}},
            "/event/milestone/troubleTicket",
        ),
    ],
)
def test_the_payload_is_found_wherever_it_was_put(event, pointer):
    with edge() as here:
        drift = here.drift_of(PATH, event_of(STATUS, event=event))
        assert drift == (f"payload-place {pointer}",)
        assert here.last().ticket_id == "TT-1"


def test_an_id_and_a_status_beside_the_ticket_are_read_into_it():
    event = {"id": "TT-1", "status": "pending", "troubleTicket": {"name": "n"}}
    with edge() as here:
        assert here.drift_of(PATH, event_of(STATUS, event=event)) == ()
        assert here.last().ticket_id == "TT-1"
    assert payload_of(STATUS, {"event": event}) == (
        "/event/troubleTicket",
        {"id": "TT-1", "status": "pending", "name": "n"},
    )


def test_a_resource_beside_the_envelope_is_found_and_the_events_id_is_not_its_own():
    with edge() as here:
        body = event_of(STATUS, event=None, troubleTicket={"name": "n"}, id="TT-1", eventId="e")
        here.drift_of(PATH, body)
        assert here.last().ticket_id == "TT-1"
        body |= {"eventId": "TT-1"}
        assert here.reasons_for(PATH, body) == [("missing", "/troubleTicket/id")]


def test_several_resources_in_one_event_are_refused():
    with edge() as here:
        body = event_of(STATUS, event={"troubleTicket": [TICKET, TICKET]})
        assert here.reasons_for(PATH, body) == [("missing", "/event/troubleTicket")]


def test_another_kind_of_resource_is_not_taken_for_a_misspelt_ticket():
    with edge() as here:
        body = event_of(STATUS, event={"troubleTicketSpecification": {"id": "S"}})
        assert here.reasons_for(PATH, body) == [("missing", "/event/troubleTicket")]


@pytest.mark.parametrize(
    ("resource", "drift"),
    [
        ({"id": 3180}, "number-for-string /event/troubleTicket/id"),
        ({"severity": 2}, "number-for-string /event/troubleTicket/severity"),
        ({"status": "Work In Progress"}, "unknown-status /event/troubleTicket/status"),
        ({"status": ""}, "empty /event/troubleTicket/status"),
        ({"status": 3}, "number-for-string /event/troubleTicket/status"),
        ({"statusChangeReason": 18}, "number-for-string /event/troubleTicket/statusChangeReason"),
        (
            {"statusChangeReason": {"code": 18}},
            "number-for-string /event/troubleTicket/statusChangeReason/code",
        ),
        (
            {"statusChangeReason": ["text", {"code": 18}]},
            "number-for-string /event/troubleTicket/statusChangeReason/1/code",
        ),
        ({"channel": ""}, "empty /event/troubleTicket/channel"),
        ({"creationDate": "soon"}, "unreadable-time /event/troubleTicket/creationDate"),
        ({"note": [{"date": "2026-01-02T03:04:05"}]}, "no-zone /event/troubleTicket/note/0/date"),
        ({"relatedEntity": [{"id": "1"}]}, "v4-name /event/troubleTicket/relatedEntity"),
    ],
)
def test_odd_members_are_kept_and_noted(resource, drift):
    with edge() as here:
        assert here.drift_of(PATH, ticket_event(resource)) == (drift,)


@pytest.mark.parametrize(
    "resource",
    [
        {"status": None, "note": None, "channel": None, "statusChangeReason": None},
        {"state": "pending", "stateChangeMessage": [{"code": "0018", "text": "t"}]},
        {"statusChangeReason": {"code": "0018", "text": "t"}},
        {"x-own": {"deep": [1, {"a": None}]}, "@type": "OwnTicket", "note": [{"own": 1}]},
        {"@type": "FaultTicket", "expressFaultResolution": True, "agreement": [{"id": "a"}]},
        {"milestone": [{"name": "m", "milestoneMessage": {"code": "1", "text": "t"}}]},
        {"troubleTicketJeopardyAlert": [{"exception": "e", "alertDate": "2026-01-01T00:00Z"}]},
        {"severity": "", "name": ""},
    ],
)
def test_what_tmf_and_fit_allow_is_no_drift(resource):
    with edge() as here:
        assert here.drift_of(PATH, ticket_event(resource)) == ()


@pytest.mark.parametrize(
    ("resource", "pointer"),
    [
        ({"status": {}}, "status"),
        ({"id": {}}, "id"),
        ({"id": True}, "id"),
        ({"status": True}, "status"),
        ({"note": "x"}, "note"),
        ({"note": ["x"]}, "note/0"),
        ({"note": [{"text": "a"}, {"text": []}]}, "note/1/text"),
        ({"relatedParty": [{"partyOrPartyRole": "p"}]}, "relatedParty/0/partyOrPartyRole"),
        ({"statusChangeReason": [{"code": {}}]}, "statusChangeReason/0/code"),
        ({"statusChangeReason": {"code": {}}}, "statusChangeReason/code"),
        ({"@type": "FaultTicket", "expressFaultResolution": {}}, "expressFaultResolution"),
        ({"milestone": {"name": 1}}, "milestone"),
    ],
)
def test_known_members_of_the_wrong_type_are_refused(resource, pointer):
    with edge() as here:
        reasons = here.reasons_for(PATH, ticket_event(resource))
        assert reasons == [("wrong-type", f"/event/troubleTicket/{pointer}")]


def test_a_task_without_id_is_named_by_its_ticket_and_date():
    line = named("CancelTroubleTicketStateChangeEvent")
    body = event_of(line)
    del body["event"]["cancelTroubleTicket"]["id"]
    with edge() as here:
        drift = here.drift_of(f"/listener/{line.path}", body)
        assert drift == ("derived-id /event/cancelTroubleTicket/id",)
        assert here.last().resource_id == "TT-1001/2026-11-02T09:00:00+01:00"
        assert here.last().ticket_id == "TT-1001"


@pytest.mark.parametrize(
    ("task", "ticket_id"),
    [
        ({"troubleTicket": {"id": "T"}, "entity": {"id": "E"}}, "T"),
        ({"troubleTicket": "T"}, "T"),
        ({"entity": {"id": "E"}}, "E"),
        ({"entity": {"id": "E", "@referredType": "TroubleTicket"}}, "E"),
        ({"entity": {"id": "E", "@referredType": "ProductOrder"}}, None),
        ({}, None),
    ],
)
def test_a_task_belongs_to_the_ticket_it_names(task, ticket_id):
    line = named("InflightChangeTroubleTicketStateChangeEvent")
    body = event_of(line, event={line.member: {"id": "K", **task}})
    with edge() as here:
        answer = here.send(f"/listener/{line.path}", body)
        if task.get("troubleTicket") == "T":
            assert answer.status_code == 400
        else:
            assert (here.last().resource_id, here.last().ticket_id) == ("K", ticket_id)


def test_information_required_may_be_one_patch_or_many_and_its_words_are_checked():
    line = named("TroubleTicketInformationRequiredEvent")
    path = f"/listener/{line.path}"
    with edge() as here:
        for asked in ({"op": "add", "path": "/a"}, [{"op": "test", "path": "a.b"}], []):
            event = {"troubleTicket": TICKET, "informationRequired": asked}
            assert here.drift_of(path, event_of(line, event=event)) == ()
        event["informationRequired"] = [{"op": "missing", "path": "a"}]
        drift = here.drift_of(path, event_of(line, event=event))
        assert drift == ("unknown-value /event/informationRequired/0/op",)
        event["informationRequired"] = [{"op": "add", "path": {}}]
        reasons = here.reasons_for(path, event_of(line, event=event))
        assert reasons == [("wrong-type", "/event/informationRequired/0/path")]


def test_ids_longer_than_a_thousand_characters_are_refused():
    with edge() as here:
        assert here.send(PATH, ticket_event({"id": "x" * 1_000})).status_code == 204
        assert here.reasons_for(PATH, ticket_event({"id": "x" * 1_001})) == [
            ("too-long", "/event/troubleTicket/id")
        ]
        assert here.reasons_for(PATH, ticket_event({}, eventId="x" * 1_001)) == [
            ("too-long", "/eventId")
        ]


def test_a_member_told_twice_is_noted_and_the_bytes_stay():
    body = b'{"event": {"troubleTicket": {"id": "1", "name": "a", "name": "b"}}}'
    with edge() as here:
        assert "duplicate-member" in here.drift_of(PATH, body)
        assert here.last().body == body
        colons = b'{"event": {"troubleTicket": {"id": "1", "name": "a\\u003ab"}}}'
        assert "duplicate-member" not in here.drift_of(PATH, colons)


def test_depth_bombs_and_enormous_numbers_are_refused_politely():
    with edge() as here:
        for bomb in (b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 100_000 + b"}"):
            assert here.reasons_for(PATH, bomb) == [("not-json", "")]


def test_a_body_full_of_problems_tells_only_some_of_them():
    with edge(limits=Limits(json_members=200_000)) as here:
        reasons = here.reasons_for(PATH, ticket_event({"note": [7] * 200}))
        assert len(reasons) == 50
        reasons = here.reasons_for(PATH, ticket_event({"note": [7] * 100_000}))
        assert reasons == [("too-many-problems", "/event/troubleTicket")]


def test_every_drift_code_that_is_noted_is_in_the_table():
    for code in DRIFT:
        assert code == code.lower()
        assert " " not in code


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"eventId": None}, "missing", "/eventId"),
        ({"eventTime": None}, "missing", "/eventTime"),
        ({"eventType": None}, "missing", "/eventType"),
        ({"@type": None}, "missing", "/@type"),
        ({"eventTime": "2026-01-02T03:04:05"}, "no-zone", "/eventTime"),
        ({"eventTime": "yesterday"}, "unreadable-time", "/eventTime"),
        ({"eventType": "TroubleTicketCreateEvent"}, "type-contradiction", "/eventType"),
        ({"eventId": 7}, "number-for-string", "/eventId"),
    ],
)
def test_a_strict_source_is_refused_what_fit_requires(changes, code, pointer):
    with edge(rules=SourceRules(validation="strict")) as here:
        assert here.send(PATH, ticket_event({}) | {"@type": STATUS}).status_code == 204
        body = {k: v for k, v in (ticket_event({}) | changes).items() if v is not None}
        assert here.reasons_for(PATH, body) == [(code, pointer)]


@pytest.mark.parametrize("status", ["InProgress", "reopened", "On-Hold"])
def test_a_strict_source_is_refused_a_status_outside_the_enumeration(status):
    with edge(rules=SourceRules(validation="strict")) as here:
        reasons = here.reasons_for(PATH, ticket_event({"status": status}))
        assert reasons == [("unknown-status", "/event/troubleTicket/status")]
    line = named("CancelTroubleTicketStateChangeEvent")
    body = event_of(line)
    body["event"]["cancelTroubleTicket"]["state"] = status
    with edge(rules=SourceRules(validation="strict")) as here:
        reasons = here.reasons_for(f"/listener/{line.path}", body)
        assert reasons == [("unknown-status", "/event/cancelTroubleTicket/state")]


def test_fits_messages_are_read_as_code_and_text():
    assert messages([{"code": "0018", "text": "t"}, "plain", {"code": 18}]) == [
        {"code": "0018", "text": "t"},
        {"code": "", "text": "plain"},
        {"code": "18", "text": ""},
    ]


def test_milestones_are_found_in_the_ticket_and_beside_it():
    alert = {"name": "m", "milestoneDate": "2026-01-01T00:00Z"}
    resource = {"id": "1", "troubleTicketMilestone": [alert]}
    assert milestones(resource, {"troubleTicket": resource, "milestone": alert}) == [alert]
    assert milestones({"id": "1"}, {"troubleTicket": {"id": "1"}, "milestone": alert}) == [alert]
