"""Settings of targets: the example shows every knob, at its default."""

import tomllib

from pydantic_core import PydanticUndefined

from config import credentials, targets
from tests.doors import settings_of
from tests.unit.test_auth_settings import uncommented

EXAMPLES = {"crm": targets.Http, "second": targets.Tmf, "lines": targets.File}
TABLES = {"oauth2", "bearer", "basic", "standardwebhooks"}
MADE_UP = {"url", "path", "types", "sources", "where", "rate", "proxy", "headers"} | {
    *("headers_environment", "tls_ca", "tls_certificate", "tls_key", "kind")
}
"""Knobs whose default is nothing: the example shows what could stand there."""


def test_the_commented_examples_are_usable_and_show_every_knob_at_its_default(tmp_path):
    found = settings_of(uncommented(), tmp_path).targets
    assert {name: type(found[name]) for name in EXAMPLES} == EXAMPLES
    told = tomllib.loads(uncommented())["targets"]
    fields = targets.Http.model_fields
    assert set(told["crm"]) | TABLES == set(fields)
    for name in set(fields) - MADE_UP - TABLES:
        assert told["crm"][name] == fields[name].default, name
        assert fields[name].default is not PydanticUndefined


def test_every_knob_says_why_it_is_there():
    proofs = (credentials.Bearer, credentials.Basic, credentials.OAuth2)
    for model in (targets.Http, targets.File, *proofs):
        for name, field in model.model_fields.items():
            assert field.description or name == "kind", f"{model.__name__}.{name}"
