"""What targets are sent, read by others' libraries, and what their answers mean."""

import asyncio
import base64
import functools
import json
import ssl
import tomllib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook

from config.settings import Settings, SettingsError, load
from store import open_log
from store.commands.targets import UnusableTarget, address, endpoint_of, target_of
from store.replay.targets.protocol import Busy, Failed, Rejected, Unavailable, key_of
from tests.answering import answer, answering
from tests.certificates import Authority
from tests.doors import WEBHOOK_SECRET
from tests.new_events import new_event

BODY = '{ "eventId":"1",\n "n": 1.0, "name": "Grüße \\u00e4" }'.encode()


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    with closing(open_log(tmp_path_factory.mktemp("log"))) as log:
        log.append([new_event("eins/ü", BODY, ticket_id="T/1?", source="nord")])
        return log.event(1)


def settings_of(text: str) -> Settings:
    return Settings.model_validate(tomllib.loads(f"[targets.crm]\n{text}"))


def deliver(event, told: str = "", reply=lambda _: answer(), *, kind="http", tls=None, times=1):
    """Deliver to a server of our own; what it was asked."""

    async def go():
        async with answering(reply, tls) as server:
            text = f'kind = "{kind}"\nurl = "{server.url}/events"\n{told}'.replace(
                "HERE", server.url
            )
            target = settings_of(text).targets["crm"]
            endpoint = endpoint_of("crm", target, 4)
            try:
                for _ in range(times):
                    await endpoint.deliver(event)
            finally:
                await endpoint.close()
                deliver.asked = server.asked
        return server.asked

    return asyncio.run(asyncio.wait_for(go(), 20))


def test_the_body_goes_out_as_it_was_received_with_its_key_and_position(event):
    (asked,) = deliver(event)
    assert (asked.method, asked.path, asked.body) == ("POST", "/events", BODY)
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["idempotency-key"] == key_of(event)
    assert asked.headers["x-event-position"] == "1"
    assert "authorization" not in asked.headers


def test_a_url_template_is_filled_and_what_an_event_says_stays_in_its_place(event):
    (asked,) = deliver_to(event, "HERE/{source}/{ticket_id}/{event_id}/{event_path}")
    assert asked.path == "/nord/T%2F1%3F/eins%2F%C3%BC/troubleTicketStatusChangeEvent"


def deliver_to(event, url):
    async def go():
        async with answering() as server:
            told = f'kind = "http"\nmethod = "PUT"\nurl = "{url.replace("HERE", server.url)}"'
            endpoint = endpoint_of("crm", settings_of(told).targets["crm"], 1)
            await endpoint.deliver(event)
            await endpoint.close()
        return server.asked

    return asyncio.run(go())


@pytest.mark.parametrize("dots", [".", "..", ""])
def test_an_id_of_dots_does_not_climb(dots, tmp_path):
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("1", ticket_id=dots)])
        (asked,) = deliver_to(log.event(1), "HERE/a/{ticket_id}/b")
    assert asked.path.startswith("/a/")
    assert asked.path.endswith("/b")
    assert not {".", "..", ""} & set(asked.path.split("/")[1:])


def test_a_tmf_target_is_posted_to_the_path_of_the_event(event):
    (asked,) = deliver(event, kind="tmf")
    assert asked.path == "/events/listener/troubleTicketStatusChangeEvent"
    assert asked.body == BODY


@pytest.mark.parametrize("body", ["cloudevents", "cloudevents-binary"])
def test_cloudevents_are_understood_by_the_official_library(event, body):
    (asked,) = deliver(event, f'body = "{body}"')
    read = from_http_event(HTTPMessage(asked.headers, asked.body))
    assert read.get_specversion() == "1.0"
    assert read.get_id() == key_of(event)
    assert read.get_source() == "/sources/nord"
    assert read.get_type() == event.event_type
    assert read.get_subject() == "T/1?"
    assert read.get_time() == datetime.fromisoformat(event.occurred_at)
    assert read.get_datacontenttype() == "application/json"
    assert read.get_data() == json.loads(BODY)
    assert BODY in asked.body, "the sender's own bytes"


def test_signatures_are_verified_by_the_library_of_the_specification(event):
    other = "whsec_" + base64.b64encode(b"another secret").decode()
    told = f'[targets.crm.standardwebhooks]\nsecrets = ["{WEBHOOK_SECRET}", "{other}"]'
    (asked,) = deliver(event, told)
    for secret in (WEBHOOK_SECRET, other):
        Webhook(secret).verify(asked.body, asked.headers)
    assert asked.headers["webhook-id"] == key_of(event)


def test_basic_and_bearer_and_further_headers_prove_who_we_are(event, monkeypatch, tmp_path):
    monkeypatch.setenv("CRM_KEY", "k-1")
    (tmp_path / "token").write_text("# of november\nt-1\n")
    told = f'headers_environment = {{ X-Api-Key = "CRM_KEY" }}\nheaders = {{ x-tenant = "nord" }}\n[targets.crm.bearer]\ntoken_file = "{tmp_path}/token"'  # fmt: skip
    (asked,) = deliver(event, told)
    assert asked.headers["authorization"] == "Bearer t-1"
    assert (asked.headers["x-api-key"], asked.headers["x-tenant"]) == ("k-1", "nord")
    (asked,) = deliver(event, '[targets.crm.basic]\nuser = "me"\npassword = "pä:ss"')
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == "me:pä:ss".encode()  # fmt: skip


OAUTH = '[targets.crm.oauth2]\ntoken_url = "HERE/token"\nclient_id = "me"\nclient_secret = "s3cret"\naudience = "crm"'  # fmt: skip


def giving_tokens(asked, *, life=3600, refuse=(), tokens=None):
    if asked.path == "/token":
        tokens.append(f"t{len(tokens) + 1}")
        told = {"access_token": tokens[-1], "token_type": "Bearer", "expires_in": life}
        return answer(200, json.dumps(told).encode())
    return answer(401 if asked.headers["authorization"].split()[1] in refuse else 204)


def test_oauth2_tokens_are_fetched_once_and_used_until_they_end(event):
    tokens = []
    asked = deliver(event, OAUTH, functools.partial(giving_tokens, tokens=tokens), times=3)
    assert [one.path for one in asked] == ["/token", "/events", "/events", "/events"]
    assert asked[0].body == b"grant_type=client_credentials&scope=write&audience=crm"
    assert base64.b64decode(asked[0].headers["authorization"].split()[1]) == b"me:s3cret"
    assert {one.headers["authorization"] for one in asked[1:]} == {"Bearer t1"}


def test_oauth2_tokens_are_renewed_before_they_end(event):
    tokens = []
    deliver(event, OAUTH, functools.partial(giving_tokens, tokens=tokens, life=0), times=2)
    assert tokens == ["t1", "t2"]


def test_a_token_that_is_refused_is_replaced_once_for_each_request(event):
    tokens = []
    asked = deliver(event, OAUTH, functools.partial(giving_tokens, tokens=tokens, refuse={"t1"}))
    assert [one.path for one in asked] == ["/token", "/events", "/token", "/events"]
    with pytest.raises(Unavailable, match="401"):
        deliver(event, OAUTH, functools.partial(giving_tokens, tokens=[], refuse={"t1", "t2"}))


@pytest.mark.parametrize("said", [answer(500), answer(200, b"no json"), answer(200, b"[]"), None])
def test_without_a_token_the_target_is_unavailable(event, said):
    with pytest.raises(Unavailable, match="token") as caught:
        deliver(event, OAUTH, lambda asked: said if asked.path == "/token" else answer())
    assert "s3cret" not in str(caught.value)


def test_client_certificates_are_shown_and_the_authority_is_checked(event, tmp_path):
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours.file)
    server.load_cert_chain(*ours.issue("server"))
    server.verify_mode = ssl.CERT_REQUIRED
    certificate, key = ours.issue("client")
    shown = f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n'
    assert deliver(event, f'{shown}tls_ca = "{ours.file}"', tls=server)
    for told in (f'{shown}tls_ca = "{theirs.file}"', f'tls_ca = "{ours.file}"', ""):
        with pytest.raises(Unavailable):
            deliver(event, told, tls=server)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(400), Rejected),
        (answer(404), Rejected),
        (answer(302, location="http://127.0.0.1:1/"), Rejected),
        (answer(422), Rejected),
        (answer(500), Failed),
        (answer(401), Unavailable),
        (answer(403), Unavailable),
        (answer(502), Unavailable),
        (answer(503), Unavailable),
        (answer(429), Busy),
        (answer(503, retry_after="7"), Busy),
        (None, Unavailable),
        (b"garbage\r\n\r\n", Unavailable),
    ],
)
def test_every_answer_says_whose_fault_it_is(event, said, error):
    with pytest.raises(error) as caught:
        deliver(event, reply=lambda _: said)
    assert type(caught.value) is error
    assert len(deliver.asked) == 1, "a redirect is not followed, nothing is repeated here"


def test_retry_after_is_read_as_seconds_and_as_a_date(event):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for text, least, most in (
        ("7", 7, 7),
        (soon, 80, 90),
        ("soon", None, None),
        ("-5", None, None),
    ):
        with pytest.raises(Busy) as caught:
            deliver(event, reply=lambda _, text=text: answer(429, retry_after=text))
        found = caught.value.retry_after
        assert found is None if least is None else least <= found <= most


def test_no_answer_in_time_is_unavailable(event):
    with pytest.raises(Unavailable, match=r"0\.2 s"):
        deliver(event, "timeout_seconds = 0.2", reply=lambda _: b"HTTP/1.1 200 Never\r\n")


def test_of_an_error_only_code_and_reason_are_kept(event):
    told = {"@type": "Error", "code": "x1", "reason": "not\x1b yet", "message": BODY.decode()}
    with pytest.raises(Rejected) as caught:
        deliver(event, reply=lambda _: answer(400, json.dumps(told).encode()))
    assert str(caught.value) == "answered 400 (x1: not  yet)"
    with pytest.raises(Failed) as caught:
        deliver(event, reply=lambda _: answer(500, BODY))
    assert str(caught.value) == "answered 500"


def test_an_endless_answer_costs_no_memory(event):
    huge = answer(400, b"x" * 3_000_000)
    with pytest.raises(Rejected):
        deliver(event, reply=lambda _: huge)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ('kind = "http"\nurl = "http://crm.example.org"', "plain_http"),
        ('kind = "http"\nurl = "ftp://crm.example.org"', "url"),
        ('kind = "http"\nurl = "https://me:secret@crm.example.org"', "credentials"),
        ('kind = "http"\nurl = "https://x"\ntls_key = "k"', "tls_certificate"),
        ('kind = "post"\nurl = "https://x"', "targets.crm"),
        ('kind = "tmf"\nurl = "https://x"\nmethod = "PUT"', "targets.crm.tmf.method"),
        ('kind = "http"\nurl = "https://x"\n[targets.crm.bearer]\ntoken = "t-secret"\n[targets.crm.basic]\nuser = "u"', "one of"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name_and_no_secret_is_repeated(tmp_path, told, named):
    file = tmp_path / "listener.toml"
    file.write_text(f"[targets.crm]\n{told}")
    with pytest.raises(SettingsError, match=named) as caught:
        load(file)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "told",
    [
        'url = "https://x/{body}"',
        'url = "https://x/{ticket_id.__class__}"',
        'url = "https://x/{ticket_id!r}"',
        'url = "https://x/{"',
        'url = "https://x"\n[targets.crm.bearer]',
        'url = "https://x"\n[targets.crm.bearer]\ntoken_environment = "NOT_THERE"',
        'url = "https://x"\ntls_ca = "/not/there"',
        'url = "https://x"\n[targets.crm.standardwebhooks]\nsecrets = ["whsec_"]',
    ],
)
def test_what_is_found_out_only_when_it_is_used_is_said_then(told):
    target = settings_of(f'kind = "http"\n{told}').targets["crm"]
    with pytest.raises(UnusableTarget, match=r"targets\.crm"):
        endpoint_of("crm", target, 1)


def test_an_unknown_target_is_told_which_there_are_and_secrets_are_shown_nowhere():
    told = 'kind = "http"\nurl = "https://x"\nheaders = { k = "hidden-1" }\n[targets.crm.bearer]\ntoken = "hidden-2"'  # fmt: skip
    settings = settings_of(told)
    with pytest.raises(UnusableTarget, match="crm, stdout"):
        target_of(settings, "cmr")
    shown = repr(settings) + settings.model_dump_json() + address(target_of(settings, "crm"))
    assert "hidden" not in shown
