"""The relay over HTTP: who may ask, what is passed on, and that a key is asked once."""

import copy
import json
import sqlite3
import threading
from contextlib import closing, contextmanager

import httpx
import jsonschema
import pytest

from config.hashed import sha256_of
from store import open_reader
from tests.conformance.test_all_24_operations import WISHES, picked_by_type
from tests.conformance.test_official_examples import official
from tests.edge import assert_error
from tests.receiving import receiving, wait_for
from tests.stand_in import stand_in

TOKENS = {name: f"a-token-of-{name}-0123456789" for name in ("crm", "erp", "carrier")}
SOURCES = "[sources.default]\n" + "".join(
    f'[sources.{name}]\nscopes = {scopes}\n[sources.{name}.bearer]\ntokens = ["{sha256_of(TOKENS[name])}"]\n'
    for name, scopes in (("crm", '["ask"]'), ("erp", '["read", "ask"]'), ("carrier", "[]"))
)
TICKET = {
    "@type": "TroubleTicket",
    "description": "no sync since this morning",
    "severity": "Major",
    "ticketType": "incident",
}
CANCEL = {"@type": "CancelTroubleTicket", **WISHES["CancelTroubleTicket"]}


def provider_table(source, url, more=""):
    return f'[sources.{source}.provider]\nbase_url = "{url}/tt"\ntimeout_seconds = 3\n{more}\n'


class Here:
    def __init__(self, process, provider):
        self.process, self.provider, self.data = process, provider, process.data
        self._client = httpx.Client(trust_env=False, timeout=20, base_url=process.url)

    def ask(self, body=TICKET, key=None, token=None, path="/troubleTicket", **headers):
        told = {"content-type": "application/json"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            told["idempotency-key"] = key
        if token:
            told["authorization"] = f"Bearer {TOKENS[token]}"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._client.post(path, content=content, headers=told)

    def events(self):
        with closing(open_reader(self.data)) as log:
            return list(log.read())

    def described(self):
        return self._client.get("/openapi.json").json()

    def rows(self):
        with closing(sqlite3.connect(self.data / "asked.db")) as connection:
            return connection.execute("SELECT state, position, body, answer FROM asked").fetchall()

    def close(self):
        self._client.close()


@contextmanager
def asking(directory, more="", config=None):
    with stand_in() as provider:
        text = SOURCES + (
            provider_table("default", provider.url, more) if config is None else config
        )
        with receiving(directory, text) as process, closing(Here(process, provider)) as here:
            yield here


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with asking(tmp_path_factory.mktemp("relay")) as here:
        yield here


@pytest.fixture
def here(shared):
    shared.provider.posts.clear()
    shared.provider.reply = None
    shared.provider.may_answer.set()
    return shared


def reply(status, body=b"", **headers):
    return lambda _post: (status, headers, body)


def test_the_very_bytes_go_to_the_provider_and_its_answer_comes_back(here):
    body = b'{ "@type": "TroubleTicket",\n "description":"\\u00e4", "severity":"Major", "ticketType":"x", "x": [1.0] }'
    answer = here.ask(body, key="bytes", X_Request_Id="my-request-1")
    (post,) = here.provider.posts
    assert (post.path, post.body) == ("/tt/troubleTicket", body)
    assert post.headers["content-type"] == "application/json"
    assert post.headers["x-request-id"] == answer.headers["x-request-id"] == "my-request-1"
    assert len(post.headers["idempotency-key"]) == 36
    status, told, content = here.provider.made(post)
    assert (answer.status_code, answer.content) == (status, content)
    assert answer.headers["location"] == f"{here.provider.url}{told['location']}"
    assert answer.headers["content-type"] == "application/json"


def test_what_was_asked_and_answered_is_an_event_of_the_ticket(here):
    answer = here.ask(key="an-event")
    event = here.events()[-1]
    assert str(event.position) == answer.headers["x-event-position"]
    assert event.event_type == "TroubleTicketRequestedEvent"
    assert event.ticket_id == event.resource_id == answer.json()["id"]
    said = json.loads(event.body)
    assert said["event"]["troubleTicket"] == TICKET
    assert said["requested"]["answer"] == answer.json()
    assert (said["requested"]["status"], said["requested"]["by"]) == (201, "default")
    cancelled = here.ask(CANCEL, path="/cancelTroubleTicket")
    event = here.events()[-1]
    assert (event.ticket_id, event.resource_id) == ("TT-104212", cancelled.json()["id"])
    # Once the log has them, their bytes are nowhere else.
    assert {row[2:] for row in here.rows()} == {(None, None)}
    assert b"no sync since" not in (here.data / "asked.db").read_bytes()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, b' {"id": "1",  "x": "\xc3\xa4"} '),
        (202, b""),
        (400, b'{"@type": "Error", "code": "7", "reason": "no such line"}'),
        (403, b'"not yours"'),
        (500, b"<html>sorry \xff</html>"),
    ],
)
def test_the_same_key_is_answered_the_same_and_asked_once(here, status, body):
    kind = "text/html" if status == 500 else "application/json"
    here.provider.reply = reply(status, body, **{"content-type": kind, "location": "/x/1"})
    first = here.ask(key=f"once-{status}")
    head = len(here.events())
    # The same JSON written otherwise is the same request.
    again = here.ask(json.dumps(dict(reversed(TICKET.items())), indent=3).encode(), key=f"once-{status}")  # fmt: skip
    assert (first.status_code, first.content) == (status, body)
    assert again.status_code == status
    assert again.content == (body.strip() if status != 500 else body.replace(b"\xff", "�".encode()))
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    for name in ("location", "content-type", "x-event-position"):
        assert first.headers[name] == again.headers[name]
    assert first.headers["content-type"] == (
        "application/json" if status != 500 else "text/plain; charset=utf-8"
    )
    assert len(here.provider.posts) == 1
    assert len(here.events()) == head


def test_the_same_key_with_something_else_is_refused(here):
    here.ask(key="one-thing")
    error = assert_error(here.ask(TICKET | {"severity": "Minor"}, key="one-thing"), 422)
    assert (error["code"], "Idempotency-Key" in error["message"]) == ("key-taken", True)
    assert here.ask(CANCEL, key="one-thing", path="/cancelTroubleTicket").status_code == 422
    assert here.ask(key='"one thing"').status_code == 400  # a blank is no sign of a key
    assert len(here.provider.posts) == 1


def test_a_key_belongs_to_whom_it_came_from(here):
    keys = set()
    for token in ("crm", "erp", None):
        assert here.ask(key="mine", token=token).status_code == 201
        keys.add(here.provider.posts[-1].headers["idempotency-key"])
    assert here.ask(key='"mine"').headers["idempotency-replayed"] == "true"
    assert len(keys) == len(here.provider.posts) == 3


def test_without_a_key_every_request_is_asked(here):
    assert [here.ask().status_code for _ in range(2)] == [201, 201]
    assert len({post.headers["idempotency-key"] for post in here.provider.posts}) == 2


def test_a_key_that_is_being_asked_for_is_refused_until_it_is_answered(here):
    here.provider.may_answer.clear()
    answers = []
    first = threading.Thread(target=lambda: answers.append(here.ask(key="slow")))
    first.start()
    wait_for(lambda: here.provider.posts, "the provider to be asked")
    error = assert_error(here.ask(key="slow"), 409)
    assert error["code"] == "being-asked"
    here.provider.may_answer.set()
    first.join()
    assert answers[0].status_code == 201
    assert here.ask(key="slow").content == answers[0].content
    assert len(here.provider.posts) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_what_the_provider_does_not_do_now_can_be_asked_again(here, status):
    here.provider.reply = reply(status, b"{}", **{"retry-after": "7"})
    head = len(here.events())
    answer = here.ask(key=f"later-{status}")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert len(here.events()) == head
    here.provider.reply = None
    assert here.ask(key=f"later-{status}").status_code == 201


@pytest.mark.parametrize("status", [302, 401])
def test_that_the_provider_does_not_know_us_is_not_the_clients_fault(here, status):
    here.provider.reply = reply(status, b"{}", location="https://elsewhere.example/")
    error = assert_error(here.ask(key=f"us-{status}"), 502)
    assert error["code"] == "provider-refused-us"
    assert str(status) in error["message"]
    here.provider.reply = None
    assert here.ask(key=f"us-{status}").status_code == 201


def test_a_provider_that_hangs_up_leaves_the_outcome_unknown_and_is_not_asked_twice(here):
    here.provider.reply = lambda _post: None
    for _ in range(2):
        error = assert_error(here.ask(CANCEL, key="gone", path="/cancelTroubleTicket"), 504)
        assert error["code"] == "outcome-unknown"
    assert len(here.provider.posts) == 1
    event = here.events()[-1]
    assert (event.event_type, event.ticket_id) == ("CancelTroubleTicketRequestedEvent", "TT-104212")
    assert "status" not in json.loads(event.body)["requested"]
    here.provider.reply = None
    assert here.ask(CANCEL, key="another", path="/cancelTroubleTicket").status_code == 201


def test_a_provider_that_takes_too_long_leaves_the_outcome_unknown(here):
    here.provider.may_answer.clear()
    error = assert_error(here.ask(key="too-long"), 504)
    assert "no answer in 3 s" in error["message"]
    here.provider.may_answer.set()
    assert here.ask(key="too-long").status_code == 504
    assert len(here.provider.posts) == 1


def test_a_provider_that_is_not_there_was_not_asked_and_can_be(tmp_path):
    with stand_in() as gone:
        url = gone.url
    with asking(tmp_path, config=provider_table("default", url)) as here:
        for _ in range(2):
            error = assert_error(here.ask(key="k"), 502)
            assert error["code"] == "provider-unreached"
        assert here.rows() == []
        assert here.events() == []


def test_a_provider_that_knows_keys_is_asked_again_with_the_same(tmp_path):
    with asking(tmp_path, "knows_keys = true\nattempts = 2\nlongest_pause_seconds = 0.1") as here:
        here.provider.reply = lambda _post: None
        assert here.ask(key="k").status_code == 504
        here.provider.reply = None
        answer = here.ask(key="k")
        assert answer.status_code == 201
        assert len({post.headers["idempotency-key"] for post in here.provider.posts}) == 1
        assert len(here.provider.posts) == 3
        unknown, answered = here.events()
        assert unknown.event_id != answered.event_id
        assert here.ask(key="k").headers["x-event-position"] == str(answered.position)


def test_without_a_provider_it_is_not_implemented_and_the_mirror_still_is(tmp_path):
    with asking(tmp_path, config="") as here:
        for path in ("/troubleTicket", "/cancelTroubleTicket", "/inflightChangeTroubleTicket"):
            error = assert_error(here.ask(path=path), 501)
            assert error["code"] == "no-provider"
        assert here.ask(path="/troubleTicketSpecification").status_code == 405


def test_of_several_providers_the_one_that_is_named_is_asked(tmp_path):
    with stand_in() as nord, stand_in() as sued:
        config = provider_table("nord", nord.url) + provider_table("sued", sued.url)
        with asking(tmp_path, config=config) as here:
            error = assert_error(here.ask(), 400)
            assert error["message"] == "source: expected one of nord, sued"
            assert here.ask(path="/troubleTicket?source=nord").status_code == 201
            assert here.ask(X_Source="sued").status_code == 201
            assert (len(nord.posts), len(sued.posts)) == (1, 1)
            assert [event.source for event in here.events()] == ["nord", "sued"]
            assert here.ask(path="/troubleTicket?source=nord", X_Source="sued").status_code == 400
            assert here.ask(path="/troubleTicket?source=west").status_code == 400
            assert here.ask(path="/troubleTicket?source=crm").status_code == 501
            assert here.ask(path="/troubleTicket?nonsense=1&source=nord").status_code == 400
            assert here.ask(path="/troubleTicket?source=nord&fields=id,name").status_code == 201
            assert nord.posts[-1].path == "/tt/troubleTicket?fields=id%2Cname"


def test_who_may_not_ask_does_not_and_who_may_ask_may_nothing_else(here):
    assert_error(here.ask(token="carrier"), 403)
    assert here.ask(token="carrier", path="/listener").status_code == 400
    assert here.ask(token="crm").status_code == 201
    assert here.ask(token="crm", path="/listener").status_code == 403
    assert here.ask(authorization="Bearer nobody").status_code == 401
    # A page in somebody's browser, under a name that was made to lead here.
    assert here.ask(host="evil.example").status_code == 403
    assert here.ask(content_type="text/plain").status_code == 400
    assert here.ask(content_encoding="gzip").status_code == 415
    assert len(here.provider.posts) == 1


def test_no_secret_and_nothing_of_a_body_reaches_the_log_lines(here):
    here.ask(
        TICKET | {"description": "a-very-private-description"}, key="a-private-key", token="crm"
    )
    here.ask({"@type": "a-very-private-type"}, token="crm")
    here.provider.reply = lambda _post: None
    here.ask(key="a-private-key-2", token="crm")
    text = "".join(here.process.lines)
    assert "private" not in text
    assert TOKENS["crm"] not in text


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body: expected JSON"),
        (json.dumps(TICKET).encode("utf-16"), "in UTF-8"),
        (json.dumps(TICKET).encode("utf-8-sig"), "in UTF-8"),
        (b"[]", "body: expected an object"),
        (b'{"@type": "TroubleTicket", "@type": "TroubleTicket"}', "each member once"),
        (b'{"description": NaN}', "body: expected JSON"),
        (b'{"description": "\\ud800"}', "body: expected JSON"),
        (b'{"a":' * 100_000, "body: expected JSON"),
        (json.dumps(TICKET | {"deep": json.loads("[" * 80 + "]" * 80)}).encode(), "at most 64 levels"),
        (json.dumps(TICKET | {"n": 10**200}).encode(), "numbers of at most"),
        (json.dumps(TICKET | {"@type": "CancelTroubleTicket"}).encode(), "/@type: expected TroubleTicket"),
        (json.dumps(TICKET | {"description": ""}).encode(), "/description: expected a text"),
        (json.dumps(TICKET | {"note": [{"@type": "Note", "text": None}]}).encode(), "/note/0/text: expected"),
    ],
)  # fmt: skip
def test_what_no_provider_would_understand_is_refused_by_name_and_not_passed_on(here, body, named):
    error = assert_error(here.ask(body), 400)
    assert named in error["message"]
    assert here.provider.posts == []


def test_a_body_has_the_listeners_limit(here):
    large = TICKET | {f"x{n}": "x" * 400_000 for n in range(2)}
    assert here.ask(large).status_code == 201
    assert_error(here.ask(large | {"y": "y" * 400_000}), 413)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"troubleTicket": None}, "/troubleTicket"),
        ({"troubleTicket": {"@type": "TroubleTicketRef"}}, "/troubleTicket/id"),
        ({"entity": {"@type": "EntityRef", "id": "other"}}, "/entity/id"),
    ],
)
def test_a_task_names_one_ticket(here, members, named):
    error = assert_error(here.ask(CANCEL | members, path="/cancelTroubleTicket"), 400)
    assert f"{named}: expected" in error["message"]
    only_entity = {"@type": "CancelTroubleTicket", "entity": CANCEL["troubleTicket"]}
    assert here.ask(only_entity, path="/cancelTroubleTicket").status_code == 201


def places(node, path=()):
    """Every place in a document."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()  # fmt: skip
    for name, child in children:
        yield from places(child, (*path, name))


def changed(document, path, change):
    """A copy in which the value at a place is another one, or gone."""
    made = copy.deepcopy(document)
    inside = made
    for name in path[:-1]:
        inside = inside[name]
    if change is None and isinstance(inside, dict):
        del inside[path[-1]]
    else:
        inside[path[-1]] = change[0] if change else {}
    return made


WRONG = (None, [None], [7], ["text"], [[]], [{}], [True])


def test_what_the_official_schema_refuses_of_a_new_ticket_is_refused_and_nothing_more(here):
    """Every member of the official example, left out or of another type: by their schema, by us."""
    document = picked_by_type(official())
    schema = {
        "$ref": "#/components/schemas/TroubleTicket_FVO",
        "components": document["components"],
    }
    right = jsonschema.Draft202012Validator(schema)
    example = document["components"]["examples"]["TroubleTicket_create_example_request"]["value"]
    tried = 0
    for path in places(example):
        for change in WRONG if path else ():
            if path[-1] == "@type" or path[0] == "attachment":
                continue  # their discriminator picks; JSON Schema takes what any of the shapes takes
            body = changed(example, path, change)
            is_right = right.is_valid(body)
            # A date that is none is a text to JSON Schema.
            if is_right and path[-1].lower().endswith("date") and change:
                continue
            assert here.ask(body).status_code == (201 if is_right else 400), (path, change)
            tried += 1
    assert tried > 200


def test_what_was_asked_for_is_counted_by_what_came_of_it(here):
    def counted(outcome):
        name = f'listener_asked_total{{outcome="{outcome}",resource_type="CancelTroubleTicket",source="default"}}'
        return here.process.metrics().get(name, 0)

    before = [counted(outcome) for outcome in ("201", "kept", "outcome-unknown")]
    for _ in range(2):
        here.ask(CANCEL, key="counted", path="/cancelTroubleTicket")
    here.provider.reply = lambda _post: None
    here.ask(CANCEL, path="/cancelTroubleTicket")
    after = [counted(outcome) for outcome in ("201", "kept", "outcome-unknown")]
    assert [one - other for one, other in zip(after, before, strict=True)] == [1, 1, 1]


def test_openapi_describes_what_can_be_asked_for_beside_what_can_be_read(here):
    document = here.described()
    for kind, right in (("TroubleTicket", TICKET), ("CancelTroubleTicket", CANCEL)):
        path = f"/{kind[0].lower()}{kind[1:]}"
        operations = document["paths"][path]
        assert set(operations) == {"get", "post"}
        assert operations["post"]["operationId"] == f"create{kind}"
        assert {"201", "400", "409", "422", "501", "502", "504"} <= set(
            operations["post"]["responses"]
        )
        schema = operations["post"]["requestBody"]["content"]["application/json"]["schema"]
        check = jsonschema.Draft202012Validator(schema | {"components": document["components"]})
        check.validate(right)
        assert not check.is_valid({"@type": kind, "troubleTicket": 7, "description": "x"})
