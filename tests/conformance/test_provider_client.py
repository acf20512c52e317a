"""ProviderClient against a real server on loopback: who we are, what is tried again, what is not."""

import asyncio
import base64
import json
import ssl
import time

import pytest

from receiver.provider.client import ProviderAway, ProviderClient, segment
from receiver.provider.door import provider_rules
from tests.answering import answer, answering
from tests.certificates import Authority
from tests.doors import settings_of

OAUTH = '[sources.nord.provider.oauth2]\ntoken_url = "HERE/token"\nclient_id = "me"\nclient_secret = "s3cret"\n'  # fmt: skip
QUICK = "longest_pause_seconds = 0.02\nattempts = 3\n"


def asking(ask, reply=lambda _: answer(), told: str = "", *, quick=QUICK, tls=None, directory):
    """What `ask(client)` returns, and what the server was asked."""

    async def go():
        async with answering(reply, tls) as server:
            text = f'[sources.nord.provider]\nbase_url = "{server.url}/api/"\n{quick}{told}'
            settings = settings_of(text.replace("HERE", server.url), directory)
            asking.asked = server.asked
            async with ProviderClient(provider_rules(settings, "nord")) as client:
                return await ask(client), server.asked

    return asyncio.run(asyncio.wait_for(go(), 20))


def script(*said):
    """Answers one after the other, the last one for ever."""
    left = list(said)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def get(path="/troubleTicket", query=None):
    return lambda client: client.get(path, query)


def test_an_answer_is_told_whole_whatever_its_status(tmp_path):
    body = b'{"@type":"Error","code":"20","reason":"No such ticket"}'
    said, (asked,) = asking(
        get("/troubleTicket", [("status", "held"), ("status", "pending"), ("limit", "5")]),
        lambda _: answer(404, body, X_Total_Count="7"),
        directory=tmp_path,
    )
    assert (asked.method, asked.path) == ("GET", "/api/troubleTicket?status=held&status=pending&limit=5")  # fmt: skip
    assert asked.headers["accept"] == "application/json"
    assert (said.status, said.headers["x-total-count"], said.body) == (404, "7", body)
    assert said.said() == "answered 404 (20: No such ticket)"
    assert said.url.endswith(asked.path)


def test_what_is_posted_is_the_very_bytes_and_sent_once(tmp_path):
    body = b'{ "callback" : "https://x" }'
    for status in (503, 502, 429):
        said, asked = asking(
            lambda client: client.post("/hub", body, {"x-k": "v"}),
            lambda _, status=status: answer(status),
            directory=tmp_path,
        )
        assert said.status == status
        (one,) = asked
        assert (one.method, one.body, one.headers["x-k"]) == ("POST", body, "v")
        assert one.headers["content-type"] == "application/json"
    with pytest.raises(ProviderAway) as caught:
        asking(lambda client: client.post("/hub", body), lambda _: None, directory=tmp_path)
    assert caught.value.may_have_arrived
    assert len(asking.asked) == 1


@pytest.mark.parametrize(
    "ask",
    [
        get(),
        lambda client: client.delete("/hub/1"),
        lambda client: client.post("/hub", b"{}", idempotent=True),
    ],
    ids=["get", "delete", "idempotent post"],
)
@pytest.mark.parametrize("first", [answer(503), answer(429), answer(502), answer(504), None])
def test_what_can_be_repeated_is_tried_again(tmp_path, ask, first):
    said, asked = asking(ask, script(first, first, answer(200)), directory=tmp_path)
    assert (said.status, len(asked)) == (200, 3)


def test_after_its_attempts_the_last_answer_is_told_and_no_answer_is_an_error(tmp_path):
    said, asked = asking(get(), lambda _: answer(503), directory=tmp_path)
    assert (said.status, len(asked)) == (503, 3)
    with pytest.raises(ProviderAway, match="closed the connection"):
        asking(get(), lambda _: None, directory=tmp_path)
    assert len(asking.asked) == 3
    for status in (400, 401, 404, 409, 500, 501, 302):
        said, asked = asking(get(), lambda _, status=status: answer(status, location="/x"), directory=tmp_path)  # fmt: skip
        assert (said.status, len(asked)) == (status, 1)


def test_a_retry_after_is_waited_for_and_one_that_is_too_long_is_not(tmp_path):
    began = time.monotonic()
    reply = script(answer(503, Retry_After="1"), answer(200))
    said, _ = asking(get(), reply, quick="longest_pause_seconds = 5.0\n", directory=tmp_path)
    assert said.status == 200
    assert time.monotonic() - began >= 1, "asked again before it was time"
    said, asked = asking(get(), lambda _: answer(429, Retry_After="3600"), directory=tmp_path)
    assert (said.status, len(asked)) == (429, 1)


def test_nobody_there_is_said_plainly_and_nothing_can_have_arrived(tmp_path):
    told = '[sources.nord.provider]\nbase_url = "http://127.0.0.1:1/api"\n' + QUICK
    rules = provider_rules(settings_of(told, tmp_path), "nord")

    async def go():
        async with ProviderClient(rules) as client:
            await client.post("/hub", b"{}")

    with pytest.raises(ProviderAway, match="cannot be reached") as caught:
        asyncio.run(go())
    assert not caught.value.may_have_arrived


def test_no_answer_in_time_is_said_plainly(tmp_path):
    with pytest.raises(ProviderAway, match=r"no answer in 0\.2 s"):
        asking(get(), lambda _: b"HTTP/1.1 200 Never\r\n", "timeout_seconds = 0.2\n", directory=tmp_path)  # fmt: skip


def test_bearer_and_basic_and_further_headers_prove_who_we_are(tmp_path, monkeypatch):
    monkeypatch.setenv("NORD_KEY", "k-1")
    told = 'headers_environment = { X-Api-Key = "NORD_KEY" }\n[sources.nord.provider.bearer]\ntoken = "t-1"'  # fmt: skip
    _, (asked,) = asking(get(), told=told, directory=tmp_path)
    assert (asked.headers["authorization"], asked.headers["x-api-key"]) == ("Bearer t-1", "k-1")
    told = '[sources.nord.provider.basic]\nuser = "me"\npassword = "p"'
    _, (asked,) = asking(get(), told=told, directory=tmp_path)
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"me:p"


def giving_tokens(tokens, *, life=3600, refused=()):
    def reply(asked):
        if asked.path == "/token":
            tokens.append(f"t{len(tokens) + 1}")
            return answer(200, json.dumps({"access_token": tokens[-1], "expires_in": life}).encode())  # fmt: skip
        return answer(401 if asked.headers["authorization"].split()[1] in refused else 200)

    return reply


async def thrice(client):
    return [(await client.get("/troubleTicket")).status for _ in range(3)]


def test_a_token_is_fetched_once_kept_and_renewed_before_it_ends_and_after_a_401(tmp_path):
    said, asked = asking(thrice, giving_tokens([]), OAUTH, directory=tmp_path)
    assert said == [200, 200, 200]
    assert [one.path for one in asked].count("/token") == 1
    assert asked[0].body == b"grant_type=client_credentials&scope=read+write"
    tokens = []
    asking(thrice, giving_tokens(tokens, life=0), OAUTH, directory=tmp_path)
    assert tokens == ["t1", "t2", "t3"]
    tokens = []
    said, _ = asking(thrice, giving_tokens(tokens, refused={"t1"}), OAUTH, directory=tmp_path)
    assert (said, tokens) == ([200, 200, 200], ["t1", "t2"])
    tokens = []
    said, _ = asking(get(), giving_tokens(tokens, refused={"t1", "t2"}), OAUTH, directory=tmp_path)
    assert (said.status, tokens) == (401, ["t1", "t2"])


def test_without_a_token_nothing_is_asked_and_the_secret_is_not_repeated(tmp_path):
    for said, attempts in ((answer(401), 1), (answer(503), 3)):
        with pytest.raises(ProviderAway, match="token address answered") as caught:
            asking(get(), lambda _, said=said: said, OAUTH, directory=tmp_path)
        assert not caught.value.may_have_arrived
        assert "s3cret" not in str(caught.value)
        assert [one.path for one in asking.asked] == ["/token"] * attempts


def test_client_certificates_are_shown_and_the_authority_is_checked(tmp_path):
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours.file)
    server.load_cert_chain(*ours.issue("server"))
    server.verify_mode = ssl.CERT_REQUIRED
    certificate, key = ours.issue("client")
    shown = f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n'
    said, _ = asking(get(), told=f'{shown}tls_ca = "{ours.file}"', tls=server, directory=tmp_path)
    assert said.is_success
    with pytest.raises(ProviderAway, match="certificate is not one that we trust"):
        asking(get(), told=f'{shown}tls_ca = "{theirs.file}"', tls=server, directory=tmp_path)
    with pytest.raises(ProviderAway):
        asking(get(), told=f'tls_ca = "{ours.file}"', tls=server, directory=tmp_path)


def test_addresses_of_the_provider_are_followed_and_no_other_gets_our_credentials(tmp_path):
    async def next_page(client):
        return await client.get(f"{client.rules.base_url}/troubleTicket?offset=5")

    _, (asked,) = asking(next_page, directory=tmp_path)
    assert asked.path == "/api/troubleTicket?offset=5"
    with pytest.raises(ValueError, match=r"evil\.example"):
        asking(get("https://evil.example/troubleTicket"), directory=tmp_path)
    assert asking.asked == []


def test_an_id_cannot_leave_its_place_in_a_path():
    assert segment("a/b?c") == "a%2Fb%3Fc"
    assert {segment("."), segment(".."), segment("")} & {"", ".", ".."} == set()


def test_requests_keep_to_their_rate(tmp_path):
    began = time.monotonic()
    asking(thrice, told="requests_per_second = 10.0\n", directory=tmp_path)
    assert time.monotonic() - began >= 0.2, "three requests, a tenth of a second apart"
