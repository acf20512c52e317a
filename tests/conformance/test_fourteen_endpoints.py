"""The 14 endpoints, each against what senders do right and wrong."""

import pytest

from receiver.app import PREFIXES
from receiver.events import ALIASES, EVENT_TYPES, EventType
from receiver.models.ticket import TroubleTicket
from receiver.sources import SourceRules
from store.payload import member_of, resource_type_of
from tests.edge import assert_error, dumped, edge, event_of

each_type = pytest.mark.parametrize("line", EVENT_TYPES, ids=lambda line: line.path)
each_prefix = pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: prefix or "bare")


def at(line: EventType) -> str:
    return f"/listener/{line.path}"


def test_there_are_fourteen_and_their_names_agree_with_the_payload_rules():
    assert len(EVENT_TYPES) == 14
    for line in EVENT_TYPES:
        assert line.resource_type == resource_type_of(line.name)
        assert line.member == member_of(line.resource_type)


@each_prefix
@each_type
def test_a_valid_event_is_answered_204_without_body_and_with_its_position(line, prefix):
    body = dumped(event_of(line))
    with edge(rules=SourceRules(validation="strict")) as here:
        answer = here.send(prefix + at(line), body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["x-event-position"] == "1"
        assert "x-event-duplicate" not in answer.headers
        event = here.last()
    assert event.body == body
    assert event.drift == ()
    assert event.event_type == line.name
    assert event.event_id == f"example-{line.path}"
    assert event.path == prefix + at(line)
    assert event.occurred_at == event.event_time == "2026-11-02T08:00:02.000Z"
    about_a_ticket = line.resource_type != "TroubleTicketSpecification"
    assert event.ticket_id == ("TT-1001" if about_a_ticket else None)


@each_type
def test_a_redelivery_is_answered_with_the_first_position(line):
    body = event_of(line)
    with edge() as here:
        here.send(at(line), body)
        here.send(at(EVENT_TYPES[0]), event_of(EVENT_TYPES[0], eventId="between"))
        answer = here.send(at(line), body)
        assert answer.status_code == 204
        assert answer.headers["x-event-position"] == "1"
        assert answer.headers["x-event-duplicate"] == "true"
        assert here.log.head() == 2


@each_type
def test_other_content_under_the_same_id_is_kept_and_marked_as_conflict(line):
    with edge() as here:
        here.send(at(line), event_of(line))
        answer = here.send(at(line), event_of(line, title="something else"))
        assert answer.status_code == 204
        assert answer.headers["x-event-position"] == "2"
        assert "x-event-duplicate" not in answer.headers
        assert here.last().conflict_of == 1


@each_type
def test_a_resource_without_id_is_refused_and_its_bytes_are_in_quarantine(line):
    body = event_of(line, event={line.member: {"@type": line.resource_type}})
    with edge() as here:
        assert here.reasons_for(at(line), body) == [("missing", f"/event/{line.member}/id")]
        error = here.send(at(line), body).json()
        assert f"/event/{line.member}/id: expected" in error["message"]
        assert here.log.head() == 0


@each_type
def test_a_wrong_path_is_answered_404_and_nothing_is_kept(line):
    with edge() as here:
        for path in (
            f"/listener/{line.path}s",
            f"/listener/x/{line.path}",
            f"/other{at(line)}",
            f"{at(line)}/id/more",
            f"/{line.path}",
        ):
            assert_error(here.send(path, event_of(line)), 404)
        assert here.log.head() == 0
        assert list(here.log.quarantined()) == []


@each_type
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_wrong_method_is_answered_405_with_what_is_allowed(line, method):
    with edge() as here:
        answer = here.send(at(line), event_of(line), method=method)
        assert_error(answer, 405)
        assert answer.headers["allow"] == "POST"


@each_type
def test_known_members_of_the_wrong_type_are_refused_by_their_pointers(line):
    resource = event_of(line)["event"][line.member]
    where = f"/event/{line.member}"
    with edge() as here:
        wrong = resource | {"@type": [], "href": {}}
        assert here.reasons_for(at(line), event_of(line, event={line.member: wrong})) == [
            ("wrong-type", f"{where}/@type"),
            ("wrong-type", f"{where}/href"),
        ]
        for event in ("text", 7, True, []):
            assert here.reasons_for(at(line), event_of(line, event=event)) == [("missing", where)]


@each_type
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<a/>",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b"{}{}",
    ],
)
def test_what_is_not_json_is_refused_and_kept(line, body):
    with edge() as here:
        assert here.reasons_for(at(line), body) == [("not-json", "")]


@each_type
@pytest.mark.parametrize("body", [[], "text", 7, None, [{"event": {}}]])
def test_json_that_is_no_object_is_refused_and_kept(line, body):
    with edge() as here:
        assert here.reasons_for(at(line), body) == [("wrong-type", "")]


@each_prefix
@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_the_same_event_type(alias, prefix):
    name = ALIASES[alias]
    with edge() as here:
        path = f"{prefix}/listener/{alias[0].lower()}{alias[1:]}"
        drift = here.drift_of(path, event_of(name, **{"@type": alias, "eventType": alias}))
        assert here.last().event_type == name
        assert drift == ("type-spelling /@type", "type-spelling /eventType")


@each_type
@pytest.mark.parametrize("behind", ["/", "/4711", "/4711/"])
def test_a_slash_or_an_id_behind_the_path_is_tolerated(line, behind):
    with edge() as here:
        assert here.send(at(line) + behind, event_of(line)).status_code == 204
        assert here.last().event_type == line.name


@each_prefix
@each_type
def test_the_bare_callback_asks_the_body(line, prefix):
    with edge() as here:
        assert here.send(f"{prefix}/listener", event_of(line)).status_code == 204
        assert here.last().event_type == line.name
        only_event_type = event_of(line, **{"@type": None, "eventId": "2"})
        assert here.send(f"{prefix}/listener/", only_event_type).status_code == 204
        assert here.last().event_type == line.name


def test_a_fifteenth_event_type_is_one_line_and_its_model():
    line = EventType(
        "TroubleTicketLateRepairEvent", "troubleTicket", "TroubleTicket", TroubleTicket
    )
    with edge(event_types=(*EVENT_TYPES, line)) as here:
        assert (
            here.send("/listener/troubleTicketLateRepairEvent", event_of(line)).status_code == 204
        )
        assert here.last().event_type == "TroubleTicketLateRepairEvent"
        assert here.last().ticket_id == "TT-1001"
        described = here.send("/openapi.json", method="GET").json()
        assert "/listener/troubleTicketLateRepairEvent" in described["paths"]
