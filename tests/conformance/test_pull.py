"""GET /events and its checkpoints: every event once, in order, and no more than may be seen."""

import hashlib
import json
import threading

import httpx
import pytest

from config.hashed import sha256_of
from receiver.auth.anonymous import ANYWHERE, Anonymous
from receiver.auth.identity import ASK, READ, WRITE
from receiver.forwarded import address_of
from tests.edge import event_of
from tests.receiving import receiving

TOKENS = {"crm": "a-token-of-those-who-read-1", "carrier": "a-token-of-those-who-write-1"}
CONFIG = f"""
[pull]
wait_seconds = 5
page_events = 50
[sources.default]
[sources.crm]
scopes = ["read"]
[sources.crm.bearer]
tokens = ["{sha256_of(TOKENS["crm"])}"]
[sources.carrier.bearer]
tokens = ["{sha256_of(TOKENS["carrier"])}"]
"""
TYPES = ("TroubleTicketCreateEvent", "TroubleTicketStatusChangeEvent", "TroubleTicketResolvedEvent")


def sent(number: int) -> bytes:
    """An event as some sender would write it: pretty, or with odd line ends, or dense."""
    event = event_of(TYPES[number % 3], eventId=f"pull-{number}")
    event["event"]["troubleTicket"] |= {"id": f"TT-{number % 7}", "name": "Zeile\r\neins \u2028 ü"}
    text = json.dumps(event, indent=(None, 1, 2)[number % 3], ensure_ascii=number % 2 == 0)
    return text.replace("\n", "\r\n" if number % 5 == 0 else "\n").encode()


class Here:
    def __init__(self, process):
        self.process = process
        self.bodies: list[bytes] = []
        self._client = httpx.Client(trust_env=False, timeout=20, verify=False)

    def post(self) -> int:
        number = len(self.bodies)
        path = f"/listener/{TYPES[number % 3][0].lower()}{TYPES[number % 3][1:]}"
        body = sent(number)
        headers = {"content-type": "application/json"}
        url = self.process.url + path
        answer = self._client.post(url, content=body, headers=headers).raise_for_status()
        self.bodies.append(body)
        return int(answer.headers["x-event-position"])

    def get(self, path: str, token: str | None = None, method: str = "GET", **more):
        headers = more.pop("headers", {})
        if token:
            headers = headers | {"authorization": f"Bearer {TOKENS[token]}"}
        return self._client.request(method, self.process.url + path, headers=headers, **more)

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with receiving(tmp_path_factory.mktemp("pull"), CONFIG) as process:
        found = Here(process)
        for _ in range(120):
            found.post()
        yield found
        found.close()


def everything(here, query: str, accept: str) -> list[dict]:
    found, after = [], 0
    while True:
        answer = here.get(f"/events?after={after}{query}", headers={"accept": accept})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == accept
        text = answer.text
        found += (
            json.loads(text) if accept.endswith("/json") else map(json.loads, text.split("\n")[:-1])
        )
        after = int(answer.headers["x-next-position"])
        if after == int(answer.headers["x-head-position"]):
            return found


@pytest.mark.parametrize("limit", [1, 7, 50])
@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_pages_of_any_size_tell_every_event_once_in_order(here, limit, accept):
    found = everything(here, f"&limit={limit}", accept)
    assert [one["position"] for one in found] == list(range(1, len(here.bodies) + 1))
    for one, body in zip(found, here.bodies, strict=True):
        assert one["body"] == json.loads(body)
        assert one["digest"] == hashlib.sha256(body).hexdigest()


def test_an_event_by_its_position_is_the_very_bytes_and_is_not_sent_twice(here):
    for position, body in enumerate(here.bodies[:10], 1):
        answer = here.get(f"/events/{position}")
        assert answer.content == body
        again = here.get(f"/events/{position}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert here.get("/events/99999").status_code == 404


def test_a_page_that_is_there_already_is_answered_304_until_it_changes(here):
    page = here.get("/events?after=100")
    tag = {"if-none-match": f'"other", W/{page.headers["etag"]}'}
    assert here.get("/events?after=100", headers=tag).status_code == 304
    assert here.get("/events?after=101", headers=tag).status_code == 200
    here.post()
    assert here.get("/events?after=100", headers=tag).status_code == 200


def test_what_is_asked_for_is_what_is_told(here):
    told = everything(here, "", "application/json")
    for query, wanted in (
        ("&type=troubleTicketStateChangeEvent", lambda one: one["event_type"] == TYPES[1]),
        (f"&type={TYPES[0]},{TYPES[2]}&limit=3", lambda one: one["event_type"] != TYPES[1]),
        ("&ticket=TT-1&ticket=TT-2,TT-3", lambda one: one["ticket_id"] in ("TT-1", "TT-2", "TT-3")),
        (f"&ticket=TT-4&type={TYPES[0]}", lambda one: one["ticket_id"] == "TT-4" and one["event_type"] == TYPES[0]),
        ("&source=carrier", lambda one: False),
    ):  # fmt: skip
        assert everything(here, query, "application/json") == [one for one in told if wanted(one)]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=51", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=-1", "after"),
        ("after=%C3%BC", "after"),
        ("after=999999", "after"),
        ("wait=6", "wait"),
        ("type=NoSuchEvent", "type"),
        ("ticket=TT-1,", "ticket"),
        ("consumer=a/b", "consumer"),
        ("consumer=a&after=1", "consumer"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_named(here, query, named):
    answer = here.get(f"/events?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(named)


def test_a_media_type_that_is_not_offered_is_406(here):
    assert here.get("/events", headers={"accept": "text/html"}).status_code == 406
    liked = {"accept": "application/json;q=0.2, application/x-ndjson, */*;q=0.1"}
    assert here.get("/events", headers=liked).headers["content-type"] == "application/x-ndjson"


def test_who_waits_hears_of_an_event_when_it_is_there(here):
    head = len(here.bodies)
    later = threading.Timer(0.4, here.post)
    later.start()
    answer = here.get(f"/events?after={head}&wait=5")
    later.join()
    assert [one["position"] for one in answer.json()] == [head + 1]
    assert here.get(f"/events?after={head + 1}&wait=1").json() == []


def test_a_consumer_reads_again_what_it_did_not_acknowledge(here):
    assert here.get("/events/checkpoints/erp").status_code == 404
    mark = "/events/checkpoints/erp"
    read = []
    for _ in range(4):
        page = here.get("/events?consumer=erp&limit=20").json()
        assert page == here.get("/events?consumer=erp&limit=20").json()
        read += page
        done = {"position": page[-1]["position"]}
        for _ in range(2):
            assert (
                here.get(mark, method="PUT", json=done).json()["position"] == page[-1]["position"]
            )
    assert [one["position"] for one in read] == list(range(1, 81))
    late = here.get(mark, method="PUT", json={"position": 20})
    assert late.json()["position"] == 80
    back = here.get(mark, method="PUT", json={"position": 20, "rewind": True})
    assert back.json()["position"] == 20
    assert here.get("/events?consumer=erp").json()[0]["position"] == 21
    assert [one["consumer"] for one in here.get("/events/checkpoints").json()] == ["erp"]
    assert here.get(mark, method="DELETE").status_code == 204
    assert here.get(mark, method="DELETE").status_code == 404


def test_checkpoints_of_two_sources_have_nothing_to_do_with_each_other(here):
    mark = "/events/checkpoints/shared"
    assert here.get(mark, method="PUT", json={"position": 3}).status_code == 200
    assert here.get(mark, "crm").status_code == 404
    assert here.get(mark, "crm", method="PUT", json={"position": 9}).status_code == 200
    assert here.get(mark).json()["position"] == 3


@pytest.mark.parametrize(
    "body", [{}, {"position": "3"}, {"position": -1}, {"position": True}, [3], {"position": 10**9}, {"position": 1, "back": 1}],
)  # fmt: skip
def test_an_acknowledgement_that_says_nothing_is_refused(here, body):
    assert here.get("/events/checkpoints/odd", method="PUT", json=body).status_code == 400
    plain = {"content-type": "text/plain"}
    dumped = b'{"position": 1}'
    answer = here.get("/events/checkpoints/odd", method="PUT", content=dumped, headers=plain)
    assert answer.status_code == 400
    assert here.get("/events/checkpoints/odd").status_code == 404


def test_senders_may_not_read_and_readers_may_not_send(here):
    assert here.get("/events?limit=1", "crm").status_code == 200
    for path in ("/events", "/events/1", "/events/stream", "/events/checkpoints"):
        refused = here.get(path, "carrier")
        assert refused.status_code == 403
        assert refused.json()["code"] == "forbidden"
    event = event_of(TYPES[0], eventId="by-a-reader")
    posted = here.get("/listener/troubleTicketCreateEvent", "crm", method="POST", json=event)
    assert posted.status_code == 403
    wrong = {"authorization": "Bearer nobody's"}
    assert here.get("/events", headers=wrong).status_code == 401


def test_without_credentials_only_this_machine_by_its_own_name_reads(here):
    for host in ("evil.example", "evil.example:80", "192.0.2.1", "127.0.0.1.evil.example"):
        assert here.get("/events", headers={"host": host}).status_code == 403
    for host in ("localhost:1", "[::1]:99", "127.0.0.1"):
        assert here.get("/events?limit=1", headers={"host": host}).status_code == 200
    anybody = Anonymous({"default": ANYWHERE})
    assert anybody.identify(address_of("127.0.0.1")).scopes == {READ, WRITE, ASK}
    assert anybody.identify(address_of("192.0.2.1")).scopes == {WRITE}


def test_an_answer_ends_with_its_bytes_too(tmp_path):
    with receiving(tmp_path, "[pull]\npage_bytes = 65_536\n") as process:
        here = Here(process)
        event = event_of(TYPES[0])
        event["event"]["troubleTicket"]["description"] = "d" * 30_000
        for number in range(7):
            here.get(
                "/listener/troubleTicketCreateEvent",
                method="POST",
                json=event | {"eventId": str(number)},
            )
        pages, after = [], 0
        while after < 7:
            answer = here.get(f"/events?after={after}")
            pages.append(len(answer.json()))
            after = int(answer.headers["x-next-position"])
        assert pages == [3, 3, 1]
        here.close()


def test_deliveries_are_taken_while_many_pull_without_end(here):
    stop = threading.Event()

    def pull():
        while not stop.is_set():
            here.get("/events")

    pulling = [threading.Thread(target=pull) for _ in range(4)]
    for one in pulling:
        one.start()
    try:
        for _ in range(30):
            here.post()
    finally:
        stop.set()
        for one in pulling:
            one.join()
