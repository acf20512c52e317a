"""Who may come in, over HTTP: 401, 403, 429, and what is kept of whom."""

import pytest

from config.hashed import new_token, scrypt_of, sha256_of
from receiver.admission import door, rules
from tests.doors import (
    ALL_KEYS,
    AUDIENCE,
    ISSUER,
    PATH,
    WEBHOOK_SECRET,
    basic,
    bearer,
    settings_of,
    signed,
    token_of,
)
from tests.edge import JSON, assert_error, edge, event_of

EVENT = event_of("TroubleTicketCreateEvent")
TOKEN = new_token()
SENDERS = f"""
[sources.carrier]
success_status = 200
addresses = ["127.0.0.0/8"]
[sources.carrier.bearer]
tokens = ["{sha256_of(TOKEN)}"]
[sources.wholesale]
validation = "strict"
[sources.wholesale.jwt]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
jwks_file = 'KEYS'
[sources.reseller.basic]
user = "reseller"
passwords = ["{scrypt_of("correct horse")}"]
[sources.webhooks]
success_status = 201
[sources.webhooks.standardwebhooks]
secrets = ["{WEBHOOK_SECRET}"]
"""


@pytest.fixture
def told(tmp_path):
    keys = tmp_path / "jwks.json"
    keys.write_bytes(ALL_KEYS)
    return settings_of(SENDERS.replace("KEYS", str(keys)), tmp_path)


@pytest.fixture
def here(told):
    with edge(identify=door(told), sources=rules(told)) as one:
        yield one


def nothing_kept(here):
    return here.log.head() == 0 and list(here.log.quarantined()) == []


def test_every_way_names_its_source_and_the_source_decides_the_rules(here):
    body = b'{"eventId": "1", "event": {"troubleTicket": {"id": "TT-1"}}}'
    answers = [
        here.send(PATH, body, headers=JSON | proof)
        for proof in (bearer(TOKEN), basic("reseller", "correct horse"), signed(body))
    ]
    assert [answer.status_code for answer in answers] == [200, 204, 201]
    assert [event.source for event in here.log.read(0, 10)] == ["carrier", "reseller", "webhooks"]
    assert_error(here.send(PATH, body, headers=JSON | bearer(token_of())), 400)
    assert next(iter(here.log.quarantined())).source == "wholesale"
    assert here.send(PATH, EVENT, headers=JSON | bearer(token_of())).status_code == 204


@pytest.mark.parametrize("body", [b"{", b"", b'{"eventId": 1}', b"x" * 10_000])
@pytest.mark.parametrize(
    "proof", [{}, bearer("wrong"), basic("reseller", "wrong"), signed(b"other")]
)
def test_nothing_is_kept_of_whom_nobody_knows(here, body, proof):
    error = assert_error(here.send(PATH, body, headers=JSON | proof), 401)
    assert "message" not in error
    assert nothing_kept(here)


def test_every_401_says_the_same_and_names_the_schemes(here):
    answers = [
        here.send(PATH, EVENT, headers=JSON | {"x-request-id": "the-same"} | proof)
        for proof in ({}, bearer("x"), bearer(token_of(exp=1)), basic("nobody", "x"), {"webhook-signature": "v1,x"})
    ]  # fmt: skip
    told = {(answer.status_code, answer.content) for answer in answers}
    challenges = {tuple(answer.headers.get_list("www-authenticate")) for answer in answers}
    assert len(told) == len(challenges) == 1
    assert [one.split()[0] for one in challenges.pop()] == ["Bearer", "Basic", "StandardWebhooks"]


def test_a_body_is_not_read_before_its_sender_is_known_unless_a_signature_covers_it(here):
    read = []

    async def chunks():
        for _ in range(3):
            read.append(1)
            yield b"{"

    assert_error(here.send(PATH, chunks(), headers=JSON | bearer("wrong")), 401)
    before = len(read)
    assert_error(here.send(PATH, chunks(), headers=JSON | {"webhook-signature": "v1,x"}), 401)
    assert len(read) - before == 3
    assert nothing_kept(here)


def test_a_known_sender_without_the_right_scope_is_forbidden(here):
    answer = here.send(PATH, EVENT, headers=JSON | bearer(token_of(scope="read")))
    assert_error(answer, 403)
    assert nothing_kept(here)


def test_a_known_sender_from_elsewhere_is_forbidden(told):
    with edge(identify=door(told), sources=rules(told), sender=("192.0.2.7", 4)) as here:
        error = assert_error(here.send(PATH, EVENT, headers=JSON | bearer(TOKEN)), 403)
        assert "message" not in error
        assert nothing_kept(here)
        spoofed = JSON | bearer(TOKEN) | {"x-forwarded-for": "127.0.0.1"}
        assert_error(here.send(PATH, EVENT, headers=spoofed), 403)


def test_too_many_wrong_credentials_are_answered_429(here):
    for _ in range(20):
        assert_error(here.send(PATH, EVENT, headers=JSON | bearer("wrong")), 401)
    answer = here.send(PATH, EVENT, headers=JSON | bearer(TOKEN))
    assert_error(answer, 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 3


def test_a_redelivery_of_a_signed_body_is_answered_like_the_first(here):
    body = b'{"eventId": "1", "event": {"troubleTicket": {"id": "TT-1"}}}'
    first, again = (here.send(PATH, body, headers=JSON | signed(body)) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.headers["x-event-position"] == again.headers["x-event-position"]
    assert again.headers["x-event-duplicate"] == "true"
    elsewhere = "/listener/troubleTicketDeleteEvent"
    assert_error(here.send(elsewhere, body, headers=JSON | signed(body)), 401)
    assert here.log.head() == 1


def test_pages_that_say_nothing_about_tickets_need_no_credentials(here):
    for path in ("/health/live", "/openapi.json"):
        assert here.send(path, method="GET").status_code == 200
