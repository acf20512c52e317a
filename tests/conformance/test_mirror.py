"""The mirror over HTTP: a real receiver and follower, answers as the official OAS describes them."""

import json
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urljoin

import httpx
import jsonschema
import pytest

from config.hashed import sha256_of
from store import open_reader, progress
from store.history import follower
from tests import mirrored
from tests.conformance.test_official_examples import official
from tests.edge import event_of, reference
from tests.provider.history import history
from tests.receiving import receiving, wait_for

TOKENS = {"crm": "a-token-of-those-who-read-2", "carrier": "a-token-of-those-who-write-2"}
CONFIG = f"""
[mirror]
page_resources = 7
most_resources = 50
[sources.default]
[sources.crm]
scopes = ["read"]
[sources.crm.bearer]
tokens = ["{sha256_of(TOKENS["crm"])}"]
[sources.carrier.bearer]
tokens = ["{sha256_of(TOKENS["carrier"])}"]
"""
KINDS = tuple(mirrored.SELECTS)
FIT = "/tmf-api/troubleTicketManagement/v5"
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Here:
    def __init__(self, process):
        self.process = process
        self.data = process.data
        self._client = httpx.Client(trust_env=False, timeout=20, base_url=process.url)

    def post(self, path, body, token=None, headers=None):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = dict(headers or {"content-type": "application/json"})
        if token:
            headers["authorization"] = f"Bearer {TOKENS[token]}"
        return self._client.post(path, content=content, headers=headers)

    def tell(self, kind, resource, number, token=None, event="StatusChange", **more):
        """An event about a ticket, told `number` hours after the beginning."""
        at = (START + timedelta(hours=number)).isoformat()
        resource = {"@type": "TroubleTicket"} | resource | {"lastUpdate": at}
        told = event_of(
            f"{kind}{event}Event",
            eventId=f"{resource['id']}-{number}",
            eventTime=at,
            event={f"{kind[0].lower()}{kind[1:]}": resource},
        )
        path = f"/listener/{kind[0].lower()}{kind[1:]}{event}Event"
        assert self.post(path, told, token).status_code == 204

    def get(self, path, token=None, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            headers["authorization"] = f"Bearer {TOKENS[token]}"
        return self._client.request(method, path, headers=headers)

    def folded(self):
        def is_folded():
            at = progress(self.data)
            return at.checkpoint is not None and at.checkpoint == at.head

        wait_for(is_folded, "the follower")

    def close(self):
        self._client.close()


@contextmanager
def following(data):
    command = [sys.executable, "-m", "receiver", "follow", "--data", str(data)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with (
        receiving(tmp_path_factory.mktemp("mirror"), CONFIG) as process,
        closing(Here(process)) as found,
        following(process.data),
    ):
        for delivery in history(tickets=24, now=START).deliveries:
            found.post(delivery.path, delivery.body, headers=dict(delivery.headers))
        found.folded()
        yield found


@pytest.fixture(scope="module")
def schemas():
    reference("TMF621-Trouble_Ticket-v5.0.1.oas.yaml")

    def picked_by_type(node):
        # Its own samples fit several branches of a oneOf: the discriminator picks, which JSON
        # Schema does not know.
        if isinstance(node, dict):
            return {
                "anyOf" if name == "oneOf" else name: picked_by_type(value)
                for name, value in node.items()
            }
        return [picked_by_type(one) for one in node] if isinstance(node, list) else node

    return picked_by_type(official())


def check(schemas, name, value):
    schema = {"$ref": f"#/components/schemas/{name}", "components": schemas["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def every(here, path, token=None):
    """All pages of a list, by their links."""
    found = []
    while path:
        answer = here.get(path, token)
        assert answer.status_code in (200, 206), answer.text
        found += answer.json()
        path = urljoin(path, answer.links["next"]["url"]) if "next" in answer.links else ""
    return found


@pytest.mark.parametrize("prefix", ["", FIT, "/tmf-api/troubleTicket/v5"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_resource_is_told_as_the_provider_told_it(here, kind, prefix):
    path = f"{prefix}{mirrored.path_of(kind)}"
    right = mirrored.resources(here.data / "history.db", kind, path)
    assert right
    assert every(here, path) == [one for _, one in right]
    for _, one in right[:10]:
        answer = here.get(f"{path}/{quote(one['id'], safe='')}")
        assert (answer.status_code, answer.json()) == (200, one)
        assert answer.headers["content-type"] == "application/json"


def test_answers_are_valid_against_the_official_schemas(here, schemas):
    for kind, fields in (
        ("TroubleTicket", "name,relatedParty.role,note.text"),
        ("TroubleTicketSpecification", "name,lifecycleStatus,version"),
    ):
        path = mirrored.path_of(kind)
        whole = every(here, path)
        for one in whole:
            check(schemas, kind, one)
        for one in every(here, f"{path}?fields={fields}&limit=50"):
            assert {"@type", "id", "href"} <= set(one)
            check(schemas, kind, one)
        check(schemas, kind, here.get(f"{path}/{whole[0]['id']}?fields=none").json())


def test_the_official_example_is_mirrored_and_valid(here, schemas):
    examples = schemas["components"]["examples"]
    name = next(one for one in examples if "CreateEvent" in one and "Specification" not in one)
    event = examples[name]["value"]
    assert here.post("/listener/troubleTicketCreateEvent", event, "carrier").status_code == 204
    here.folded()
    told = event["event"]["troubleTicket"]
    answer = here.get(f"/troubleTicket/{told['id']}?source=carrier")
    assert answer.json() == told
    check(schemas, "TroubleTicket", answer.json())


@pytest.mark.parametrize(
    ("path", "status", "code", "names"),
    [
        ("/troubleTicket/none-of-this-id", 404, "no-such-resource", "none-of-this-id"),
        ("/troubleTicket?statuss=held", 400, "invalid-parameter", "statuss"),
        ("/troubleTicket?status.like=held", 400, "invalid-parameter", "status.like"),
        ("/troubleTicket?status", 400, "invalid-parameter", "status"),
        ("/troubleTicket?status=", 400, "invalid-parameter", "status"),
        ("/troubleTicket?sort=-statuss", 400, "invalid-parameter", "sort"),
        ("/troubleTicket?fields=name,statuss", 400, "invalid-parameter", "fields"),
        ("/troubleTicket?limit=51", 400, "invalid-parameter", "limit"),
        ("/troubleTicket?limit=0", 400, "invalid-parameter", "limit"),
        ("/troubleTicket?offset=-1", 400, "invalid-parameter", "offset"),
        ("/troubleTicket?limit=1&limit=2", 400, "invalid-parameter", "limit"),
        ("/troubleTicket?asOf=2026-11-24T06:00:00Z", 400, "invalid-parameter", "asOf"),
        ("/troubleTicket/1?status=held", 400, "invalid-parameter", "status"),
        ("/troubleTicket/1?knownAt=yesterday", 400, "invalid-parameter", "knownAt"),
        ("/troubleTicketSpecification/1?asOf=2026-11-24T06:00:00Z", 400, "invalid-parameter", "asOf"),
        ("/troubleTicket?%ff=1", 400, "invalid-parameter", "query"),
        ("/troubleTicket?" + "&".join(f"note.n{n}=1" for n in range(60)), 400, "invalid-parameter", "query"),
        ("/troubleTicket?filter=$.note[?(@.id==1)]", 501, "not-served", "filter"),
        ("/troubleTicket?after=abc", 501, "not-served", "after"),
        ("/troubleTicket?status.regex=(", 400, "invalid-parameter", "regex"),
    ],
)  # fmt: skip
def test_what_is_not_answered_is_refused_and_named(here, schemas, path, status, code, names):
    answer = here.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert names in answer.json()["message"]
    check(schemas, "Error", answer.json())


def test_other_methods_are_refused_and_other_media_types_too(here):
    for path, allowed in (
        ("/troubleTicketSpecification", "GET, HEAD"),
        ("/troubleTicket/x", "GET, HEAD"),
        ("/troubleTicket", "GET, HEAD, POST"),  # a provider can be asked for one: receiver/relay
    ):
        answer = here.get(path, method="DELETE")
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert here.get("/troubleTicket", accept="text/html").status_code == 406
    head = here.get("/troubleTicket", method="HEAD")
    assert (head.status_code, head.content) == (206, b"")
    assert int(head.headers["x-total-count"]) > 7


def test_only_who_may_read_reads(here):
    for path in ("/troubleTicket", "/troubleTicket/x", f"{FIT}/cancelTroubleTicket"):
        assert here.get(path, "carrier").status_code == 403
        assert here.get(path, authorization="Bearer nobody").status_code == 401
        assert here.get(path, "crm").status_code in (200, 206, 404)


def test_a_list_beyond_its_end_is_empty_and_says_how_many_there_are(here):
    total = here.get("/troubleTicket").headers["x-total-count"]
    answer = here.get(f"/troubleTicket?offset={10**6}&limit=5")
    assert (answer.status_code, answer.json()) == (200, [])
    assert (answer.headers["x-total-count"], answer.headers["x-result-count"]) == (total, "0")
    before = here.get(urljoin("/troubleTicket", answer.links["prev"]["url"]))
    assert before.json() == here.get(urljoin("/troubleTicket", answer.links["last"]["url"])).json()


def test_an_answer_that_is_there_already_is_304_until_something_is_told(here):
    one = {"id": "TT-ETAG", "name": "No sync", "status": "acknowledged"}
    here.tell("TroubleTicket", one, 1, event="Create")
    here.folded()
    paths = (
        "/troubleTicket?limit=50",
        "/troubleTicket/TT-ETAG",
        "/troubleTicket/TT-ETAG?fields=name",
    )
    tags = {path: here.get(path).headers["etag"] for path in paths}
    assert len(set(tags.values())) == len(paths)
    for path, tag in tags.items():
        again = here.get(path, if_none_match=f'"other", {tag}')
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    here.tell("TroubleTicket", {"id": "TT-ETAG", "status": "held"}, 2)
    here.folded()
    answers = [here.get(path, if_none_match=tag) for path, tag in tags.items()]
    # Its name is the same: who asked for the name only has it.
    assert [answer.status_code for answer in answers] == [200, 200, 304]
    assert answers[1].json()["status"] == "held"


def test_where_two_sources_know_one_id_the_source_has_to_be_named(here):
    for token, status in (("carrier", "held"), (None, "closed")):
        resource = {"id": "TT-BOTH/1 ü", "name": "Both", "status": status}
        here.tell("TroubleTicket", resource, 1, token, event="Create")
    here.folded()
    path = f"/troubleTicket/{quote('TT-BOTH/1 ü', safe='')}"
    refused = here.get(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "ambiguous-resource")
    assert "carrier, default" in refused.json()["message"]
    assert here.get(f"{path}?source=carrier").json()["status"] == "held"
    assert here.get(f"{path}?source=default").json()["status"] == "closed"
    assert here.get(f"{path}?source=nobody").status_code == 404
    both = here.get("/troubleTicket?id=TT-BOTH/1 ü").json()
    assert [one["status"] for one in both] == ["held", "closed"]
    assert len(here.get("/troubleTicket?id=TT-BOTH/1 ü&source=carrier").json()) == 1


def test_a_deleted_resource_is_gone_but_not_as_of_a_time_before(here):
    path = "/troubleTicket/TT-GONE"
    here.tell("TroubleTicket", {"id": "TT-GONE", "name": "N", "status": "held"}, 1, event="Create")
    here.tell("TroubleTicket", {"id": "TT-GONE", "status": "closed"}, 3)
    here.tell("TroubleTicket", {"id": "TT-GONE"}, 5, event="Delete")
    here.folded()
    gone = here.get(path)
    assert (gone.status_code, gone.json()["code"]) == (404, "resource-deleted")
    assert "2026-11-02T14:00:00.000Z" in gone.json()["message"]
    assert here.get("/troubleTicket?id=TT-GONE").json() == []

    def as_of(hour):
        at = (START + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")
        return here.get(f"{path}?asOf={at}")

    assert as_of(0).status_code == 404
    assert as_of(2).json()["status"] == "held"
    assert as_of(4).json()["status"] == "closed"
    assert as_of(6).json()["code"] == "resource-deleted"
    # A plus that the client did not encode.
    assert here.get(f"{path}?asOf=2026-11-02T12:00:00+01:00").json()["status"] == "held"
    assert here.get(f"{path}?knownAt=2026-11-02T12:00:00Z").status_code == 404
    assert here.get(f"{path}?knownAt=2999-01-01T00:00:00Z").json()["code"] == "resource-deleted"


def test_a_task_has_a_past_too(here):
    task = {
        "@type": "CancelTroubleTicket",
        "id": "C-1",
        "troubleTicket": {"id": "TT-ETAG", "@type": "TroubleTicketRef"},
    }
    for hour, state in ((2, "acknowledged"), (4, "done")):
        here.tell("CancelTroubleTicket", task | {"state": state}, hour, event="StateChange")
    here.folded()
    assert here.get("/cancelTroubleTicket/C-1").json()["state"] == "done"
    then = here.get("/cancelTroubleTicket/C-1?asOf=2026-11-02T12:00:00Z").json()
    assert then["state"] == "acknowledged"


def test_what_the_provider_leaves_out_is_completed_and_what_it_cleared_is_not_there(here, schemas):
    here.tell("TroubleTicket", {"id": "TT-THIN", "status": "held", "severity": "Major"}, 1)
    here.tell("TroubleTicket", {"id": "TT-THIN", "severity": None}, 2)
    here.folded()
    for prefix in ("", FIT):
        one = here.get(f"{prefix}/troubleTicket/TT-THIN").json()
        assert "severity" not in one
        assert (one["id"], one["@type"]) == ("TT-THIN", "TroubleTicket")
        assert one["href"] == f"{prefix}/troubleTicket/TT-THIN"
        check(schemas, "TroubleTicket", one)


def test_attributes_of_extensions_and_whatever_was_told_can_be_asked_for(here):
    assert here.get("/troubleTicket?expressFaultResolution=true").status_code in (200, 206)
    here.tell("TroubleTicket", {"id": "TT-OWN", "x_floor": {"number": 3}}, 1)
    here.folded()
    assert [one["id"] for one in here.get("/troubleTicket?x_floor.number=3").json()] == ["TT-OWN"]


def test_it_is_described(here):
    document = here.get("/openapi.json").json()
    for kind in KINDS:
        listed = document["paths"][mirrored.path_of(kind)]["get"]
        assert listed["operationId"] == f"list{kind}"
        assert {"200", "206", "304", "400", "503"} <= set(listed["responses"])
        assert f"{mirrored.path_of(kind)}/{{id}}" in document["paths"]


def test_without_a_history_it_says_so_and_events_are_taken_all_the_same(tmp_path):
    with receiving(tmp_path, "") as process:
        for path in ("/troubleTicket", "/troubleTicket/1", "/cancelTroubleTicket"):
            answer = httpx.get(process.url + path, trust_env=False)
            assert (answer.status_code, answer.json()["code"]) == (503, "mirror-unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert process.deliver("while-there-is-no-history").status_code == 204
        with closing(follower.connect(process.data / "history.db")) as connection:
            connection.execute("PRAGMA user_version = 1")
        answer = httpx.get(f"{process.url}/troubleTicket", trust_env=False)
        assert (answer.status_code, "another version" in answer.text) == (503, True)
        with closing(open_reader(process.data)) as log:
            assert log.head() == 1
