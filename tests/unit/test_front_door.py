"""The front door: what `listener` offers, and how it says no."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from receiver.address import NotAllowed, check_host, free_port, url
from receiver.demo import MARKER, NotOurs, fresh_directory
from store import open_log


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """No listener.toml, no ./data of the working directory."""
    monkeypatch.chdir(tmp_path)


@contextmanager
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_the_front_door_leads_to_every_command():
    assert {path[0] for path in commands(main)} == {
        "serve", "receive", "demo", "token", "follow", "ticket", "tail", "event", "quarantine", "status", "rebuild", "dashboards",
        "drift", "check", "head", "reconcile", "certificate", "backup", "restore", "archive", "erase", "export", "deliver", "subscriptions",
        "replay", "forward", "jobs", "deadletters", "hub", "open", "cancel", "change",
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(commands(main)), ids=" ".join)
def test_the_help_of_every_command_ends_with_an_example(path):
    text = CliRunner().invoke(main, [*path, "--help"]).output
    assert "Example" in text
    assert f"  listener {path[0]}" in text.split("Example")[-1]


def test_the_version_is_the_packages():
    answer = CliRunner().invoke(main, ["--version"])
    assert answer.output.startswith("listener, version 0.")


@pytest.mark.parametrize("command", ["serve", "receive", "demo"])
def test_an_address_that_others_reach_is_refused_with_the_reason(command):
    answer = CliRunner().invoke(
        main, [command, "--host", "0.0.0.0", "--port", "0", "--dashboards-port", "0"]
    )
    assert answer.exit_code == 2
    assert "anybody could write" in answer.stderr
    assert "--allow-anonymous" in answer.stderr


def test_an_address_that_others_reach_is_allowed_when_that_is_meant():
    check_host("0.0.0.0", allow_anonymous=True)
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        check_host(host, allow_anonymous=False)
    with pytest.raises(NotAllowed):
        check_host("listener.example.net", allow_anonymous=False)


@pytest.mark.parametrize("command", ["serve", "receive", "demo"])
def test_a_taken_port_is_one_clear_line_and_exit_code_3(command):
    with taken_port() as port:
        answer = CliRunner().invoke(main, [command, "--port", port, "--dashboards-port", "0"])
    assert answer.exit_code == 3
    assert f"port {port}" in answer.stderr
    assert "--port" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_taken_port_of_the_pages_is_said_with_its_own_option():
    with taken_port() as port:
        answer = CliRunner().invoke(main, ["serve", "--port", "0", "--dashboards-port", port])
    assert answer.exit_code == 3
    assert "--dashboards-port" in answer.stderr


def test_a_setting_that_cannot_be_used_is_one_line_and_exit_code_2():
    Path("listener.toml").write_text('[sources.default]\nvalidation = "lax"\n')
    answer = CliRunner().invoke(main, ["receive"])
    assert answer.exit_code == 2
    assert "sources.default.validation" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_data_directory_that_cannot_be_made_is_one_line_and_exit_code_3():
    Path("file").write_text("")
    answer = CliRunner().invoke(main, ["receive", "--port", "0", "--data", "file/data"])
    assert answer.exit_code == 3
    assert "file/data" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_port_0_is_any_free_port_and_any_address_is_reached_on_loopback():
    assert free_port("127.0.0.1", 0, "--port") > 0
    assert url("0.0.0.0", 8621) == "http://127.0.0.1:8621"
    assert url("::1", 8621) == "http://[::1]:8621"


def test_the_demo_makes_its_own_directory_anew():
    directory = Path("shown")
    for _ in range(2):
        fresh_directory(directory)
        assert [one.name for one in directory.iterdir()] == [MARKER]
        open_log(directory).close()


def test_the_demo_leaves_a_directory_that_is_not_its_own_alone():
    directory = Path("mine")
    directory.mkdir()
    (directory / "log.db").write_text("precious")
    answer = CliRunner().invoke(
        main, ["demo", "--data", "mine", "--port", "0", "--dashboards-port", "0"]
    )
    assert answer.exit_code == 2
    assert "left alone" in answer.stderr
    assert (directory / "log.db").read_text() == "precious"


def test_the_demo_leaves_a_running_demo_alone():
    directory = Path("shown")
    fresh_directory(directory)
    with closing(open_log(directory)), pytest.raises(NotOurs, match="running"):
        fresh_directory(directory)
    assert (directory / "log.db").exists()
