"""GET /openapi.json says what is really served."""

import json

import jsonschema
import pytest

from receiver.app import PREFIXES
from receiver.events import ALIASES, EVENT_TYPES
from receiver.sources import SourceRules
from tests.edge import edge


@pytest.fixture(scope="module")
def described():
    with edge() as here:
        answer = here.send("/openapi.json", method="GET")
    assert answer.status_code == 200
    return answer.json()


def test_it_is_openapi_3_1_with_every_path_once_under_every_prefix(described):
    assert described["openapi"].startswith("3.1")
    assert [server["url"].rstrip("/") for server in described["servers"]] == list(PREFIXES)
    listeners = {path for path in described["paths"] if path.startswith("/listener/")}
    assert len(listeners) == len(EVENT_TYPES) + len(ALIASES)
    ids = [one["post"]["operationId"] for one in described["paths"].values() if "post" in one]
    assert len(ids) == len(set(ids))


def test_every_reference_in_it_leads_somewhere(described):
    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    found = set(references(described))
    assert found
    for reference in found:
        where = described
        for token in reference.removeprefix("#/").split("/"):
            where = where[token]


def test_every_path_it_names_is_served_and_takes_its_example(described):
    with edge(rules=SourceRules(validation="strict")) as here:
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                if method == "get":
                    assert here.send(path, method="GET").status_code == 200
                elif method == "post":
                    content = operation["requestBody"]["content"]["application/json"]
                    for one in content.get("examples", {}).values():
                        assert here.send(path, one["value"]).status_code == 204


def test_its_examples_are_valid_against_its_schemas(described):
    for line in EVENT_TYPES:
        content = described["paths"][f"/listener/{line.path}"]["post"]["requestBody"]["content"]
        schema = {
            "$ref": content["application/json"]["schema"]["$ref"],
            "components": described["components"],
        }
        check = jsonschema.Draft202012Validator(schema)
        value = content["application/json"]["examples"]["small"]["value"]
        check.validate(value)
        wrong = json.loads(json.dumps(value))
        wrong["event"][line.member]["id"] = {}
        assert not check.is_valid(wrong)


def test_the_error_and_the_statuses_are_described(described):
    assert {"code", "reason"} <= set(described["components"]["schemas"]["Error"]["required"])
    responses = described["paths"]["/listener/troubleTicketCreateEvent"]["post"]["responses"]
    assert {"204", "400", "401", "404", "405", "413", "415", "500", "503"} <= set(responses)
