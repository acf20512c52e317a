"""The 24 operations of FIT's guide over HTTP, requests and answers as the official OAS describe them.

TMF621 v5.0.1 has no tasks, milestones and alerts: FIT took them from TMF622 v5.0.0, whose schemas
hold for them under their other names.
"""

import json
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import jsonschema
import pytest
import yaml

from receiver.app import PREFIXES
from tests.conformance.test_official_examples import official, resolved
from tests.edge import event_of, reference
from tests.provider.history import history
from tests.receiving import receiving, wait_for
from tests.stand_in import stand_in

OPERATIONS = {
    "createCancelTroubleTicket": "POST /cancelTroubleTicket",
    "listCancelTroubleTicket": "GET /cancelTroubleTicket",
    "retrieveCancelTroubleTicket": "GET /cancelTroubleTicket/{id}",
    "createInflightChangeTroubleTicket": "POST /inflightChangeTroubleTicket",
    "listInflightChangeTroubleTicket": "GET /inflightChangeTroubleTicket",
    "retrieveInflightChangeTroubleTicket": "GET /inflightChangeTroubleTicket/{id}",
    "listenToCancelTroubleTicketStateChangeEvent": "POST /listener/cancelTroubleTicketStateChangeEvent",
    "listenToInflightChangeTroubleTicketStateChangeEvent": "POST /listener/inflightChangeTroubleTicketStateChangeEvent",
    "listenToTroubleTicketJeopardyAlertEvent": "POST /listener/troubleTicketJeopardyAlertEvent",
    "listenToTroubleTicketMilestoneEvent": "POST /listener/troubleTicketMilestoneEvent",
    "troubleTicketAttributeValueChangeEvent": "POST /listener/troubleTicketAttributeValueChangeEvent",
    "troubleTicketCreateEvent": "POST /listener/troubleTicketCreateEvent",
    "troubleTicketInformationRequiredEvent": "POST /listener/troubleTicketInformationRequiredEvent",
    "troubleTicketResolvedEvent": "POST /listener/troubleTicketResolvedEvent",
    "troubleTicketSpecificationAttributeValueChangeEvent": "POST /listener/troubleTicketSpecificationAttributeValueChangeEvent",
    "troubleTicketSpecificationCreateEvent": "POST /listener/troubleTicketSpecificationCreateEvent",
    "troubleTicketSpecificationDeleteEvent": "POST /listener/troubleTicketSpecificationDeleteEvent",
    "troubleTicketSpecificationStatusChangeEvent": "POST /listener/troubleTicketSpecificationStatusChangeEvent",
    "troubleTicketStatusChangeEvent": "POST /listener/troubleTicketStatusChangeEvent",
    "createTroubleTicket": "POST /troubleTicket",
    "listTroubleTicket": "GET /troubleTicket",
    "retrieveTroubleTicket": "GET /troubleTicket/{id}",
    "listTroubleTicketSpecification": "GET /troubleTicketSpecification",
    "retrieveTroubleTicketSpecification": "GET /troubleTicketSpecification/{id}",
}
TICKET = {"@type": "TroubleTicketRef", "id": "TT-104212"}
WISHES = {
    "CancelTroubleTicket": {"troubleTicket": TICKET, "cancellationReason": "found it ourselves"},
    "InflightChangeTroubleTicket": {
        "troubleTicket": TICKET,
        "category": ["requestedResolutionDate"],
        "requestedResolutionDate": "2026-12-01T09:00:00+01:00",
        "buyerMessage": {"@type": "Message", "code": "0018", "text": "not before noon"},
    },
}
NOT_FOUND = "no-such-resource-here"


def picked_by_type(node):
    """A discriminator picks one of several by @type, which JSON Schema does not know."""
    if isinstance(node, dict):
        renamed = {"oneOf": "anyOf"}
        return {renamed.get(name, name): picked_by_type(value) for name, value in node.items()}
    return [picked_by_type(one) for one in node] if isinstance(node, list) else node


class Official:
    """Both documents, and what FIT calls what is in the second."""

    def __init__(self):
        text = reference("TMF622-ProductOrdering-v5.0.0.oas.yaml").read_text(encoding="utf-8")
        self.v621 = picked_by_type(official())
        self.v622 = picked_by_type(yaml.load(text, Loader=yaml.CSafeLoader))

    def check(self, name, value):
        """Against a schema of TMF621's, else of the resource in TMF622 that FIT made it from."""
        document, there, told = self.v621, name, value
        if name.startswith(("CancelTroubleTicket", "InflightChangeTroubleTicket")):
            document, there = self.v622, f"CancelProductOrder{name.partition('Ticket')[2]}"
            told = {"productOrder" if key == "troubleTicket" else key: one for key, one in value.items()}  # fmt: skip
        elif name not in self.v621["components"]["schemas"]:
            document, there = self.v622, name.replace("TroubleTicket", "ProductOrder")
            if there not in self.v622["components"]["schemas"]:
                there = "Event"
        schema = {"$ref": f"#/components/schemas/{there}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(told)

    def statuses(self, method, path):
        """What the operation may answer; a task's are those of its sibling."""
        found = self.v621["paths"].get(path) or self.v622["paths"].get(
            path.replace("TroubleTicket", "ProductOrder").replace("inflightChange", "cancel")
        )
        return set((found or {"post": {"responses": {"204", "default"}}})[method]["responses"])


@pytest.fixture(scope="module")
def oas():
    return Official()


@contextmanager
def following(data):
    command = [sys.executable, "-m", "receiver", "follow", "--data", str(data)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A receiver that was told some weeks of tickets, and has a provider to ask."""
    with ExitStack() as stack:
        provider = stack.enter_context(stand_in())
        config = f'[sources.default]\n[sources.default.provider]\nbase_url = "{provider.url}"\n'
        process = stack.enter_context(receiving(tmp_path_factory.mktemp("all"), config))
        stack.enter_context(following(process.data))
        client = httpx.Client(trust_env=False, timeout=20, base_url=process.url)
        with client:
            now = datetime(2026, 11, 24, 6, tzinfo=UTC)
            for one in history(tickets=24, now=now).deliveries:
                client.post(one.path, content=one.body, headers=dict(one.headers))
            for name in OPERATIONS:
                method, path = split(name)
                if method == "GET" and "{" not in path:
                    wait_for(lambda path=path: something(client.get(path)), f"some of {path}")
            yield client


def something(answer):
    return answer.is_success and answer.json()


def split(operation):
    method, _, path = OPERATIONS[operation].partition(" ")
    return method, path


def made(resource):
    """The schema of one that the provider has."""
    return resource if resource in WISHES else f"{resource}_RES"


def resource_of(path):
    name = path.strip("/").partition("/")[0]
    return name[0].upper() + name[1:]


def test_these_are_the_operations_of_the_guide():
    text = reference("FIT-TMF621-user-guide-v0.0.1.txt").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| ((?:POST|GET|PUT|PATCH|DELETE) \S+) \|", text, re.MULTILINE)
    assert dict(rows) == OPERATIONS
    assert len(rows) == 24


each_prefix = pytest.mark.parametrize("prefix", PREFIXES, ids=lambda one: one or "bare")


def of(method, *, listener=False):
    found = [
        name
        for name in OPERATIONS
        if split(name)[0] == method and ("/listener/" in OPERATIONS[name]) is listener
    ]
    return pytest.mark.parametrize("operation", found)


@each_prefix
@of("POST", listener=True)
def test_a_notification_is_taken_and_what_is_none_is_refused(here, oas, operation, prefix):
    _, path = split(operation)
    name = path.rpartition("/")[2]
    event_type = name[0].upper() + name[1:]
    body = event_of(event_type, eventId=f"{operation}{prefix}")
    oas.check(event_type, body)
    answer = here.post(prefix + path, json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "204" in oas.statuses("post", path)
    refused = here.post(prefix + path, json={"@type": event_type})
    assert refused.status_code == 400
    assert oas.statuses("post", path) & {"400", "default"}
    oas.check("Error", refused.json())


@each_prefix
@of("GET")
def test_what_the_provider_told_is_listed_and_retrieved(here, oas, operation, prefix):
    _, path = split(operation)
    resource = resource_of(path)
    listed = here.get(prefix + path.removesuffix("/{id}"), params={"limit": 5})
    # A part of a list is 206 (TMF630); the OAS leaves that to it.
    assert str(listed.status_code) in (oas.statuses("get", path) & {"200"}) | {"206"}
    assert listed.json()
    if not path.endswith("{id}"):
        assert int(listed.headers["x-total-count"]) >= int(listed.headers["x-result-count"])
        assert int(listed.headers["x-result-count"]) == len(listed.json())
        for one in listed.json():
            oas.check(made(resource), one)
        assert here.get(prefix + path, params={"nonsense": "1"}).status_code == 400
        return
    for one in listed.json():
        found = here.get(prefix + path.replace("{id}", quote(one["id"], safe="")))
        assert str(found.status_code) == "200"
        assert found.json()["id"] == one["id"]
        oas.check(made(resource), found.json())
    missing = here.get(prefix + path.replace("{id}", NOT_FOUND))
    assert str(missing.status_code) == "404"
    assert "404" in oas.statuses("get", path)
    oas.check("Error", missing.json())


@each_prefix
@of("POST")
def test_what_is_asked_for_is_made_and_what_no_provider_understands_is_refused(
    here, oas, operation, prefix
):
    _, path = split(operation)
    resource = resource_of(path)
    if resource == "TroubleTicket":
        body = resolved(official(), official()["paths"][path]["post"]["requestBody"])
        body = body["content"]["application/json"]["examples"]["TroubleTicket_create_example"]
        body = resolved(official(), body)["value"]
    else:
        body = {"@type": resource, **WISHES[resource]}
    oas.check(f"{resource}_FVO", body)
    answer = here.post(prefix + path, json=body)
    assert answer.status_code == 201, answer.text
    assert "201" in oas.statuses("post", path)
    oas.check(made(resource), answer.json())
    assert answer.json()["id"]
    assert answer.headers["location"].endswith(f"{path}/{answer.json()['id']}")
    refused = here.post(prefix + path, content=json.dumps({"@type": resource}), headers={"content-type": "application/json"})  # fmt: skip
    assert refused.status_code == 400
    assert "400" in oas.statuses("post", path)
    oas.check("Error", refused.json())
    other = here.put(prefix + path, json=body)
    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD, POST")
