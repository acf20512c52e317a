"""Settings of a source's provider: the example shows every knob; what cannot be used is named."""

import tomllib

import pytest

from config.credentials import OAuth2
from config.options import UnusableSettings
from config.provider import Provider
from config.settings import SettingsError
from receiver.provider.door import provider_rules, providers
from receiver.provider.reconcile.door import reconcile_rules
from tests.doors import settings_of
from tests.unit.test_auth_settings import uncommented

TABLES = {"oauth2", "bearer", "basic"}
MADE_UP = {"base_url", "headers", "headers_environment", "proxy"} | {
    *("tls_ca", "tls_certificate", "tls_key", "hub_callback", "hub_query", "hub_members"),
    "hub_members_environment",
    "certificate_key",
}
"""Knobs whose default is nothing: the example shows what could stand there."""
URL = 'base_url = "https://api.example.org/tt/"\n'


def rules_of(told: str, directory):
    text = f"[sources.carrier.provider]\n{URL}{told}"
    return provider_rules(settings_of(text, directory), "carrier")


def test_the_commented_example_is_usable_and_shows_every_knob_at_its_default(tmp_path):
    assert settings_of(uncommented(), tmp_path).sources["carrier"].provider
    told = tomllib.loads(uncommented())["sources"]["carrier"]["provider"]
    fields = Provider.model_fields
    named = {field.alias or name: field for name, field in fields.items()}
    assert set(told) | TABLES == set(named)
    for name in set(named) - MADE_UP - TABLES:
        assert told[name] == named[name].default, name
    assert set(told["oauth2"]) | {"client_secret", "client_secret_environment"} == set(
        OAuth2.model_fields
    )


def test_every_knob_says_why_it_is_there():
    for name, field in Provider.model_fields.items():
        assert field.description, name


def test_a_source_without_a_provider_only_listens_and_is_told_which_have_one(tmp_path):
    settings = settings_of(f"[sources.nord.provider]\n{URL}[sources.sued]\n", tmp_path)
    assert providers(settings) == ["nord"]
    for name in ("sued", "west"):
        with pytest.raises(UnusableSettings, match=f"'{name}' is no source.*nord"):
            provider_rules(settings, name)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ('base_url = "http://api.example.org"', "plain_http"),
        ('base_url = "https://me:s3cret@api.example.org"', "credentials"),
        ('base_url = "https://api.example.org?x=1"', "query"),
        ('base_url = "https://x"\ntls_key = "k"', "tls_certificate"),
        ('base_url = "https://x"\nattempts = 0', "provider.attempts"),
        ('base_url = "https://x"\nregister = true', "hub_callback"),
        ('base_url = "https://x"\nhub_query = "eventType=X"', "hub_callback"),
        ('base_url = "https://x"\nhub_callback = "http://ours.example.net"', "hub_callback"),
        ('base_url = "https://x"\nhub_callback = "https://me:s3cret@ours.example.net"', "hub_callback"),
        ('base_url = "https://x"\nhub_callback = "https://ours.example.net?x"', "hub_query"),
        ('base_url = "https://x"\nhub_members = { a = "s3cret", "a.b" = "s3cret" }', "hub_members.a"),
        ('base_url = "https://x"\nhub_members = { callback = "s3cret" }', "setting of its own"),
        ("timeout_seconds = 1", "provider.base_url"),
        ('base_url = "https://x"\n[sources.carrier.provider.bearer]\ntoken = "s3cret"\n[sources.carrier.provider.basic]\nuser = "u"', "one of"),
        ('base_url = "https://x"\n[sources.carrier.provider.oauth2]\nclient_id = "u"\ntoken_url = "http://a.example.org"', "token_url"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name_and_no_secret_is_repeated(tmp_path, told, named):
    with pytest.raises(SettingsError, match=named) as caught:
        settings_of(f"[sources.carrier.provider]\n{told}", tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("[sources.carrier.provider.bearer]", "token"),
        ('[sources.carrier.provider.bearer]\ntoken_file = "/not/there"', "/not/there"),
        ('[sources.carrier.provider.basic]\nuser = "u"\npassword_environment = "NOT_THERE"', "NOT_THERE"),
        ('tls_ca = "/not/there"', "/not/there"),
        ('headers_environment = { x = "NOT_THERE" }', "NOT_THERE"),
    ],
)  # fmt: skip
def test_a_secret_that_is_not_there_is_said_before_anything_is_asked(tmp_path, told, named):
    with pytest.raises(UnusableSettings, match=f"sources.carrier.provider.*{named}"):
        rules_of(told, tmp_path)


def test_secrets_are_shown_neither_with_settings_nor_with_rules(tmp_path):
    told = 'headers = { k = "hidden-1" }\n[sources.carrier.provider.basic]\nuser = "u"\npassword = "hidden-2"'
    settings = settings_of(f"[sources.carrier.provider]\n{URL}{told}", tmp_path)
    rules = provider_rules(settings, "carrier")
    assert rules.base_url == "https://api.example.org/tt"
    assert "hidden" not in repr(settings) + settings.model_dump_json() + repr(rules)


def test_a_key_that_signs_no_certificate_is_said_at_the_start(tmp_path):
    for told in (f'certificate_key = "{tmp_path}/none.key"', f'certificate_key = "{__file__}"'):
        settings = settings_of(f"[sources.carrier.provider]\n{URL}{told}", tmp_path)
        with pytest.raises(UnusableSettings, match=r"carrier.provider: certificate_key"):
            reconcile_rules(settings, "carrier")
