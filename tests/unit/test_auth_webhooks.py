"""Standard Webhooks: what a signature covers, what it does not, and what may come twice."""

import time

import pytest

from receiver.auth.standardwebhooks import WINDOW_SECONDS, StandardWebhooks
from receiver.rejections import Unauthorized
from tests.doors import PATH, WEBHOOK_BODY, WEBHOOK_SECRET, door_of, signed, who

NEXT = "whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="
SETTINGS = f'[sources.webhooks.standardwebhooks]\nsecrets = ["{WEBHOOK_SECRET}", "{NEXT}"]\n'


@pytest.fixture
def door(tmp_path):
    return door_of(SETTINGS, tmp_path)


def refused(door, headers, body=WEBHOOK_BODY, **more):
    with pytest.raises(Unauthorized) as error:
        who(door, headers, body, **more)
    assert error.value.detail is None
    return True


def test_a_signed_body_names_its_source(door):
    assert who(door, signed(), WEBHOOK_BODY) == "webhooks"


def test_two_secrets_are_valid_during_rotation(door):
    assert who(door, signed(secret=NEXT), WEBHOOK_BODY) == "webhooks"
    both = signed()["webhook-signature"] + " " + signed(secret=NEXT)["webhook-signature"]
    assert who(door, signed(webhook_signature=f"v1a,AAAA {both}"), WEBHOOK_BODY) == "webhooks"
    assert refused(door, signed(secret="whsec_" + "A" * 32))


def test_a_tampered_body_is_refused(door):
    assert refused(door, signed(), WEBHOOK_BODY + b" ")
    assert refused(door, signed(), b"")
    assert refused(door, signed(), b"\xff\xfe")


@pytest.mark.parametrize("seconds", [-310, 310, -86_400, 86_400])
def test_a_stale_or_future_timestamp_is_refused(door, seconds):
    assert refused(door, signed(at=int(time.time()) + seconds))


@pytest.mark.parametrize("seconds", [-280, 280])
def test_clocks_may_be_nearly_five_minutes_apart(door, seconds):
    assert who(door, signed(at=int(time.time()) + seconds), WEBHOOK_BODY) == "webhooks"


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_id": "msg_2"}, {"webhook_id": None}, {"webhook_timestamp": None},
        {"webhook_timestamp": "now"},
        {"webhook_timestamp": "nan"}, {"webhook_timestamp": "1e300"}, {"webhook_timestamp": "²"},
        {"webhook_signature": ""}, {"webhook_signature": "v1"}, {"webhook_signature": "v1,"},
        {"webhook_signature": "v1,Ä"}, {"webhook_signature": "v1,A,B"}, {"webhook_signature": " "},
        {"webhook_signature": "v2," + "A" * 44}, {"webhook_signature": "v1,AAAA " * 1_000},
    ],
)  # fmt: skip
def test_a_changed_or_broken_header_is_refused(door, changes):
    assert refused(door, signed(**changes))


def test_a_timestamp_that_was_not_signed_is_refused(door):
    now = int(time.time())
    assert refused(door, signed(at=now, webhook_timestamp=str(now + 1)))


def test_a_redelivery_is_recognized_like_the_first_with_the_same_or_a_new_signature(door):
    headers = signed()
    assert [who(door, headers, WEBHOOK_BODY) for _ in range(3)] == ["webhooks"] * 3
    assert who(door, signed(at=int(time.time()) - 30), WEBHOOK_BODY) == "webhooks"


def test_a_signed_body_replayed_to_another_path_is_refused(door):
    headers = signed()
    assert who(door, headers, WEBHOOK_BODY) == "webhooks"
    assert refused(door, headers, path="/listener/troubleTicketDeleteEvent")
    # The same instant written otherwise has the same signature.
    for text in (f"0{headers['webhook-timestamp']}", f"{headers['webhook-timestamp']}.0"):
        changed = headers | {"webhook-timestamp": text}
        assert refused(door, changed, path="/listener/troubleTicketDeleteEvent")
    assert who(door, headers, WEBHOOK_BODY, path=PATH) == "webhooks"


def test_one_id_may_go_to_several_paths_with_several_bodies(door):
    other = b'{"another": "body"}'
    assert who(door, signed(), WEBHOOK_BODY) == "webhooks"
    elsewhere = "/listener/troubleTicketDeleteEvent"
    assert who(door, signed(other), other, path=elsewhere) == "webhooks"


def test_paths_are_remembered_only_as_long_as_a_signature_is_right(monkeypatch):
    now = 0.0
    way = StandardWebhooks({"webhooks": [WEBHOOK_SECRET]}, clock=lambda: now)
    first = signed()
    assert way._is_at_its_path("webhooks", first, PATH, WEBHOOK_BODY)
    assert not way._is_at_its_path("webhooks", first, "/else", WEBHOOK_BODY)
    now = WINDOW_SECONDS + 1
    assert way._is_at_its_path("webhooks", first, "/else", WEBHOOK_BODY)

    monkeypatch.setattr("receiver.auth.standardwebhooks.MOST_REMEMBERED", 10)
    for number in range(100):
        way._is_at_its_path("webhooks", first, PATH, b"%d" % number)
    assert len(way._paths) <= 10


def test_wrong_signatures_count_as_attempts(door):
    refused(door, signed(), WEBHOOK_BODY + b" ")
    assert door.attempts.failed == 1
