"""POST /hub as TMF621 and TMF630 have it: who may subscribe, to what, and what it is answered."""

import httpx
import pytest
import yaml

from config.hashed import sha256_of
from tests.edge import assert_error, reference
from tests.receiving import receiving

TOKENS = {name: f"a-token-of-{name}-0123456789" for name in ("crm", "erp", "carrier")}
AGREED = "https://93.184.215.14/tmf"
CONFIG = "[hub]\nsubscriptions = 3\n[sources.default]\n" + "".join(
    f'[sources.{name}]\nscopes = ["{scope}"]\ncallbacks = {callbacks}\n'
    f'[sources.{name}.bearer]\ntokens = ["{sha256_of(TOKENS[name])}"]\n'
    for name, scope, callbacks in (
        ("crm", "read", [AGREED, "http://127.0.0.1:9", "https://[::1]/x", "https://localhost"]),
        ("erp", "read", [AGREED]),
        ("carrier", "write", [AGREED]),
    )
)
PREFIX = "/tmf-api/troubleTicketManagement/v5"


@pytest.fixture(scope="module")
def asks(tmp_path_factory):
    with (
        receiving(tmp_path_factory.mktemp("hub"), CONFIG) as process,
        httpx.Client(base_url=process.url, trust_env=False, verify=False) as client,
    ):

        def ask(method: str, path: str, who: str | None = "crm", **more):
            headers = {"authorization": f"Bearer {TOKENS[who]}"} if who else {}
            return client.request(method, path, headers=headers | more.pop("headers", {}), **more)

        yield ask


def test_a_subscription_is_made_shown_and_ended(asks):
    query = "eventType=TroubleTicketCreateEvent,TroubleTicketStateChangeEvent"
    made = asks("POST", f"{PREFIX}/hub", json={"@type": "Hub", "callback": AGREED, "query": query})
    assert made.status_code == 201, made.text
    told = made.json()
    where = made.headers["location"]
    assert where == f"{PREFIX}/hub/{told['id']}"
    assert (told["@type"], told["callback"], told["query"]) == ("Hub", AGREED, query)
    assert asks("GET", where).json() == told
    again = asks("POST", f"{PREFIX}/hub", json={"callback": AGREED, "query": query})
    assert (again.status_code, again.headers["location"]) == (201, where)
    for other in ("erp", None):
        assert asks("GET", where, other).status_code == 404
        assert asks("DELETE", where, other).status_code == 404
    assert asks("DELETE", where).status_code == 204
    assert asks("DELETE", where).status_code == 404
    assert asks("GET", where).status_code == 404


def test_every_prefix_has_its_hub_and_only_its_methods(asks):
    for prefix in ("", PREFIX, "/tmf-api/troubleTicket/v5"):
        made = asks("POST", f"{prefix}/hub", "erp", json={"callback": AGREED})
        assert made.headers["location"].startswith(f"{prefix}/hub/")
        assert asks("GET", f"{prefix}/hub", "erp").headers["allow"] == "POST"
        assert asks("PUT", made.headers["location"], "erp").status_code == 405
    asks("DELETE", made.headers["location"], "erp")


def test_an_answer_is_a_hub_of_the_official_description(asks):
    official = yaml.safe_load(reference("TMF621-Trouble_Ticket-v5.0.1.oas.yaml").read_text())
    made = asks("POST", "/hub", "erp", json={"callback": AGREED})
    schema = official["components"]["schemas"]["Hub"]["allOf"][1]
    assert set(schema["required"]) <= set(made.json())
    assert {name: type(made.json()[name]) for name in schema["properties"]} == dict.fromkeys(schema["properties"], str)  # fmt: skip
    asks("DELETE", made.headers["location"], "erp")


@pytest.mark.parametrize(
    "callback",
    ["https://93.184.215.14", "https://93.184.215.14/tmfx", "http://93.184.215.14/tmf", "https://93.184.215.14:444/tmf", "https://other.example/tmf"],
)  # fmt: skip
def test_a_callback_that_was_not_agreed_is_refused(asks, callback):
    error = assert_error(asks("POST", "/hub", json={"callback": callback}), 403)
    assert error["message"].startswith("callback: ")
    assert "sources.crm" in error["message"]


@pytest.mark.parametrize(
    "callback",
    [
        *("", None, 7, "ftp://93.184.215.14/tmf", "https:///tmf", "https://[::1", "/tmf", "//x/tmf"),
        *(f"{AGREED}/../admin", f"{AGREED}/%2e%2e/admin", f"{AGREED}/.", f"{AGREED}//x", f"{AGREED}\\x"),
        *(f"{AGREED}?a=b", f"{AGREED}#a", f"{AGREED}?", "https://user@93.184.215.14/tmf"),
        *("https://93.184.215.14:99999/tmf", f"{AGREED}/{'x' * 1000}", f"{AGREED}/\r\nx", "https://ex\u00e4mple/tmf"),
    ],
)  # fmt: skip
def test_what_is_no_callback_is_refused_and_named(asks, callback):
    error = assert_error(asks("POST", "/hub", json={"callback": callback}), 400)
    assert error["message"].startswith("callback: ")


@pytest.mark.parametrize(
    "callback", ["http://127.0.0.1:9/a", "https://[::1]/x", "https://localhost"]
)
def test_an_address_that_is_not_public_is_refused_although_it_was_agreed(asks, callback):
    error = assert_error(asks("POST", "/hub", json={"callback": callback}), 400)
    assert "not public" in error["message"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("eventType=NoSuchEvent", "eventType"),
        ("eventType=", "eventType"),
        ("eventType", "eventType"),
        ("fields=id", "fields"),
        ("filter=$..x", "filter"),
        ("troubleTicket.name.regex=x", "regex"),
        ("colour=red", "colour"),
        (["x"], "query"),
        ("x" * 3_000, "query"),
    ],
)
def test_a_query_that_is_not_understood_is_refused_and_named(asks, query, named):
    error = assert_error(asks("POST", "/hub", json={"callback": AGREED, "query": query}), 400)
    assert named in error["message"]


def test_who_may_not_read_cannot_subscribe(asks):
    body = {"callback": AGREED}
    assert asks("POST", "/hub", "carrier", json=body).status_code == 403
    assert asks("POST", "/hub", None, json=body).status_code == 403  # nothing agreed with anybody
    assert asks("POST", "/hub", None, json=body, headers={"authorization": "Bearer x"}).status_code == 401  # fmt: skip
    plain = {"content-type": "text/plain"}
    assert asks("POST", "/hub", content=b'{"callback": "x"}', headers=plain).status_code == 400


def test_a_source_has_so_many_subscriptions_and_no_more(asks):
    made = [asks("POST", "/hub", json={"callback": f"{AGREED}/{number}"}) for number in range(4)]
    assert [one.status_code for one in made] == [201, 201, 201, 409]
    assert_error(made[3], 409)
    for one in made[:3]:
        assert asks("DELETE", one.headers["location"]).status_code == 204
