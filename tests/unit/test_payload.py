"""What the members of a resource say, whatever the spelling."""

import pytest

from store.payload import (
    external_ids,
    id_text,
    information_required,
    jeopardy_alerts,
    normal_status,
    notes,
    parties,
    reason_text,
    reference_id,
    relations,
    resource_type_of,
    status_date,
    status_history,
    status_of,
    status_reason,
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("inProgress", "inProgress"),
        ("InProgress", "inProgress"),
        ("In Progress", "inProgress"),
        ("WORK_IN_PROGRESS", "inProgress"),
        ("On-Hold", "held"),
        ("Canceled", "cancelled"),
        ("terminated with error", "terminatedWithError"),
        ("Waiting for Godot", "Waiting for Godot"),
        ("", ""),
    ],
)
def test_a_status_is_spelt_as_tmf_does_where_that_is_obvious(text, normal):
    assert normal_status(text) == normal


def test_status_date_and_reason_are_read_in_every_generation_of_names():
    v5 = {"status": "Pending", "statusChangeDate": "d", "statusChangeReason": "r"}
    fit = {
        "state": "pending",
        "stateChangeDate": "d",
        "stateChangeMessage": [{"code": "0018", "text": "r"}],
    }
    v4 = {"status": "pending", "changeDate": "d", "changeReason": "r"}
    for resource in (v5, fit, v4):
        assert status_of(resource) == "pending"
        assert status_date(resource) == "d"
    assert [status_reason(one) for one in (v5, fit, v4)] == ["r", "0018 r", "r"]
    assert status_of({"lifecycleStatus": "active"}) == "active"
    assert status_of({"status": None}) is None


def test_a_history_is_read_in_every_generation_of_names_and_what_is_no_change_is_left_out():
    change = {"status": "held", "statusChangeDate": "d", "statusChangeReason": "r"}
    old = {"status": "held", "changeDate": "d", "changeReason": "r"}
    fit = {"state": "held", "stateChangeDate": "d", "stateChangeMessage": {"text": "r"}}
    for name, item in [
        ("statusChangeHistory", change),
        ("statusChange", old),
        ("stateChangeHistory", fit),
    ]:
        assert status_history({name: [item, {}, "x", None]}) == [("held", "d", "r")]
    assert status_history({"statusChangeHistory": "x"}) == []


def test_parties_and_relations_are_read_nested_and_flat():
    person = {"id": "p", "name": "n", "@referredType": "Individual"}
    expected = {"role": "owner", "id": "p", "name": "n", "type": "Individual"}
    assert parties({"relatedParty": [{"role": "owner", "partyOrPartyRole": person}]}) == [expected]
    assert parties({"relatedParty": [{"role": "owner"} | person]}) == [expected]
    assert parties({"relatedParty": {"role": "owner"} | person}) == [expected]
    bill = {"role": "bill", "entity": {"id": "b", "@type": "EntityRef", "@referredType": "Bill"}}
    other = {"id": "t", "relationshipType": "dependency", "@referredType": "X"}
    assert relations({"relatedEntity": [bill], "troubleTicketRelationship": [other]}) == [
        {"role": "bill", "id": "b", "name": None, "type": "Bill"},
        {"role": "dependency", "id": "t", "name": None, "type": "TroubleTicket"},
    ]


def test_external_ids_and_notes_are_read_as_text():
    resource = {
        "externalIdentifier": [{"id": 7, "owner": "o", "externalIdentifierType": "k"}],
        "externalId": "x",
        "note": [{"id": 1, "author": "a", "date": "d", "text": "t"}, "x"],
    }
    assert external_ids(resource) == [
        {"id": "7", "owner": "o", "kind": "k"},
        {"id": "x", "owner": None, "kind": None},
    ]
    assert notes(resource) == [{"id": "1", "author": "a", "date": "d", "text": "t"}]


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        (
            {"informationRequired": {"op": "replace", "path": "/a", "value": 1}},
            [{"op": "replace", "path": "/a", "value": 1}],
        ),
        (
            {"informationRequired": [{"path": "/a"}, {"op": "add", "path": "b.c"}, {}]},
            [
                {"op": "add", "path": "/a", "value": None},
                {"op": "add", "path": "b.c", "value": None},
            ],
        ),
        ({"fieldPath": "missing=attachment"}, [{"op": "add", "path": "attachment", "value": None}]),
        (
            {"fieldPath": {"path": "/a", "typeOfChange": "remove"}},
            [{"op": "remove", "path": "/a", "value": None}],
        ),
        ({}, []),
    ],
)
def test_what_is_asked_for_is_read_in_the_event_or_the_envelope(members, asked):
    assert information_required({"event": {"troubleTicket": {}} | members}) == asked
    assert information_required({"event": {"troubleTicket": {}}} | members) == asked


def test_an_alert_that_is_told_twice_is_one():
    alert = {"alertDate": "d", "exception": "e"}
    resource = {"jeopardyAlert": [alert], "troubleTicketJeopardyAlert": [alert]}
    assert jeopardy_alerts(resource) == [alert]


def test_ids_are_text_and_blanks_booleans_and_objects_are_none():
    assert [id_text(one) for one in ("a", 7, 1.5)] == ["a", "7", "1.5"]
    assert [id_text(one) for one in ("", "  ", True, None, [], {})] == [None] * 6
    assert [reference_id(one) for one in ({"id": 7}, [{"id": "a"}], "b", None)] == [
        "7",
        "a",
        "b",
        None,
    ]


def test_reasons_are_one_line():
    assert reason_text([{"code": "1", "text": "a"}, "b"]) == "1 a; b"
    assert reason_text([]) is None


def test_a_resource_type_is_read_from_the_event_types_name():
    assert resource_type_of("TroubleTicketSpecificationLateEvent") == "TroubleTicketSpecification"
    assert resource_type_of("TroubleTicketLateRepairEvent") == "TroubleTicket"
    with pytest.raises(KeyError):
        resource_type_of("ProductOrderCreateEvent")
