"""Whatever is sent as credentials: never a source, never a fault of ours, nothing kept."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.hashed import sha256_of
from receiver.admission import door, rules
from tests.doors import ALL_KEYS, AUDIENCE, ISSUER, PATH, forged, settings_of
from tests.edge import assert_error, edge, event_of

EVENT = event_of("TroubleTicketCreateEvent")

schemes = st.sampled_from(["Bearer", "bearer", "Basic", "Digest", "Negotiate", "", "Bearer Bearer"])
texts = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
names = ["alg", "kid", "typ", "crit", "b64", "iss", "aud", "exp", "nbf", "iat", "sub", "scope"]
values = json | st.sampled_from(
    ["RS256", "HS256", "none", "rsa", "p256", ISSUER, AUDIENCE, "write", 1e300]
)
objects = st.dictionaries(st.sampled_from(names), values, max_size=8)
tokens = st.builds(forged, objects, objects, st.binary(max_size=80))
authorizations = st.builds(lambda scheme, text: f"{scheme} {text}".strip(), schemes, texts | tokens)
webhooks = st.fixed_dictionaries({}, optional={
    "webhook-id": texts, "webhook-timestamp": texts | st.integers().map(str), "webhook-signature": texts,
    "client-cert": texts, "x-forwarded-for": texts,
})  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("guarded")
    (directory / "jwks.json").write_bytes(ALL_KEYS)
    text = f"""
trusted_proxies = ["127.0.0.1"]
failed_attempts = 1_000_000
[sources.a.bearer]
tokens = ["{sha256_of("a" * 43)}"]
[sources.b.jwt]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
jwks_file = '{directory / "jwks.json"}'
[sources.c.basic]
user = "c"
passwords = ["{sha256_of("c" * 43)}"]
[sources.d.standardwebhooks]
secrets = ["whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="]
[sources.e.certificate]
fingerprints = ["{hashlib.sha256(b"e").hexdigest()}"]
"""
    told = settings_of(text, directory)
    with edge(identify=door(told), sources=rules(told)) as here:
        yield here


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(authorization=st.none() | authorizations, others=webhooks)
def test_no_made_up_credentials_name_a_source_or_bring_the_edge_down(
    guarded, authorization, others
):
    headers = {"content-type": "application/json"} | others
    if authorization is not None:
        headers["authorization"] = authorization
    encoded = {name.encode(): value.encode("latin-1", "replace") for name, value in headers.items()}
    answer = guarded.send(PATH, EVENT, headers=encoded)
    assert_error(answer, 401)
    assert answer.headers.get_list("www-authenticate")
    assert guarded.log.head() == 0
    assert list(guarded.log.quarantined()) == []
