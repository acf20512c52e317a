"""Settings: where a value comes from, and that the example file tells the truth."""

import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from config.health import Health
from config.limits import Limits
from config.options import common_options
from config.settings import Settings, SettingsError, load
from config.sources import WAYS, Source

EXAMPLE = Path(__file__).parents[2] / "config" / "example.toml"


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch, tmp_path):
    """No LISTENER_* of the machine, no listener.toml of the working directory."""
    import os

    for name in list(os.environ):
        if name.startswith("LISTENER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@click.command()
@common_options
def show(settings: Settings) -> None:
    print(settings.port, settings.data, settings.dashboards_port)


def test_the_example_file_equals_the_defaults():
    assert load(EXAMPLE) == Settings()


def test_the_example_file_writes_out_every_knob():
    written = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert set(written) == set(Settings.model_fields)
    tables = {*WAYS, "provider"}
    assert set(written["sources"]["default"]) == set(Source.model_fields) - tables


def test_every_knob_says_why_it_is_there():
    for model in (Settings, Source, Limits, Health):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no description"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(monkeypatch, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('port = 1001\ndata = "from-file"\ndashboards_port = 1002\n')
    monkeypatch.setenv("LISTENER_PORT", "2001")
    monkeypatch.setenv("LISTENER_DATA", "from-environment")

    settings = load(file, port=3001, data=None)

    assert (settings.port, settings.data, settings.dashboards_port) == (
        3001,
        Path("from-environment"),
        1002,
    )


def test_listener_toml_is_read_when_it_is_there():
    Path("listener.toml").write_text("port = 4001\n")
    assert load().port == 4001


def test_a_file_that_was_named_must_exist():
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load(Path("absent.toml"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("porrt = 1\n", "porrt"),
        ("[sources.default]\nstrictness = 1\n", r"sources\.default\.strictness"),
        ('port = "high"\n', "port"),
        ("port = 70000\n", "port"),
        ("port = \n", "mine.toml"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_with_its_name(tmp_path, text, named):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=named):
        load(file)


def test_an_unknown_name_in_the_environment_is_refused_with_its_name(monkeypatch):
    monkeypatch.setenv("LISTENER_PROT", "8621")
    with pytest.raises(SettingsError, match="prot"):
        load()


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("LISTENER_PREFIXES", ",/mine")
    assert load().prefixes == ("", "/mine")


def test_every_source_keeps_its_own_agreement(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[sources.nord]\nsuccess_status = 200\n[sources.sued]\nvalidation = "strict"\n')
    sources = load(file).sources
    assert sources["nord"] == Source(success_status=200)
    assert sources["sued"] == Source(validation="strict")


def test_a_command_hears_its_options_and_the_rest_from_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("LISTENER_DASHBOARDS_PORT", "2002")
    answer = CliRunner().invoke(show, ["--port", "3001", "--data", str(tmp_path / "d")])
    assert answer.output.split() == ["3001", str(tmp_path / "d"), "2002"]


def test_a_command_finds_its_settings_file_through_the_environment(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("port = 1001\n")
    answer = CliRunner().invoke(show, env={"LISTENER_CONFIG": str(file)})
    assert answer.output.startswith("1001 ")


def test_an_unusable_setting_is_one_line_and_exit_code_2():
    answer = CliRunner().invoke(show, ["--port", "70000"])
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert "port" in answer.stderr
