"""The door: addresses, proxies, certificates, anonymous senders, and whoever tries too often."""

import asyncio
import base64
import hashlib
import ssl
from ipaddress import ip_address
from urllib.parse import quote

import pytest

from config.hashed import new_token, scrypt_of, sha256_of
from config.throttle import Throttle
from receiver.forwarded import address_of
from receiver.rejections import Forbidden, TooManyAttempts, Unauthorized
from tests.certificates import Authority
from tests.doors import RSA, basic, bearer, door_of, jwk_of, jwks, knock, token_of, who

TOKEN = new_token()
CARRIER = f'[sources.carrier.bearer]\ntokens = ["{sha256_of(TOKEN)}"]\n'
LISTED = (
    f'[sources.carrier]\naddresses = ["192.0.2.0/24", "2001:db8::/32"]\n{CARRIER}'
    f'[sources.free.bearer]\ntokens = ["{sha256_of(TOKEN + "free")}"]\n'
)
PROXIED = 'trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]\n' + LISTED


@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"])
def test_a_source_is_heard_from_the_networks_it_named(tmp_path, client):
    assert who(door_of(LISTED, tmp_path), bearer(TOKEN), client=client) == "carrier"


@pytest.mark.parametrize(
    "client", ["198.51.100.7", "127.0.0.1", "::1", "192.0.3.1", "testclient", None]
)
def test_an_address_outside_the_list_is_forbidden_even_with_the_right_token(tmp_path, client):
    door = door_of(LISTED, tmp_path)
    with pytest.raises(Forbidden):
        who(door, bearer(TOKEN), client=client)
    with pytest.raises(Unauthorized):
        who(door, bearer("wrong"), client=client)
    assert who(door, bearer(TOKEN + "free"), client=client) == "free"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("192.0.2.7", "carrier"),
        ("192.0.2.7:4711", "carrier"),
        ("[2001:db8::1]:4711", "carrier"),
        ("2001:db8::1", "carrier"),
        ("192.0.2.7, 10.1.2.3", "carrier"),
        ("198.51.100.9, 192.0.2.7, 10.1.2.3", "carrier"),
        ("192.0.2.7, 198.51.100.9", None),  # the left one was written by the sender itself
        ("192.0.2.7, rubbish", None),
        ("192.0.2.7, ", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_trusted_proxy_says_who_sends(tmp_path, forwarded, expected):
    headers = bearer(TOKEN) | {"x-forwarded-for": forwarded}
    door = door_of(PROXIED, tmp_path)
    if expected:
        assert who(door, headers) == expected
    else:
        with pytest.raises(Forbidden):
            who(door, headers)


def test_x_forwarded_for_from_an_untrusted_peer_is_ignored(tmp_path):
    headers = bearer(TOKEN) | {"x-forwarded-for": "192.0.2.7"}
    for text, client in ((PROXIED, "198.51.100.9"), (LISTED, "127.0.0.1")):
        with pytest.raises(Forbidden):
            who(door_of(text, tmp_path), headers, client=client)


def test_what_is_no_address_is_nobody():
    for text in ("", "x", "1.2.3", "999.1.1.1", "[", "1.2.3.4:5:6", "\x00", "1.2.3.4/8"):
        assert address_of(text) is None, text


@pytest.fixture
def certificate(tmp_path):
    """DER of a client's certificate."""
    file, _ = Authority(tmp_path).issue("client")
    return ssl.PEM_cert_to_DER_cert(file.read_text())


def certified(der, header="client-cert"):
    return (
        f'trusted_proxies = ["10.0.0.1"]\ncertificate_header = "{header}"\n'
        f'[sources.partner.certificate]\nfingerprints = ["{hashlib.sha256(der).hexdigest()}"]\n'
    )


def rfc9440(der):
    return {"client-cert": f":{base64.b64encode(der).decode()}:"}


def test_a_certificate_that_a_trusted_proxy_passes_on_names_its_source(tmp_path, certificate):
    door = door_of(certified(certificate), tmp_path)
    assert who(door, rfc9440(certificate), client="10.0.0.1") == "partner"
    escaped = quote(ssl.DER_cert_to_PEM_cert(certificate))
    door = door_of(certified(certificate, "X-SSL-Client-Cert"), tmp_path)
    assert who(door, {"x-ssl-client-cert": escaped}, client="10.0.0.1") == "partner"


def test_a_certificate_header_from_an_untrusted_peer_is_ignored(tmp_path, certificate):
    door = door_of(certified(certificate), tmp_path)
    for client in ("127.0.0.1", "10.0.0.2", None):
        with pytest.raises(Unauthorized):
            who(door, rfc9440(certificate), client=client)
    headers = rfc9440(certificate) | {"x-forwarded-for": "10.0.0.1"}
    with pytest.raises(Unauthorized):
        who(door, headers, client="198.51.100.9")


def test_another_certificate_or_a_second_one_beside_it_names_nobody(tmp_path, certificate):
    door = door_of(certified(certificate), tmp_path)
    other = ssl.PEM_cert_to_DER_cert(Authority(tmp_path, "other").issue("client")[0].read_text())
    right = rfc9440(certificate)["client-cert"]
    for value in (rfc9440(other)["client-cert"], f"{right}, {right}", ":!:", "x", "%00", right[1:]):
        with pytest.raises(Unauthorized):
            who(door, {"client-cert": value}, client="10.0.0.1")


def test_a_credential_in_two_lines_names_nobody(tmp_path, certificate):
    door = door_of(CARRIER, tmp_path)
    for others in ("Bearer wrong", f"Bearer {TOKEN}"):
        for lines in ((others, f"Bearer {TOKEN}"), (f"Bearer {TOKEN}", others)):
            with pytest.raises(Unauthorized):
                who(door, [("authorization", line) for line in lines])
    door = door_of(certified(certificate), tmp_path)
    with pytest.raises(Unauthorized):
        who(door, [*rfc9440(certificate).items()] * 2, client="10.0.0.1")


def test_forwarded_addresses_in_two_lines_are_one_list(tmp_path):
    lines = [*bearer(TOKEN).items(), ("x-forwarded-for", "192.0.2.7")]
    door = door_of(PROXIED, tmp_path)
    assert who(door, [*lines, ("x-forwarded-for", "10.1.2.3")]) == "carrier"
    with pytest.raises(Forbidden):
        who(door, [*lines, ("x-forwarded-for", "198.51.100.9")])


def test_a_certificate_header_from_an_untrusted_peer_is_as_if_it_were_not_there(
    tmp_path, certificate
):
    door = door_of(f"{certified(certificate)}[sources.default]\n", tmp_path)
    assert who(door, rfc9440(certificate)) == "default"


def test_an_anonymous_source_is_heard_on_loopback_only(tmp_path):
    door = door_of("", tmp_path)
    assert who(door, {}) == "default"
    assert who(door, {}, client="::1") == "default"
    for client in ("192.0.2.7", None):
        with pytest.raises(Unauthorized):
            who(door, {}, client=client)
    assert who(door_of("allow_anonymous = true\n", tmp_path), {}, client="192.0.2.7") == "default"


def test_an_anonymous_source_is_not_everybody_behind_a_proxy(tmp_path):
    door = door_of('trusted_proxies = ["127.0.0.1"]\n', tmp_path)
    with pytest.raises(Unauthorized):
        who(door, {"x-forwarded-for": "198.51.100.9"})


def test_anonymous_sources_are_told_apart_by_where_they_send_from(tmp_path):
    text = '[sources.north]\naddresses = ["192.0.2.0/25"]\n[sources.south]\naddresses = ["192.0.2.128/25"]\n'
    door = door_of(text, tmp_path)
    assert who(door, {}, client="192.0.2.7") == "north"
    assert who(door, {}, client="192.0.2.200") == "south"
    with pytest.raises(Unauthorized):
        who(door, {})


def test_who_fails_to_prove_itself_is_not_taken_for_an_anonymous_sender(tmp_path):
    door = door_of(f"[sources.default]\n{CARRIER}", tmp_path)
    assert who(door, {}) == "default"
    for authorization in ("Bearer wrong", "Bearer ", "bearer x y"):
        with pytest.raises(Unauthorized):
            who(door, {"authorization": authorization})


def test_any_one_of_a_sources_ways_is_enough(tmp_path):
    text = f'{CARRIER}[sources.carrier.basic]\nuser = "c"\npasswords = ["{scrypt_of("p")}"]\n'
    door = door_of(text, tmp_path)
    assert who(door, bearer(TOKEN)) == "carrier"
    assert who(door, basic("c", "p")) == "carrier"


def test_static_and_signed_tokens_share_their_scheme(tmp_path):
    (tmp_path / "jwks.json").write_bytes(jwks(jwk_of(RSA, "rsa")))
    text = (
        f"{CARRIER}[sources.wholesale.jwt]\nissuer = 'https://auth.example.org'\n"
        f"audience = 'https://listener.example.net'\njwks_file = '{tmp_path / 'jwks.json'}'\n"
    )
    door = door_of(text, tmp_path)
    assert who(door, bearer(TOKEN)) == "carrier"
    assert who(door, bearer(token_of())) == "wholesale"
    with pytest.raises(Unauthorized) as error:
        who(door, {})
    assert error.value.headers == (("WWW-Authenticate", 'Bearer realm="listener"'),)


def test_the_challenges_are_those_of_the_ways_in_use(tmp_path):
    text = f'{CARRIER}[sources.r.basic]\nuser = "c"\npasswords = ["{scrypt_of("p")}"]\n'
    with pytest.raises(Unauthorized) as error:
        who(door_of(text, tmp_path), {})
    assert [value.split()[0] for _, value in error.value.headers] == ["Bearer", "Basic"]


def tries(door, count, client="192.0.2.7"):
    async def all_of_them():
        said = []
        for _ in range(count):
            try:
                await knock(door, bearer("wrong"), client=client)
            except (Unauthorized, TooManyAttempts) as error:
                said.append(type(error))
        return said

    return asyncio.run(all_of_them())


def test_an_address_that_tries_too_often_hears_when_to_come_back(tmp_path, caplog):
    door = door_of(f"failed_attempts = 3\nfailed_attempts_per_minute = 30\n{CARRIER}", tmp_path)
    assert tries(door, 5) == [Unauthorized] * 3 + [TooManyAttempts] * 2
    with pytest.raises(TooManyAttempts) as error:
        who(door, bearer(TOKEN), client="192.0.2.7")
    assert error.value.headers == (("Retry-After", "2"),)
    assert who(door, bearer(TOKEN), client="192.0.2.8") == "carrier", "others are still heard"
    assert (door.attempts.failed, door.attempts.throttled) == (3, 3)
    assert caplog.text.count("192.0.2.7") == 1
    assert "wrong" not in caplog.text.replace("wrong credentials", "")


def test_requests_without_credentials_do_not_count_as_attempts(tmp_path):
    door = door_of(f"failed_attempts = 1\n{CARRIER}", tmp_path)
    for _ in range(5):
        with pytest.raises(Unauthorized):
            who(door, {})
    assert door.attempts.failed == 0


def test_attempts_are_forgiven_with_time_and_memory_is_bounded():
    now = 0.0
    throttle = Throttle(2, 60, most_addresses=10, clock=lambda: now)
    one, other = ip_address("2001:db8::1"), ip_address("2001:db8::2")
    assert [throttle.failed(one), throttle.failed(other)] == [False, True], "one /64 is one sender"
    assert throttle.seconds_to_wait(one) == 1
    assert throttle.seconds_to_wait(ip_address("2001:db8:0:1::1")) == 0
    now = 1.0
    assert throttle.seconds_to_wait(one) == 0
    now = 1_000.0
    assert [throttle.failed(one), throttle.failed(one)] == [False, True], "never more than a burst"
    for number in range(1_000):
        throttle.failed(ip_address(f"10.0.{number // 256}.{number % 256}"))
    assert len(throttle) == 10
