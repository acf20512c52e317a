"""Sources in the settings: the example's examples, secrets from elsewhere, the token commands."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.hashed import new_token, scrypt_of, sha256_of
from config.settings import SettingsError, load
from config.sources import WAYS, Source
from receiver.__main__ import main
from receiver.admission import rules
from receiver.rejections import Unauthorized
from tests.doors import basic, bearer, door_of, settings_of, who

EXAMPLE = Path(__file__).parents[2] / "config" / "example.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """No listener.toml of the working directory."""
    monkeypatch.chdir(tmp_path)


def uncommented() -> str:
    """The example with its commented settings in force: lines that begin with # and no space."""
    return re.sub(r"^#(?=[^ ])", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_commented_examples_are_usable_and_show_every_knob_of_every_way(tmp_path):
    sources = settings_of(uncommented(), tmp_path).sources
    shown: dict[str, set[str]] = {}
    for source in sources.values():
        for way in WAYS:
            table = getattr(source, way)
            if table is not None:
                shown[way] = table.model_fields_set
    assert shown.keys() == set(WAYS)
    for way, knobs in shown.items():
        model = next(one for one in Source.model_fields[way].annotation.__args__ if one)
        assert knobs | {"jwks_file"} == set(model.model_fields) | {"jwks_file"}, way


def test_the_commented_knobs_of_tokens_show_their_defaults(tmp_path):
    told = settings_of(uncommented(), tmp_path).sources["wholesale"].jwt
    fields = type(told).model_fields
    for knob in ("scope", "algorithms", "leeway_seconds", "refresh_seconds", "unknown_key_seconds"):
        assert getattr(told, knob) == fields[knob].default, knob


def test_hashes_come_from_the_settings_a_file_and_the_environment(tmp_path, monkeypatch):
    here, in_file, first, second = (new_token() for _ in range(4))
    (tmp_path / "tokens").write_text(f"# of the carrier\n\n{sha256_of(in_file)}  \n")
    monkeypatch.setenv("CARRIER_TOKENS", f"{sha256_of(first)} {sha256_of(second)}")
    text = (
        f'[sources.carrier.bearer]\ntokens = ["{sha256_of(here)}"]\ntokens_file = "tokens"\n'
        'tokens_environment = "CARRIER_TOKENS"\n'
    )
    door = door_of(text, tmp_path)
    for token in (here, in_file, first, second):
        assert who(door, bearer(token)) == "carrier"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[sources.c.bearer]\ntokens = ["s3cret"]\n', "sources.c.bearer.tokens.0: is no hash"),
        (f'[sources.c.bearer]\ntokens = ["scrypt:9999999:8:1:{"0" * 32}:{"0" * 64}"]\n', "costs more"),
        (f'[sources.c.bearer]\ntokens = ["scrypt:1000:8:1:{"0" * 32}:{"0" * 64}"]\n', "power of two"),
        ('[sources.c.basic]\nuser = "a:b"\n', "sources.c.basic.user"),
        ('[sources.c.jwt]\nissuer = "i"\naudience = "a"\n', "sources.c.jwt: name either"),
        ('[sources.c.jwt]\nissuer = "i"\naudience = "a"\njwks_url = "http://a.example/"\n', "https"),
        ('[sources.c.jwt]\nissuer = "i"\naudience = "a"\njwks_file = "k"\nalgorithms = ["HS256"]\n', "sources.c.jwt.algorithms.0"),
        ('[sources.c.jwt]\nissuer = "i"\naudience = "a"\njwks_file = "k"\nalgorithms = ["none"]\n', "sources.c.jwt.algorithms.0"),
        ('[sources.c.jwt]\nissuer = "i"\naudience = "a"\njwks_file = "k"\n[sources.d.jwt]\nissuer = "i"\naudience = "a"\njwks_file = "k"\n', "sources.d.jwt.clients"),
        ('[sources.c.basic]\nuser = "u"\n[sources.d.basic]\nuser = "u"\n', "sources.d.basic.user"),
        ("[sources.c.certificate]\nfingerprints = []\n", "sources.c.certificate.fingerprints"),
        ('[sources.c]\naddresses = ["192.0.2.1/24"]\n', "sources.c.addresses.0"),
        ('[sources."c/d"]\n', "sources.c/d"),
        ("[sources.c.oauth]\n", "sources.c.oauth"),
        ('trusted_proxies = ["proxy"]\n', "trusted_proxies.0"),
        ('tls_key = "k"\n', "tls_certificate"),
        ('tls_client_ca = "c"\n', "tls_client_ca"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_name_and_without_its_value(tmp_path, text, said):
    with pytest.raises(SettingsError) as error:
        settings_of(text, tmp_path)
    assert said in str(error.value)
    assert "s3cret" not in str(error.value)


def test_secrets_are_not_shown_when_settings_are(tmp_path):
    text = '[sources.c.standardwebhooks]\nsecrets = ["whsec_bm90IGEgc2VjcmV0LCBvbmx5"]\n'
    told = settings_of(text, tmp_path)
    assert "bm90IGEg" not in repr(told) + str(told.model_dump()) + told.model_dump_json()


def test_rules_are_taken_over_without_the_ways(tmp_path):
    told = settings_of('[sources.c]\nvalidation = "strict"\nsuccess_status = 200\n', tmp_path)
    assert rules(told)["c"].strict
    assert rules(told)["c"].success_status == 200


def test_trusted_proxies_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("LISTENER_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.1")
    assert [str(one) for one in load().trusted_proxies] == ["10.0.0.0/8", "192.0.2.1/32"]


def test_a_new_token_is_printed_once_with_the_hash_that_lets_it_in(tmp_path):
    answer = CliRunner().invoke(main, ["token", "new"])
    token, hashed = (line.split()[-1] for line in answer.stdout.splitlines())
    assert len(token) >= 43
    assert hashed == sha256_of(token)
    door = door_of(f'[sources.carrier.bearer]\ntokens = ["{hashed}"]\n', tmp_path)
    assert who(door, bearer(token)) == "carrier"
    assert CliRunner().invoke(main, ["token", "new"]).stdout != answer.stdout


def test_a_password_is_hashed_with_a_salt_and_lets_its_user_in(tmp_path):
    answers = [CliRunner().invoke(main, ["token", "hash"], input="päss word\n") for _ in range(2)]
    hashed = [answer.stdout.strip() for answer in answers]
    assert hashed[0] != hashed[1]
    assert "päss" not in "".join(hashed)
    text = f'[sources.r.basic]\nuser = "r"\npasswords = ["{hashed[0]}"]\n'
    assert who(door_of(text, tmp_path), basic("r", "päss word")) == "r"
    with pytest.raises(Unauthorized):
        who(door_of(text, tmp_path), basic("r", "päss word "))
    assert CliRunner().invoke(main, ["token", "hash"], input="\n").exit_code == 2


def test_hashes_made_here_are_hashes_to_the_settings(tmp_path):
    for made in (sha256_of("x"), scrypt_of("x")):
        settings_of(f'[sources.r.basic]\nuser = "r"\npasswords = ["{made}"]\n', tmp_path)
