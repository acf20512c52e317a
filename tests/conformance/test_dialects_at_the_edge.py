"""What was agreed with a source is served, answered and described, and is no drift."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from config.dialect import known
from receiver.admission import rules
from receiver.release import revalidated
from receiver.sources import SourceRules
from store import RuleBook, Rules
from store.commands.common import rule_book
from store.commands.dialects import dialect_of
from store.replay.targets import cloudevents
from tests.doors import settings_of
from tests.edge import assert_error, edge, event_of, reference, ticket_event
from tests.property import follow
from tests.property.test_dialect_histories import told
from tests.speaking import v4_ticket

V4 = "TMF621-TroubleTicket-v4.0.0.swagger.json"
V4_PREFIX = "/tmf-api/troubleTicket/v4"
MEF_PREFIX = "/mefApi/sonata/troubleTicketNotification/v4"
CLOUD = {"content-type": "application/cloudevents+json"}
TIME = "2026-11-02T09:00:02+01:00"


def rules_of(name: str, **more: Any) -> SourceRules:
    dialect = dialect_of(name)
    return SourceRules(dialect=dialect, success_status=dialect.status, **more)


def swagger() -> dict[str, Any]:
    return json.loads(reference(V4).read_text(encoding="utf-8"))


LISTENERS = tuple(
    f"/listener/troubleTicket{kind}Event"
    for kind in (
        *("Create", "AttributeValueChange", "StatusChange"),
        *("Delete", "Resolved", "InformationRequired"),
    )
)
"""The six of v4."""


def instance(definitions: dict[str, Any], schema: dict[str, Any], name: str = "") -> Any:
    """An object with every member that a v4 definition names."""
    if "$ref" in schema and name != "status":
        return instance(definitions, definitions[schema["$ref"].rsplit("/", 1)[1]], name)
    if schema.get("type") == "array":
        return [instance(definitions, schema["items"], name)]
    if "properties" in schema:
        return {
            member: instance(definitions, one, member)
            for member, one in schema["properties"].items()
        }
    if name == "status":  # a free text in the history, an enumeration in the ticket
        return "resolved"
    formats = {"date-time": TIME, "uri": "https://x.example/schema"}
    if schema.get("type") in ("number", "integer"):
        return 7
    return formats.get(schema.get("format", ""), f"a {name}")


def v4_event(path: str) -> dict[str, Any]:
    """The whole event that the official file defines for a listener, its types told rightly."""
    name = path.removeprefix("/listener/")
    name = name[0].upper() + name[1:]
    document = swagger()
    event = instance(document["definitions"], document["definitions"][name])
    ticket = event["event"]["troubleTicket"]
    ticket |= {"id": "TT-1", "@type": "TroubleTicket", "@baseType": "TroubleTicket"}
    schema = {"$ref": f"#/definitions/{name}", "definitions": document["definitions"]}
    jsonschema.Draft4Validator(schema).validate(event)
    return event | {"eventType": name}


def test_the_official_file_has_these_six_listeners():
    assert {path for path in swagger()["paths"] if "/listener/" in path} == set(LISTENERS)


@pytest.mark.parametrize("path", LISTENERS)
def test_a_whole_v4_event_is_taken_without_drift_and_answered_as_v4_says(path):
    event, document = v4_event(path), swagger()
    answers = document["paths"][path]["post"]["responses"]
    with edge(rules=rules_of("tmf621-v4")) as here:
        answer = here.send(V4_PREFIX + path, event)
        assert answer.status_code == 201
        schema = answers[str(answer.status_code)]["schema"]
        jsonschema.Draft4Validator(schema | {"definitions": document["definitions"]}).validate(
            answer.json()
        )
        assert here.last().drift == ()
        assert here.last().ticket_id == "TT-1"
    with edge() as here:
        here.send(path, event)
        assert any("v4-name" in one for one in here.last().drift)


def test_a_v4_refusal_is_v4s_error_and_names_the_members_by_the_senders_names():
    event = v4_event("/listener/troubleTicketStatusChangeEvent")
    ticket = event["event"]["troubleTicket"]
    ticket["statusChange"][0] |= {"changeDate": {}, "changeReason": True}
    ticket["relatedParty"][0]["name"] = {}
    with edge(rules=rules_of("tmf621-v4")) as here:
        answer = here.send(f"{V4_PREFIX}/listener/troubleTicketStatusChangeEvent", event)
        assert_error(answer, 400)
        (kept,) = here.log.quarantined()
        assert {reason.pointer for reason in kept.reasons} == {
            "/event/troubleTicket/statusChange/0/changeDate",
            "/event/troubleTicket/statusChange/0/changeReason",
            "/event/troubleTicket/relatedParty/0/name",
        }
        schema = {"$ref": "#/definitions/Error", "definitions": swagger()["definitions"]}
        jsonschema.Draft4Validator(schema).validate(answer.json())


def test_what_a_dialect_does_not_say_is_drift_there_too_by_the_senders_names():
    ticket = {"statusChange": [{"status": "lost", "changeDate": "2026-11-02T09:00"}]}
    event = ticket_event(ticket, **{"@type": None, "eventId": None})
    with edge(rules=rules_of("tmf621-v4")) as here:
        path = f"{V4_PREFIX}/listener/troubleTicketStatusChangeEvent"
        assert here.send(path, event).status_code == 201
        assert set(here.last().drift) == {
            "missing /eventId",
            "unknown-status /event/troubleTicket/statusChange/0/status",
            "no-zone /event/troubleTicket/statusChange/0/changeDate",
        }
    with edge(rules=rules_of("tmf621-v4", validation="strict")) as here:
        assert here.send(path, event).status_code == 400


@pytest.mark.parametrize("name", known())
def test_the_official_v5_payloads_are_taken_in_every_dialect(name):
    body = reference("payloads/oas621v5_TroubleTicketCreateEvent_request.json").read_bytes()
    with edge(rules=rules_of(name)) as here:
        answer = here.send("/listener/troubleTicketCreateEvent", body)
        assert answer.status_code == dialect_of(name).status
        assert here.last().body == body
        assert here.last().ticket_id == json.loads(body)["event"]["troubleTicket"]["id"]
    assert v4_ticket(json.loads(body)["event"]["troubleTicket"])


def test_an_mef_event_that_names_a_ticket_and_nothing_more_is_taken_without_drift():
    event = {
        "eventId": "event-001",
        "eventTime": "2026-11-24T06:00:00.000Z",
        "eventType": "troubleTicketStatusChangeEvent",
        "event": {"id": "TT-7", "href": "https://s.example/7", "buyerId": "b", "sellerId": "s"},
    }
    kind = {"content-type": "application/json;charset=utf-8"}
    path = f"{MEF_PREFIX}/listener/troubleTicketStatusChangeEvent"
    with edge(rules=rules_of("mef-sonata")) as here:
        answer = here.send(path, event, headers=kind)
        assert (answer.status_code, answer.content) == (204, b"")
        assert here.last().drift == ()
        assert here.last().ticket_id == "TT-7"
    with edge() as here:
        assert_error(here.send(path, event, headers=kind), 404)


def test_a_name_of_an_event_that_was_agreed_is_a_path_and_no_drift():
    event = ticket_event({}, eventType="TroubleTicketStateChangeEvent", **{"@type": None})
    path = "/listener/troubleTicketStateChangeEvent"
    with edge(rules=rules_of("tmf621-v4-state")) as here:
        assert here.send(path, event).status_code == 201
        assert here.last().event_type == "TroubleTicketStatusChangeEvent"
        assert here.last().drift == ()
    with edge() as here:
        assert "type-spelling /eventType" in here.drift_of(path, event)


def test_a_file_of_ones_own_renames_an_event_and_a_member(tmp_path):
    file = tmp_path / "carrier.toml"
    file.write_text(
        'title = "Carrier"\n[answer]\nstatus = 200\nbody = "event-subscription"\n'
        '[listener]\nprefixes = ["/hooks/v7"]\n'
        '[events]\nTicketMoved = "TroubleTicketStatusChangeEvent"\n'
        '[names]\nticketState = "status"\nlog = "statusChangeHistory"\n"log.at" = "statusChangeDate"\n'
    )
    settings = settings_of(f'[sources.default]\ndialect = "{file}"\n', tmp_path)
    ticket = {"ticketState": "pending", "log": [{"status": "pending", "at": TIME}]}
    with edge(sources=rules(settings)) as here:
        event = ticket_event(ticket, eventType="TicketMoved", **{"@type": "TicketMoved"})
        answer = here.send("/hooks/v7/listener/ticketMoved", event)
        assert (answer.status_code, set(answer.json())) == (200, {"id", "callback"})
        assert here.last().drift == ()
        described = here.send("/openapi.json", method="GET").json()
        item = described["paths"]["/listener/ticketMoved"]
        assert {"url": "/hooks/v7"} in item["servers"]
        assert "deprecated" not in item["post"]
        assert_error(here.send("/hooks/v7/listener/ticketMoved", event | {"event": {}}), 400)
        (refused,) = here.log.quarantined()
        released = revalidated(replace(refused, body=json.dumps(event).encode()), rules(settings))
        assert not isinstance(released, tuple)
        assert (released.event_type, released.drift) == ("TroubleTicketStatusChangeEvent", ())
        (ticket_row,) = follow.rows(_followed(here.log, rule_book(settings)), "tickets")
        assert (ticket_row["status"], ticket_row["status_since"]) == (
            "pending",
            "2026-11-02T08:00:02.000Z",
        )


def test_a_status_that_was_set_for_a_source_goes_before_its_dialects(tmp_path):
    text = '[sources.{}]\ndialect = "tmf621-v4"\n'
    told = rules(
        settings_of(text.format("a") + text.format("b") + "success_status = 200\n", tmp_path)
    )
    assert [told[name].success_status for name in "ab"] == [201, 200]


def test_openapi_describes_what_dialects_have_served():
    sources = {name: rules_of(name) for name in known()}
    with edge(sources=sources) as here:
        described = here.send("/openapi.json", method="GET").json()
        paths = described["paths"]
        everywhere = {server["url"] for server in paths["/listener"]["servers"]}
        assert {V4_PREFIX, MEF_PREFIX, "/tmf-api/event/v4", "/"} <= everywhere
        assert "servers" not in paths["/health/live"] or paths["/health/live"]["servers"] == [
            {"url": "/"}
        ]
        content = paths["/listener"]["post"]["requestBody"]["content"]
        assert set(content) == {"application/json", "application/cloudevents+json"}
        for path, item in paths.items():
            if path.startswith("/listener"):
                for server in item["servers"]:
                    url = f"{server['url'].rstrip('/')}{path}"
                    assert here.send(url, method="GET").status_code == 405, url


def cloud_event(data: Any, **more: Any) -> dict[str, Any]:
    told = {"specversion": "1.0", "id": "1", "source": "/a", "type": "x.TroubleTicketCreateEvent"}
    return {**told, "time": TIME, "data": data, **more}


def test_a_cloudevent_is_known_by_its_source_and_id_together():
    with edge(rules=rules_of("cloudevents")) as here:
        ticket = {"@type": "TroubleTicket", "id": "TT-1"}
        first, other = cloud_event(ticket), cloud_event(ticket, source="/b")
        positions = [
            here.send("/listener", one, headers=CLOUD).headers["x-event-position"]
            for one in (first, first, other)
        ]
        assert positions == ["1", "1", "2"]
        assert [event.event_id for event in here.log.read()] == ["/a 1", "/b 1"]
        assert here.last().conflict_of is None
        assert here.last().occurred_at == "2026-11-02T08:00:02.000Z"


def test_what_cloudevents_requires_is_drift_or_refused_and_pointed_at_where_it_was_sent():
    event = cloud_event({"id": "TT-1", "status": "lost"}, specversion="0.3")
    del event["source"], event["id"]
    drift = {
        "missing /source",
        "missing /id",
        "unknown-value /specversion",
        "unknown-status /data/status",
    }
    with edge(rules=rules_of("cloudevents")) as here:
        here.send("/listener", event, headers=CLOUD)
        assert set(here.last().drift) == drift
    with edge(rules=rules_of("cloudevents", validation="strict")) as here:
        assert_error(here.send("/listener", event, headers=CLOUD), 400)
        (kept,) = here.log.quarantined()
        assert {f"{reason.code} {reason.pointer}" for reason in kept.reasons} == drift


@pytest.mark.parametrize("data", [None, [], "text", {}, {"severity": "Major"}])
def test_a_cloudevent_without_a_resource_is_refused_at_its_data(data):
    with edge(rules=rules_of("cloudevents")) as here:
        assert_error(here.send("/listener", cloud_event(data), headers=CLOUD), 400)
        (kept,) = here.log.quarantined()
        assert kept.reasons[0].pointer.startswith("/data")
        unknown = cloud_event({"id": "1"}, type="com.example.OtherEvent")
        assert_error(here.send("/listener", unknown, headers=CLOUD), 400)
        assert list(here.log.quarantined())[1].reasons[0].pointer == "/type"


def test_what_binary_mode_says_in_headers_is_kept_and_a_refused_one_can_be_released():
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "7",
        "ce-source": "/a",
        "ce-type": "x.TroubleTicketCreateEvent",
        "ce-time": TIME,
        "ce-authorization": "secret",
    }
    body = {"id": "TT-1", "severity": 3}
    strict = rules_of("cloudevents", validation="strict")
    with edge(rules=strict) as here:
        assert_error(here.send("/listener", body, headers=headers), 400)
        (kept,) = here.log.quarantined()
        event = revalidated(kept, {"default": replace(strict, validation="tolerant")})
        assert not isinstance(event, tuple)
        assert (event.event_id, event.ticket_id) == ("/a 7", "TT-1")
        assert event.event_time == "2026-11-02T08:00:02.000Z"
        names = {name for name, _ in event.headers}
        assert {"ce-id", "ce-source", "ce-type", "ce-time", "ce-specversion"} <= names
        assert "ce-authorization" not in names


@pytest.mark.parametrize("mode", [cloudevents.structured, cloudevents.binary])
def test_what_we_replay_as_cloudevents_a_second_listener_reads_as_the_same_history(mode):
    with edge() as first, edge(rules=rules_of("cloudevents")) as second:
        for number, status in enumerate(("acknowledged", "inProgress", "resolved")):
            event = ticket_event({"status": status}, eventId=f"e{number}")
            event["eventTime"] = f"2026-11-02T0{number}:00:00Z"
            first.send("/listener", event)
            headers, body = mode(first.last(), f"key-{number}")
            answer = second.send("/listener", body, headers=dict(headers))
            assert answer.status_code == 204, answer.text
            assert second.last().drift == ()
        speech = dialect_of("cloudevents").speech
        plain = told(_followed(first.log, RuleBook()))
        again = told(_followed(second.log, RuleBook({"default": Rules(speech=speech)})))
        column = list(follow.tables.TABLES["timeline"].columns).index("event_id")
        for one, other in zip(plain.pop("timeline"), again.pop("timeline"), strict=True):
            assert one[:column] + one[column + 1 :] == other[:column] + other[column + 1 :]
        assert again == plain


def _followed(log, book):
    history = follow.empty()
    following = follow.follower.Follower(log, history, book)
    while following.step():
        pass
    return history


def test_a_right_event_of_every_type_is_taken_from_a_source_of_every_dialect():
    for name in known():
        with edge(rules=rules_of(name)) as here:
            answer = here.send(
                "/listener/cancelTroubleTicketStateChangeEvent",
                event_of("CancelTroubleTicketStateChangeEvent"),
            )
            assert answer.status_code == dialect_of(name).status
            assert here.last().ticket_id == "TT-1001"
