"""Every request example of the official TMF621 v5.0.1 is taken, byte for byte."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from receiver.events import EVENT_TYPES
from tests.edge import REFERENCE, dumped, edge, event_of, reference

OAS = "TMF621-Trouble_Ticket-v5.0.1.oas.yaml"
PAYLOADS = sorted(path.name for path in REFERENCE.glob("payloads/oas621v5_*.json"))


def official() -> dict[str, Any]:
    return yaml.load(reference(OAS).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        where = document
        for token in node["$ref"].removeprefix("#/").split("/"):
            where = where[token]
        node = where
    return node


def listener_examples(document: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """(path, name, value) of every request example of every listener operation."""
    found = []
    for path, operations in document["paths"].items():
        if not path.startswith("/listener/"):
            continue
        body = resolved(document, operations["post"]["requestBody"])
        for media in body["content"].values():
            for name, one in media.get("examples", {}).items():
                found.append((path, name, resolved(document, one)["value"]))
    return found


@pytest.mark.parametrize("name", PAYLOADS or ["payloads"])
def test_an_official_payload_is_in_the_log_byte_for_byte(name):
    body = reference(f"payloads/{name}").read_bytes() if PAYLOADS else reference(name)
    event_type = name.split("_")[1] if "_listener_" not in name else "TroubleTicketCreateEvent"
    path = f"/listener/{event_type[0].lower()}{event_type[1:]}"
    with edge() as here:
        answer = here.send(path, body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert here.last().body == body
        assert here.last().event_type == event_type


def test_every_listener_example_inside_the_oas_is_taken():
    examples = listener_examples(official())
    assert len(examples) >= 10
    with edge() as here:
        for path, name, value in examples:
            answer = here.send(path, value)
            assert answer.status_code == 204, (path, name, answer.text)
            assert here.last().body == dumped(value)
        assert here.log.head() == len(examples)


def test_the_official_examples_share_event_ids_and_are_all_kept():
    reference("payloads")
    with edge() as here:
        for name in PAYLOADS:
            body = reference(f"payloads/{name}").read_bytes()
            here.send("/listener", body)
        events = list(here.log.read())
        assert len(events) == len(PAYLOADS)
        assert len({event.event_id for event in events}) < len(events)


def test_the_sibling_apis_milestone_and_jeopardy_lists_are_taken_as_a_ticket_would_carry_them():
    for kind in ("Milestone", "JeopardyAlert"):
        name = f"payloads/oas622v5_ProductOrder{kind}Event_request.json"
        event = json.loads(reference(name).read_text(encoding="utf-8"))
        resource = event["event"]["productOrder"]
        resource[f"troubleTicket{kind}"] = resource.pop(f"productOrder{kind}")
        event["event"] = {"troubleTicket": resource}
        with edge() as here:
            assert here.send(f"/listener/troubleTicket{kind}Event", event).status_code == 204
            assert here.last().ticket_id == "30001"


def test_the_listener_paths_of_the_oas_are_all_served():
    served = {f"/listener/{line.path}" for line in EVENT_TYPES}
    assert {path for path in official()["paths"] if path.startswith("/listener/")} <= served


def test_errors_are_valid_against_the_official_error_schema():
    document = official()
    schema = {"$ref": "#/components/schemas/Error", "components": document["components"]}
    check = jsonschema.Draft202012Validator(schema)
    with edge() as here:
        answers = [
            here.send("/listener/troubleTicketCreateEvent", b"{"),
            here.send("/listener/troubleTicketCreateEvent", {"event": {}}),
            here.send("/listener/nothingEvent", b"{}"),
            here.send("/listener/troubleTicketCreateEvent", method="GET"),
            here.send("/listener/troubleTicketCreateEvent", b"", headers={"content-type": "x/y"}),
        ]
    for answer in answers:
        assert answer.status_code >= 400
        check.validate(answer.json())


def test_the_v4_swagger_examples_of_members_are_read_alike():
    body = event_of(
        "TroubleTicketStatusChangeEvent",
        event={
            "troubleTicket": {
                "id": "4",
                "status": "pending",
                "externalId": "X-1",
                "statusChange": [{"status": "pending", "changeDate": "2026-01-01T00:00:00Z"}],
                "relatedParty": [{"id": "p", "role": "owner", "@referredType": "Individual"}],
            }
        },
    )
    with edge() as here:
        assert here.drift_of("/listener/troubleTicketStatusChangeEvent", body) == (
            "v4-name /event/troubleTicket/statusChange",
            "v4-name /event/troubleTicket/externalId",
            "v4-name /event/troubleTicket/relatedParty",
        )
