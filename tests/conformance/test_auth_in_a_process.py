"""The receiver as a process of its own: https, addresses as uvicorn sees them, and no credential
in anything that it writes."""

import os
import re
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from config.hashed import new_token, scrypt_of, sha256_of
from receiver.__main__ import main
from tests.certificates import Authority
from tests.doors import (
    ALL_KEYS,
    AUDIENCE,
    ISSUER,
    PATH,
    WEBHOOK_SECRET,
    basic,
    bearer,
    signed,
    token_of,
)
from tests.edge import JSON, dumped, event_of

EVENT = dumped(event_of("TroubleTicketCreateEvent"))
TOKEN = new_token()
PASSWORD = "correct-horse-battery"
CARRIER = f'[sources.carrier.bearer]\ntokens = ["{sha256_of(TOKEN)}"]\n'


@contextmanager
def receiving(directory: Path, text: str, *options: str):
    """A receiver; its URL. What it says is in said.txt."""
    (directory / "listener.toml").write_text(text, encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("LISTENER_")
    }
    with (directory / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "receiver", "receive", "--port", "0", "--data", str(directory / "data"), "--config", str(directory / "listener.toml"), *options],
            cwd=Path(__file__).parents[2], env=environment, stdout=said, stderr=said,
        )  # fmt: skip
        try:
            yield _url(process, directory / "said.txt")
        finally:
            process.terminate()
            process.wait(timeout=20)


def _url(process, said: Path) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"listening on (https?://\S+?:\d+)", said.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(said.read_text())


def post(url, headers, body=EVENT, **more):
    with httpx.Client(trust_env=False, **more) as client:
        return client.post(url + PATH, content=body, headers=JSON | headers)


def test_https_is_served_with_our_certificate_and_nothing_else_is(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("listener")
    text = f"tls_certificate = '{certificate}'\ntls_key = '{key}'\n{CARRIER}"
    trusting = ssl.create_default_context(cafile=str(authority.file))
    with receiving(tmp_path, text) as url:
        assert url.startswith("https://")
        assert post(url, bearer(TOKEN), verify=trusting).status_code == 204
        assert post(url, bearer("wrong"), verify=trusting).status_code == 401
        stranger = ssl.create_default_context(cafile=str(Authority(tmp_path, "other").file))
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            post(url, bearer(TOKEN), verify=stranger)
        with pytest.raises(httpx.TransportError):
            post(url.replace("https", "http"), bearer(TOKEN))


def test_with_a_client_authority_only_its_certificates_are_let_through(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("listener")
    text = (
        f"tls_certificate = '{certificate}'\ntls_key = '{key}'\n"
        f"tls_client_ca = '{authority.file}'\n{CARRIER}"
    )
    with receiving(tmp_path, text) as url:
        without = ssl.create_default_context(cafile=str(authority.file))
        with pytest.raises(httpx.TransportError):
            post(url, bearer(TOKEN), verify=without)
        shown = ssl.create_default_context(cafile=str(authority.file))
        shown.load_cert_chain(*authority.issue("client"))
        assert post(url, bearer(TOKEN), verify=shown).status_code == 204
        foreign = ssl.create_default_context(cafile=str(authority.file))
        foreign.load_cert_chain(*Authority(tmp_path, "other").issue("stranger"))
        with pytest.raises(httpx.TransportError):
            post(url, bearer(TOKEN), verify=foreign)


def test_uvicorn_does_not_believe_a_forwarded_address_for_us(tmp_path):
    text = f'[sources.carrier]\naddresses = ["192.0.2.0/24"]\n{CARRIER}'
    headers = bearer(TOKEN) | {"x-forwarded-for": "192.0.2.7"}
    with receiving(tmp_path, text) as url:
        assert post(url, headers).status_code == 403
    with receiving(tmp_path, f'trusted_proxies = ["127.0.0.1"]\n{text}') as url:
        assert post(url, headers).status_code == 204
        assert post(url, bearer(TOKEN) | {"x-forwarded-for": "198.51.100.7"}).status_code == 403


def test_no_credential_is_in_anything_that_the_listener_writes(tmp_path):
    (tmp_path / "jwks.json").write_bytes(ALL_KEYS)
    text = f"""
[sources.wholesale.jwt]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
jwks_file = '{tmp_path / "jwks.json"}'
[sources.reseller.basic]
user = "reseller"
passwords = ["{scrypt_of(PASSWORD)}"]
[sources.webhooks.standardwebhooks]
secrets = ["{WEBHOOK_SECRET}"]
{CARRIER}"""
    token, wrong = token_of(), new_token()
    signature = signed(EVENT)
    proofs = [bearer(TOKEN), bearer(token), basic("reseller", PASSWORD), signature]
    failures = [bearer(wrong), bearer(token + "x"), basic("reseller", wrong)]
    with receiving(tmp_path, text) as url:
        for headers in proofs:
            assert post(url, headers).status_code == 204
            assert post(url, headers, b"{}").status_code in (400, 401)
        for _ in range(8):
            for headers in failures:
                assert post(url, headers).status_code in (401, 429)
    secrets = [
        TOKEN,
        token,
        PASSWORD,
        wrong,
        WEBHOOK_SECRET,
        signature["webhook-signature"].split(",")[1],
    ]
    secrets += [headers["authorization"].split()[1] for headers in (*proofs[:3], *failures)]
    written = [
        tmp_path / "said.txt",
        *(path for path in (tmp_path / "data").rglob("*") if path.is_file()),
    ]
    assert any(path.name == "log.db" for path in written)
    for path in written:
        content = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, (path.name, secret)
            assert sha256_of(secret).encode() not in content, path.name


def test_with_credentials_for_every_source_it_may_listen_anywhere(tmp_path):
    with receiving(tmp_path, CARRIER, "--host", "0.0.0.0") as url:
        assert post(url, bearer(TOKEN)).status_code == 204
        assert post(url, {}).status_code == 401
    assert "travel in clear" in (tmp_path / "said.txt").read_text()


@pytest.mark.parametrize(
    ("text", "knob"),
    [
        ('[sources.carrier.bearer]\ntokens_file = "absent"\n', "sources.carrier.bearer.tokens_file: absent"),
        ('[sources.c.bearer]\ntokens_environment = "ABSENT"\n', "sources.c.bearer.tokens_environment"),
        ("[sources.c.bearer]\n", "sources.c.bearer.tokens: there are none"),
        ('[sources.c.standardwebhooks]\nsecrets = ["whsec_secret!"]\n', "sources.c.standardwebhooks.secrets"),
        ("tls_certificate = 'absent'\ntls_key = 'absent'\n", "tls_certificate: absent"),
        ("tls_certificate = 'listener.toml'\ntls_key = 'listener.toml'\n", "tls_certificate, tls_key:"),
        (f"[sources.default]\n{CARRIER}host = 'x'\n", "sources.carrier.bearer.host"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_one_line_with_the_name_of_the_knob(
    tmp_path, monkeypatch, text, knob
):
    monkeypatch.chdir(tmp_path)
    Path("listener.toml").write_text(text)
    for command in (["receive"], ["serve", "--dashboards-port", "0"]):
        answer = CliRunner().invoke(main, [*command, "--port", "0"])
        assert answer.exit_code == 2, answer.output
        assert knob in answer.stderr
        assert answer.stderr.count("\n") == 1
        assert "secret!" not in answer.stderr


def test_an_anonymous_source_beside_others_still_needs_loopback(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("listener.toml").write_text(f"[sources.default]\n{CARRIER}")
    answer = CliRunner().invoke(main, ["receive", "--host", "0.0.0.0", "--port", "0"])
    assert answer.exit_code == 2
    assert "anybody could write" in answer.stderr


def test_the_demo_says_when_the_settings_would_refuse_its_provider(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("listener.toml").write_text(CARRIER)
    answer = CliRunner().invoke(main, ["demo", "--port", "0", "--dashboards-port", "0"])
    assert answer.exit_code == 2
    assert "without credentials" in answer.stderr
