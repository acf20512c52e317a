"""GET /openapi.json says what is really served."""

import json

import jsonschema
import pytest

from receiver.admission import door, rules, security
from receiver.app import PREFIXES
from receiver.auth.bearer import Bearer
from receiver.events import ALIASES, EVENT_TYPES
from receiver.security import security_of
from receiver.sources import SourceRules
from tests.doors import settings_of
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


SENDERS = """
[sources.carrier.bearer]
tokens = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
[sources.wholesale.jwt]
issuer = "https://auth.example.org"
audience = "https://listener.example.net"
jwks_url = "https://auth.example.org/keys"
token_url = "https://auth.example.org/token"
scope = "notify"
[sources.other.jwt]
issuer = "https://auth.example.com"
audience = "https://listener.example.net"
jwks_url = "https://auth.example.com/keys"
[sources.reseller.basic]
user = "reseller"
passwords = ["sha256:1111111111111111111111111111111111111111111111111111111111111111"]
[sources.webhooks.standardwebhooks]
secrets = ["whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="]
[sources.partner.certificate]
fingerprints = ["3f2ba1d9c8e7f60514233241506f7e8d9cabbac9d8e7f60514233241506f7e8d"]
"""
EVERY_WAY = [
    {"bearer": []},
    {"oauth2": ["notify"]},
    {"oauth2-2": ["write"]},
    {"basic": []},
    {"webhook-id": [], "webhook-timestamp": [], "webhook-signature": []},
    {"clientCertificate": []},
]


def described_with(text, directory):
    settings = settings_of(text, directory)
    way_in = door(settings)
    told = security(settings, way_in)
    with edge(identify=way_in, sources=rules(settings), security=told) as here:
        answer = here.send("/listener/troubleTicketCreateEvent", {}, headers={})
        return here.send("/openapi.json", method="GET").json(), answer


def required(document):
    """The security of every listener; they are all the same."""
    found = [one["post"]["security"] for one in document["paths"].values() if "post" in one]
    assert all(one == found[0] for one in found)
    assert not any("security" in one.get("get", {}) for one in document["paths"].values())
    return found[0]


def test_it_names_the_ways_to_prove_who_sends_that_the_settings_name(tmp_path):
    document, answer = described_with(SENDERS, tmp_path)
    assert required(document) == EVERY_WAY
    schemes = document["components"]["securitySchemes"]
    assert set(schemes) == {name for one in EVERY_WAY for name in one}
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["basic"]["scheme"] == "basic"
    flow = schemes["oauth2"]["flows"]["clientCredentials"]
    assert (flow["tokenUrl"], list(flow["scopes"])) == (
        "https://auth.example.org/token",
        ["notify"],
    )
    assert (schemes["oauth2-2"]["type"], schemes["oauth2-2"]["bearerFormat"]) == ("http", "JWT")
    assert schemes["webhook-signature"]["in"] == "header"
    assert schemes["clientCertificate"]["type"] == "mutualTLS"
    assert answer.status_code == 401
    challenged = document["components"]["responses"]["Refused401"]["headers"]["WWW-Authenticate"]
    assert challenged["required"]
    assert challenged["example"] == ", ".join(answer.headers.get_list("www-authenticate"))
    # Senders are not each other's business.
    for name in ("carrier", "wholesale", "reseller", "issuer", "listener.example.net", "sha256:"):
        assert name not in json.dumps(document)


def test_where_senders_need_not_prove_anything_it_says_so(tmp_path, described):
    assert required(described) == []
    assert described["components"]["securitySchemes"] == {}
    document, _ = described_with(SENDERS + "[sources.default]\n", tmp_path)
    assert required(document) == [*EVERY_WAY, {}]


def test_where_a_certificate_must_be_shown_to_connect_each_way_needs_it_too():
    told = security_of((Bearer({}),), anonymous=True, client_tls=True)
    assert told.requirements == [{"mutualTLS": [], "bearer": []}, {"mutualTLS": []}]
    assert told.schemes["mutualTLS"]["type"] == "mutualTLS"


def test_every_refusal_is_described_with_its_reason_and_the_headers_it_has(described):
    with edge() as here:
        answers = [
            here.send("/listener/troubleTicketCreateEvent", b"{"),
            here.send("/listener/troubleTicketCreateEvent", method="PUT"),
            here.send("/listener/troubleTicketCreateEvent", headers={"content-type": "text/xml"}),
            here.send("/nowhere"),
        ]
    responses = described["paths"]["/listener/troubleTicketCreateEvent"]["post"]["responses"]
    for answer in answers:
        told = described
        for token in responses[str(answer.status_code)]["$ref"].removeprefix("#/").split("/"):
            told = told[token]
        assert f"{answer.json()['code']}: {answer.json()['reason']}" in told["description"]
        for name, header in told["headers"].items():
            assert name in answer.headers or not header["required"]


def test_the_error_and_the_statuses_are_described(described):
    assert {"code", "reason"} <= set(described["components"]["schemas"]["Error"]["required"])
    responses = described["paths"]["/listener/troubleTicketCreateEvent"]["post"]["responses"]
    assert {"204", "400", "401", "404", "405", "413", "415", "500", "503"} <= set(responses)
