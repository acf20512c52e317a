"""The simulated provider's API: its answers are valid against the official OAS, and as TMF630 has it."""

import base64
import json
import ssl
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import httpx
import jsonschema
import pytest
import yaml

from tests.certificates import Authority
from tests.edge import reference
from tests.provider.access import Access
from tests.provider.dialects import DIALECTS
from tests.provider.habits import Habits
from tests.provider.provider import NOW
from tests.provider.queries import OPERATORS
from tests.provider.running import running_provider
from tests.provider.specifications import DELETED, RETIRED
from tests.provider.ticket import Fact

V5 = "TMF621-Trouble_Ticket-v5.0.1.oas.yaml"
V4 = "TMF621-TroubleTicket-v4.0.0.swagger.json"
NEW = {
    "@type": "TroubleTicket",
    "name": "Kein Sync",
    "description": "LED blinkt",
    "severity": "Minor",
    "ticketType": "Fault",
    "note": [{"@type": "Note", "id": "1", "text": "seit gestern"}],
    "externalIdentifier": [{"@type": "ExternalIdentifier", "id": "INC1", "owner": "we"}],
}


class Asking:
    """A client of a running provider."""

    def __init__(self, provider):
        self.provider = provider
        self._client = httpx.Client(trust_env=False, timeout=20)

    def ask(self, path, method="GET", **options):
        return self._client.request(method, f"{self.provider.base_url}{path}", **options)

    def post(self, path, body, **options):
        return self.ask(path, "POST", json=body, **options)

    def close(self):
        self._client.close()


@pytest.fixture
def here():
    habits = Habits(most=1000)
    with (
        running_provider(5, 40, habits=habits) as provider,
        closing(Asking(provider)) as asking,
    ):
        provider.advance(minutes=15)
        yield asking


@pytest.fixture(scope="module")
def official():
    """The schemas of v5, each oneOf as anyOf: the discriminator picks, which JSON Schema does not know."""
    text = reference(V5).read_text(encoding="utf-8")
    return yaml.load(text.replace("oneOf:", "anyOf:"), Loader=yaml.CSafeLoader)


def check(official, name, value):
    schema = {"$ref": f"#/components/schemas/{name}", "components": official["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def refused(official, answer, status):
    assert answer.status_code == status, answer.text
    check(official, "Error", answer.json())
    assert answer.json()["status"] == str(status)
    return answer.json()["reason"]


def test_lists_and_single_resources_are_valid_and_what_the_provider_knows(official):
    with (
        running_provider(5, 40, dialect="v5", habits=Habits(most=1000)) as provider,
        closing(Asking(provider)) as here,
    ):
        provider.advance(minutes=15)
        for kind, schema in (
            ("troubleTicket", "TroubleTicket_RES"),
            ("troubleTicketSpecification", "TroubleTicketSpecification_RES"),
        ):
            known = provider.resources(kind)
            answer = here.ask(f"/{kind}")
            assert len(answer.json()) == len(known)
            assert int(answer.headers["x-total-count"]) == len(known)
            for one in answer.json():
                check(official, schema, one)
                assert one == known[one["id"]]
            number = next(iter(known))
            assert here.ask(f"/{kind}/{number}").json() == known[number]
        assert here.ask("/cancelTroubleTicket").status_code == 404


def test_fit_tickets_are_valid_but_for_the_status_that_fit_adds(here, official):
    odd = 0
    for one in here.provider.tickets().values():
        try:
            check(official, "TroubleTicket_RES", one)
        except jsonschema.ValidationError:
            odd += 1
            assert "assessingCancellation" in json.dumps(one)
    assert odd < 5


def test_tasks_are_listed_and_refer_to_their_ticket(here):
    for kind in ("cancelTroubleTicket", "inflightChangeTroubleTicket"):
        tasks = here.ask(f"/{kind}").json()
        assert tasks
        for one in tasks:
            assert {
                "id",
                "href",
                "@type",
                "state",
                "requestDate",
                "entity",
                "troubleTicket",
            } <= set(one)
            assert here.ask(f"/{kind}/{one['id']}").json() == one


def test_pages_together_are_the_whole_list(here):
    whole = here.ask("/troubleTicket").json()
    pages = []
    for offset in range(0, len(whole) + 7, 7):
        answer = here.ask(f"/troubleTicket?offset={offset}&limit=7")
        assert answer.headers["x-result-count"] == str(len(answer.json()))
        assert answer.headers["x-total-count"] == str(len(whole))
        pages += answer.json()
    assert pages == whole
    assert len(whole) > 40


def test_a_new_ticket_moves_the_pages_where_the_newest_are_first(here):
    newest = here.ask("/troubleTicket?limit=1").json()
    made = here.post("/troubleTicket", NEW).json()
    assert here.ask("/troubleTicket?limit=2").json() == [made, *newest]
    here.provider.habits = replace(here.provider.habits, newest_first=False)
    assert here.ask("/troubleTicket").json()[-1] == made


def test_it_sorts_by_instants_and_a_provider_that_cannot_ignores_it(here):
    tickets = here.ask("/troubleTicket?sort=-lastUpdate").json()
    moments = [datetime.fromisoformat(one["lastUpdate"]) for one in tickets]
    assert moments == sorted(moments, reverse=True)
    assert len({moment.utcoffset() for moment in moments}) > 1
    unsorted = here.ask("/troubleTicket").json()
    assert unsorted != tickets
    here.provider.habits = replace(here.provider.habits, sorts=False)
    assert here.ask("/troubleTicket?sort=-lastUpdate").json() == unsorted


def test_it_filters_and_a_provider_that_cannot_ignores_it(here):
    whole = here.ask("/troubleTicket").json()
    held = here.ask("/troubleTicket?status=held,pending&severity=Major").json()
    assert held == [
        one
        for one in whole
        if one.get("status") in ("held", "pending") and one["severity"] == "Major"
    ]
    assert 0 < len(held) < len(whole)
    owner = whole[0]["relatedParty"][0]["partyOrPartyRole"]["name"]
    by_owner = here.ask(
        "/troubleTicket", params={"relatedParty.partyOrPartyRole.name": owner}
    ).json()
    assert whole[0] in by_owner
    since = whole[3]["lastUpdate"]
    counts = {}
    for operator in OPERATORS:
        answer = here.ask("/troubleTicket", params={f"lastUpdate.{operator}": since})
        counts[operator] = len(answer.json())
    assert counts["gte"] == counts["gt"] + counts["eq"]
    assert counts["lte"] == counts["lt"] + counts["eq"]
    assert counts["eq"] + counts["ne"] == counts["lte"] + counts["gt"] == len(whole)
    assert counts["lt"] > 0
    here.provider.habits = replace(here.provider.habits, filters=False)
    assert len(here.ask("/troubleTicket?status=held").json()) == len(whole)


def test_fields_are_chosen_and_identity_is_always_told(here):
    for one in here.ask("/troubleTicket?fields=name,status").json():
        assert set(one) - {"name", "status"} == {"id", "href", "@type"}
    number = next(iter(here.provider.tickets()))
    assert set(here.ask(f"/troubleTicket/{number}?fields=none").json()) == {"id", "href", "@type"}


def test_counts_and_206_are_habits(here):
    here.provider.habits = replace(here.provider.habits, counts=False, partial=True, most=10)
    answer = here.ask("/troubleTicket")
    assert (answer.status_code, len(answer.json())) == (206, 10)
    assert "x-total-count" not in answer.headers
    assert here.ask("/troubleTicketSpecification").status_code == 200


@pytest.mark.parametrize(
    ("path", "method", "status", "names"),
    [
        ("/troubleTicket/none", "GET", 404, "none"),
        ("/troubleTicket?limit=x", "GET", 400, "limit"),
        ("/troubleTicket?limit=0", "GET", 400, "limit"),
        ("/troubleTicket?offset=-1", "GET", 400, "offset"),
        ("/troubleTicket?status=", "GET", 400, "status"),
        ("/troubleTicket?filter=$.note", "GET", 400, "filter"),
        ("/troubleTicket", "DELETE", 405, "GET, POST"),
        ("/troubleTicketSpecification", "POST", 405, "GET"),
        ("/hub/none", "DELETE", 404, "subscription"),
        ("/hub", "GET", 405, "POST"),
        ("/nothing", "GET", 404, "/nothing"),
    ],
)
def test_what_is_refused_says_why(here, official, path, method, status, names):
    assert names in refused(official, here.ask(path, method), status)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"callback": 1}',
        b'{"callback": "ftp://x"}',
        b'{"callback": "http://x", "query": "status=held"}',
        b'{"callback": "http://x", "query": 1}',
    ],
)
def test_a_subscription_that_cannot_be_read_is_refused(here, official, body):
    refused(official, here.ask("/hub", "POST", content=body), 400)
    assert here.provider.hubs() == []


def test_a_subscription_is_made_asked_for_and_ended(here, official):
    body = {"@type": "Hub", "callback": "http://127.0.0.1:9", "query": "eventType=X"}
    made = here.post("/hub", body)
    assert made.status_code == 201
    check(official, "Hub", made.json())
    assert made.headers["location"].endswith(f"/hub/{made.json()['id']}")
    assert made.json().items() >= body.items()
    path = f"/hub/{made.json()['id']}"
    assert here.ask(path).json() == made.json()
    again = here.post("/hub", body)
    assert again.status_code == 201
    assert again.json()["id"] != made.json()["id"]
    assert here.ask(path, "DELETE").status_code == 204
    assert here.ask(path).status_code == here.ask(path, "DELETE").status_code == 404


def test_how_it_treats_its_hub_is_a_habit(here, official):
    body = {"callback": "http://127.0.0.1:9"}
    made = here.post("/hub", body).json()
    here.provider.habits = replace(
        here.provider.habits, hub_get=False, hub_list=True, hub_once=True
    )
    refused(official, here.ask(f"/hub/{made['id']}"), 405)
    refused(official, here.post("/hub", body), 409)
    assert here.ask("/hub").json() == [made]


def test_a_posted_ticket_is_a_ticket_like_others(here, official):
    answer = here.post("/troubleTicket", NEW)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"].endswith(f"/troubleTicket/{made['id']}")
    assert all(made[name] == value for name, value in NEW.items() if name != "@type")
    assert made["status"] == "acknowledged"
    check(official, "TroubleTicket_RES", made)
    assert here.ask(f"/troubleTicket/{made['id']}").json() == made
    here.provider.advance(minutes=60)
    later = here.ask(f"/troubleTicket/{made['id']}").json()
    assert len(later["statusChangeHistory"]) > 1
    assert later["note"][0] == NEW["note"][0]


@pytest.mark.parametrize(
    ("path", "body", "status", "names"),
    [
        *(
            ("/troubleTicket", {key: value for key, value in NEW.items() if key != name}, 400, name)
            for name in ("description", "severity", "ticketType")
        ),
        ("/troubleTicket", NEW | {"note": "x"}, 400, "note"),
        (
            "/troubleTicket",
            NEW | {"requestedResolutionDate": "soon"},
            400,
            "requestedResolutionDate",
        ),
        ("/cancelTroubleTicket", {}, 400, "troubleTicket.id"),
        ("/cancelTroubleTicket", {"troubleTicket": {"id": "TT-0"}}, 409, "TT-0"),
        ("/inflightChangeTroubleTicket", {"troubleTicket": {"id": "NEW"}}, 400, "category"),
    ],
)
def test_what_cannot_be_opened_is_refused_and_named(here, official, path, body, status, names):
    if body.get("troubleTicket") == {"id": "NEW"}:
        body = {"troubleTicket": {"id": here.post("/troubleTicket", NEW).json()["id"]}}
    assert names in refused(official, here.post(path, body), status)


def test_a_posted_cancellation_ends_the_ticket_or_is_rejected_and_the_ticket_lives_on(here):
    ends = set()
    for _ in range(40):
        if ends == {"done", "rejected"}:
            break
        ticket = here.post("/troubleTicket", NEW).json()
        asked = {"cancellationReason": "Doppelt", "troubleTicket": {"id": ticket["id"]}}
        task = here.post("/cancelTroubleTicket", asked).json()
        assert task["state"] == "acknowledged"
        assert task["cancellationReason"] == "Doppelt"
        assert task["troubleTicket"]["id"] == ticket["id"]
        state = settled(here, f"/cancelTroubleTicket/{task['id']}")
        ends.add(state)
        path = f"/troubleTicket/{ticket['id']}"
        if state == "done":
            assert here.ask(path).json()["status"] == "cancelled"
            assert here.post("/cancelTroubleTicket", asked).status_code == 409
        else:
            here.provider.advance(minutes=30)
            assert here.ask(path).json()["status"] not in ("acknowledged", "cancelled")
    assert ends == {"done", "rejected"}


def settled(here, path):
    """The last state of a task."""
    for _ in range(200):
        state = here.ask(path).json()["state"]
        if state not in ("acknowledged", "inProgress"):
            return state
        here.provider.advance(minutes=1)
    raise AssertionError(path)


def test_a_posted_change_reaches_the_ticket(here):
    ticket = here.post("/troubleTicket", NEW).json()
    asked = {
        "category": ["requestedResolutionDate"],
        "requestedResolutionDate": "2026-12-24T12:00:00.000Z",
        "troubleTicket": {"id": ticket["id"]},
    }
    for _ in range(20):
        task = here.post("/inflightChangeTroubleTicket", asked).json()
        if settled(here, f"/inflightChangeTroubleTicket/{task['id']}") == "done":
            break
    later = here.ask(f"/troubleTicket/{ticket['id']}").json()["requestedResolutionDate"]
    assert later in ("2026-12-24T12:00:00.000Z", "2026-12-24T13:00:00+01:00")


def basic(name, secret):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    ("access", "right"),
    [
        (Access("basic", "we", "s3cret"), basic("we", "s3cret")),
        (Access("bearer", secret="t0ken"), "Bearer t0ken"),
    ],
)
def test_without_the_right_credentials_nothing_is_told(official, access, right):
    with running_provider(5, 10, access=access) as provider, closing(Asking(provider)) as here:
        for shown in ({}, {"authorization": "Bearer wrong"}, {"authorization": basic("we", "no")}):
            answer = here.ask("/troubleTicket", headers=shown)
            refused(official, answer, 401)
            assert answer.headers["www-authenticate"].lower().startswith(access.kind)
        assert here.ask("/troubleTicket", headers={"authorization": right}).status_code == 200


def test_client_credentials_give_a_token_for_the_scopes_asked_for(official):
    access = Access("oauth", "we", "s3cret/ü", scopes=("read", "write"), token_seconds=60)
    with running_provider(5, 10, access=access) as provider, closing(Asking(provider)) as here:

        def token(form=None, **headers):
            told = {"grant_type": "client_credentials", **(form or {})}
            return httpx.post(provider.token_url, data=told, headers=headers, trust_env=False)

        shown = basic("we", "s3cret%2F%C3%BC")
        answer = token({"scope": "read"}, authorization=shown)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        told = answer.json()
        assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 60, "read")
        bearer = {"authorization": f"Bearer {told['access_token']}"}
        assert here.ask("/troubleTicket", headers=bearer).status_code == 200
        refused(official, here.post("/troubleTicket", NEW, headers=bearer), 403)
        both = token({"client_id": "we", "client_secret": "s3cret/ü"}).json()["access_token"]
        written = {"authorization": f"Bearer {both}"}
        assert here.post("/troubleTicket", NEW, headers=written).status_code == 201
        for form, status, name in (
            ({"client_id": "we", "client_secret": "no"}, 401, "invalid_client"),
            ({"scope": "admin"}, 400, "invalid_scope"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ):
            bad = token(form, **({} if "client_id" in form else {"authorization": shown}))
            assert (bad.status_code, bad.json()["error"]) == (status, name)
        provider.revoke_tokens()
        refused(official, here.ask("/troubleTicket", headers=bearer), 401)


def test_it_can_ask_for_a_client_certificate(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = map(str, authority.issue("provider"))
    options = {
        "ssl_certfile": certificate,
        "ssl_keyfile": key,
        "ssl_ca_certs": str(authority.file),
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
    }
    with running_provider(5, 10, uvicorn_options=options) as provider:
        trusting = ssl.create_default_context(cafile=str(authority.file))
        with (
            httpx.Client(verify=trusting, trust_env=False) as client,
            pytest.raises(httpx.TransportError),
        ):
            client.get(f"{provider.base_url}/troubleTicket")
        trusting.load_cert_chain(*map(str, authority.issue("consumer")))
        with httpx.Client(verify=trusting, trust_env=False) as client:
            assert client.get(f"{provider.base_url}/troubleTicket").status_code == 200


def test_a_busy_provider_answers_some_with_429(here, official):
    here.provider.habits = replace(here.provider.habits, busy=0.5)
    answers = [here.ask("/troubleTicket?limit=1") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200, 429}
    for answer in answers:
        if answer.status_code == 429:
            refused(official, answer, 429)
            assert answer.headers["retry-after"] == "0"


def test_version_4_has_six_events_tickets_alone_and_its_older_names():
    swagger = json.loads(reference(V4).read_text(encoding="utf-8"))
    habits = Habits(lose=1.0)
    with (
        running_provider(5, 40, dialect="v4", habits=habits) as provider,
        closing(Asking(provider)) as here,
    ):
        made = here.post("/hub", {"callback": "http://127.0.0.1:9"})
        assert set(made.json()) == {"id", "callback", "query"}
        provider.advance(minutes=30)
        told = [json.loads(one.body) for one in provider.told()]
        assert {
            f"/listener/{one['eventType'][0].lower()}{one['eventType'][1:]}" for one in told
        } <= set(swagger["paths"])
        assert len({one["eventType"] for one in told}) >= 5
        assert all("timeOcurred" in one and "timeOccurred" not in one for one in told)
        schema = {"$ref": "#/definitions/TroubleTicket", "definitions": swagger["definitions"]}
        members = swagger["definitions"]["TroubleTicket"]["properties"]
        for one in here.ask("/troubleTicket").json():
            jsonschema.Draft4Validator(schema).validate(one)
            if one["@type"] == "TroubleTicket":
                assert set(one) <= set(members) | {
                    "troubleTicketMilestone",
                    "troubleTicketJeopardyAlert",
                }
        assert here.ask("/troubleTicketSpecification").status_code == 404
        assert here.ask(f"/hub/{made.json()['id']}").status_code == 405


def test_what_was_deleted_is_not_there(here):
    numbers = {one["id"] for one in here.ask("/troubleTicketSpecification").json()}
    assert RETIRED in numbers
    assert DELETED not in numbers
    assert here.ask(f"/troubleTicketSpecification/{DELETED}").status_code == 404


def test_fit_version_1_tells_neither_resolved_nor_delete():
    with (
        running_provider(5, 40, dialect="fit-v1", habits=Habits(lose=1.0)) as provider,
        closing(Asking(provider)) as here,
    ):
        here.post("/hub", {"callback": "http://127.0.0.1:9"})
        provider.advance(minutes=30)
        deleted = Fact(NOW, "TroubleTicketDeleteEvent", "TT-1", {"troubleTicket": {"id": "TT-1"}})
        assert DIALECTS["fit"].told(deleted) == deleted
        assert DIALECTS["fit-v1"].told(deleted) is None
        kinds = {one.event_type for one in provider.told()}
        assert "TroubleTicketStatusChangeEvent" in kinds
        assert not kinds & {"TroubleTicketResolvedEvent", "TroubleTicketDeleteEvent"}
        assert any(b'"status": "resolved"' in one.body for one in provider.told())


def test_other_processes_turn_its_knobs_by_http(here):
    url = here.provider.url

    def control(path, **told):
        return httpx.post(f"{url}/-/{path}", json=told, trust_env=False, timeout=30)

    here.post("/hub", {"callback": "http://127.0.0.1:9"})
    assert control("habits", lose=1, pauses=[0.5], sorts=False).status_code == 200
    assert here.provider.habits.lose == 1.0
    assert here.provider.habits.pauses == (0.5,)
    before = here.provider.now
    state = control("advance", minutes=2).json()
    assert (here.provider.now - before).total_seconds() == 120
    assert set(state["told"]) == {"lost"}
    assert control("forget-hubs").json()["hubs"] == []
    assert here.provider.hubs() == []
    for wrong in ({"looses": 1}, {"lose": "x"}, {"sorts": 3}):
        answer = control("habits", **wrong)
        assert answer.status_code == 400
        assert next(iter(wrong)) in answer.json()["error"]
    asked = httpx.get(f"{url}/-/asked", trust_env=False).json()
    assert asked == ["POST /hub 201"]
