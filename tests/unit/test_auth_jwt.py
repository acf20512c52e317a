"""OAuth2 access tokens: each way in which one can be wrong is refused by name."""

import asyncio
import hashlib
import hmac
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from receiver.auth.identity import Presented
from receiver.auth.jwks import KeySet
from receiver.auth.jwt import Jwt, Trust
from receiver.door import Door
from receiver.rejections import Unauthorized
from tests.doors import (
    ALL_KEYS,
    AUDIENCE,
    ED25519,
    ISSUER,
    OTHER_RSA,
    P256,
    RSA,
    bearer,
    claims_of,
    door_of,
    forged,
    jwk_of,
    jwks,
    public_pem,
    scope_of,
    token_of,
    who,
)


def now(seconds: int) -> int:
    return int(time.time()) + seconds


def jwt_settings(keys, **more):
    lines = "".join(f"{name} = {value!r}\n" for name, value in more.items())
    return (
        f'[sources.wholesale.jwt]\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\n'
        f"jwks_file = '{keys}'\n{lines}"
    )


@pytest.fixture
def keys(tmp_path):
    file = tmp_path / "jwks.json"
    file.write_bytes(ALL_KEYS)
    return file


@pytest.fixture
def door(keys, tmp_path) -> Door:
    return door_of(jwt_settings(keys), tmp_path)


def refused(door, token):
    with pytest.raises(Unauthorized):
        who(door, bearer(token))
    return True


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "PS256", "rsa"),
        (P256, "ES256", "p256"),
        (ED25519, "EdDSA", "ed"),
    ],
)
def test_a_right_token_names_its_source(door, key, algorithm, kid):
    assert who(door, bearer(token_of(key, algorithm, kid))) == "wholesale"


def test_an_audience_among_several_is_right(door):
    assert who(door, bearer(token_of(aud=["https://elsewhere.example", AUDIENCE]))) == "wholesale"


def test_a_token_of_another_issuer_is_refused(door):
    assert refused(door, token_of(iss="https://auth.example.com"))
    assert refused(door, token_of(iss=ISSUER + "/"))
    assert refused(door, token_of(iss=None))


def test_a_token_of_another_issuers_key_is_refused(door):
    assert refused(door, token_of(OTHER_RSA))


def test_a_token_without_signature_is_refused_whatever_it_says(door):
    for algorithm in ("none", "None", "NONE", "", None, 0, ["RS256"], {"alg": "RS256"}):
        assert refused(door, forged({"alg": algorithm, "typ": "JWT", "kid": "rsa"}, claims_of()))
    assert refused(door, forged({"typ": "JWT", "kid": "rsa"}, claims_of()))
    assert refused(door, jwt.encode(claims_of(), None, algorithm="none"))
    assert refused(door, token_of().rpartition(".")[0] + ".")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_signed_with_the_public_key_as_secret_is_refused(door, algorithm):
    for secret in (public_pem(RSA), public_pem(RSA).strip(), ALL_KEYS, b""):
        header = {"alg": algorithm, "kid": "rsa"}
        unsigned = forged(header, claims_of()).rpartition(".")[0]
        digest = getattr(hashlib, f"sha{algorithm[2:]}")
        signature = hmac.new(secret, unsigned.encode(), digest).digest()
        assert refused(door, forged(header, claims_of(), signature))


def test_a_token_that_brings_its_own_key_is_refused(door):
    own = jwk_of(OTHER_RSA, "rsa")
    for headers in (
        {"jwk": own},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://e.example"},
    ):
        token = jwt.encode(
            claims_of(), OTHER_RSA, algorithm="RS256", headers={"kid": "rsa"} | headers
        )
        assert refused(door, token)


def test_an_algorithm_that_was_not_pinned_is_refused(keys, tmp_path):
    door = door_of(jwt_settings(keys, algorithms=["ES256"]), tmp_path)
    assert who(door, bearer(token_of(P256, "ES256", "p256"))) == "wholesale"
    assert refused(door, token_of())


def test_an_expired_token_is_refused_after_the_leeway(door):
    assert who(door, bearer(token_of(exp=now(-20)))) == "wholesale"
    assert refused(door, token_of(exp=now(-120)))
    assert refused(door, token_of(exp=None))
    assert refused(door, token_of(exp="soon"))
    assert who(door, bearer(token_of(exp=str(now(300))))) == "wholesale"


def test_an_expired_token_is_no_failed_attempt_but_a_forged_one_is(door):
    refused(door, token_of(exp=now(-120)))
    assert door.attempts.failed == 0
    refused(door, token_of(OTHER_RSA, exp=now(-120)))
    assert door.attempts.failed == 1


def test_a_token_that_is_not_yet_valid_is_refused_before_the_leeway(door):
    assert who(door, bearer(token_of(nbf=now(20)))) == "wholesale"
    assert refused(door, token_of(nbf=now(120)))
    assert refused(door, token_of(iat=now(120)))


def test_a_wrong_audience_is_refused(door):
    for audience in ("https://elsewhere.example", [], ["x"], None, AUDIENCE + "/"):
        assert refused(door, token_of(aud=audience))


def may_write(door, **changes):
    scope = scope_of(bearer(token_of(**changes)), "127.0.0.1")
    return "write" in asyncio.run(door.by_headers(scope)).scopes


def test_a_wrong_scope_may_not_write(door):
    for changes in (
        {"scope": "read"}, {"scope": "writer"}, {"scope": ""}, {"scope": None}, {"scope": 7},
        {"scope": ["read"]}, {"scope": None, "scp": ["read"]}, {"scope": "read", "scp": "write"},
    ):  # fmt: skip
        assert not may_write(door, **changes), changes
    for changes in ({"scope": "write"}, {"scope": None, "scp": "read write"}, {"scope": ["write"]}):
        assert may_write(door, **changes), changes


def test_a_scope_may_have_the_servers_own_name(keys, tmp_path):
    door = door_of(jwt_settings(keys, scope="tmf621:notify"), tmp_path)
    assert may_write(door, scope="tmf621:notify")
    assert not may_write(door, scope="write")


def test_an_unknown_key_id_is_refused(door):
    assert refused(door, token_of(kid="unheard-of"))
    assert refused(door, token_of(P256, "ES256", "rsa"))


def test_without_a_key_id_only_one_fitting_key_is_taken(keys, tmp_path):
    assert who(door_of(jwt_settings(keys), tmp_path), bearer(token_of(kid=None))) == "wholesale"
    keys.write_bytes(jwks(jwk_of(RSA, None), jwk_of(OTHER_RSA, "other")))
    assert refused(door_of(jwt_settings(keys), tmp_path), token_of(kid=None))


def test_a_key_that_is_too_short_proves_nothing(keys, tmp_path):
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = token_of(short)
    keys.write_bytes(jwks(jwk_of(short, "rsa")))
    assert refused(door_of(jwt_settings(keys), tmp_path), token)


def test_a_key_for_encryption_or_another_algorithm_proves_nothing(keys, tmp_path):
    for changes in ({"use": "enc"}, {"alg": "PS256"}, {"kty": "oct", "k": "c2VjcmV0"}):
        keys.write_bytes(jwks(jwk_of(RSA, "rsa") | changes))
        assert refused(door_of(jwt_settings(keys), tmp_path), token_of())


def test_a_client_that_was_not_named_is_refused(keys, tmp_path):
    door = door_of(jwt_settings(keys, clients=["wholesale"]), tmp_path)
    assert who(door, bearer(token_of())) == "wholesale"
    assert who(door, bearer(token_of(client_id=None, sub="s", azp="wholesale"))) == "wholesale"
    assert refused(door, token_of(client_id="somebody", sub="somebody"))


def test_clients_of_one_server_are_told_apart(keys, tmp_path):
    text = jwt_settings(keys) + jwt_settings(keys, clients=["named"]).replace("wholesale", "second")
    door = door_of(text, tmp_path)
    assert who(door, bearer(token_of(client_id="named"))) == "second"
    assert who(door, bearer(token_of())) == "wholesale"


@pytest.mark.parametrize("token", ["..", "a.b.c", "....", "e30.e30.", "W10.W10.W10", "é.é.é"])
def test_what_is_no_token_is_refused(door, token):
    assert refused(door, token)


def test_a_tampered_token_is_refused(door):
    head, payload, signature = token_of().split(".")
    other = forged({}, claims_of(client_id="else")).split(".")[1]
    assert refused(door, f"{head}.{other}.{signature}")
    assert refused(door, f"{head}.{payload}.{signature[:-4]}AAAA")


def test_a_proven_token_is_remembered_but_not_beyond_its_end(keys, tmp_path):
    door = door_of(jwt_settings(keys, leeway_seconds=0), tmp_path)
    token = token_of(exp=now(2))
    assert [who(door, bearer(token)) for _ in range(3)] == ["wholesale"] * 3
    time.sleep(2.1)
    assert refused(door, token)


def test_a_proven_token_is_checked_again_after_half_a_minute_and_few_are_remembered(monkeypatch):
    clock, checked = 0.0, []

    async def fetch():
        return ALL_KEYS

    trust = Trust(source="wholesale", issuer=ISSUER, audience=AUDIENCE, keys=KeySet(fetch))
    way = Jwt([trust], clock=lambda: clock)
    right = way._prove
    monkeypatch.setattr(way, "_prove", lambda token: checked.append(token) or right(token))

    async def show(token):
        headers = {b"authorization": f"Bearer {token}".encode()}
        return await way.identify(Presented(headers, "/"), b"")

    async def shown():
        nonlocal clock
        token = token_of()
        for at in (0.0, 29.0, 31.0):
            clock = at
            await show(token)
        assert len(checked) == 2
        monkeypatch.setattr("receiver.auth.jwt.MOST_REMEMBERED", 3)
        for number in range(10):
            await show(token_of(P256, "ES256", "p256", jti=str(number)))
        assert len(way._proven) <= 3

    asyncio.run(shown())


def test_a_refused_token_is_not_remembered_as_right(door):
    token = token_of(OTHER_RSA)
    assert all(refused(door, token) for _ in range(3))
