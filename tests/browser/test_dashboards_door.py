"""`listener dashboards`: its options, how it says no, what it logs, and a rebuild under its feet."""

import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from store.times import utc_text
from tests.browser.conftest import DASHBOARDS, serving
from tests.browser.sample_history import append, event_of, fill, posted, two_sources

LOGGED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|WARNING|ERROR) \S.*")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no listener.toml of the working directory
    found = tmp_path / "data"
    fill(found, two_sources(datetime.now(UTC)))
    return found


def created(number: str):
    now = datetime.now(UTC)
    ticket = {"@type": "TroubleTicket", "id": number, "name": number, "status": "acknowledged"}
    return event_of(posted("TroubleTicketCreateEvent", now, troubleTicket=ticket), now)


def test_a_setting_that_cannot_be_used_ends_it_with_one_line_and_exit_code_2(data, monkeypatch):
    Path("bad.toml").write_text("dashboards_port = 70000\n")
    monkeypatch.setenv("LISTENER_CONFIG", "bad.toml")
    answer = CliRunner().invoke(main, ["dashboards", "--data", str(data)])
    assert answer.exit_code == 2
    assert "dashboards_port" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_taken_port_ends_it_with_one_line_and_exit_code_3(data):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = CliRunner().invoke(
            main, ["dashboards", "--data", str(data), "--dashboards-port", port]
        )
    assert answer.exit_code == 3
    assert f"port {port}" in answer.stderr
    assert "--dashboards-port" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_every_line_of_its_log_has_the_time_in_utc(data, client):
    with serving(data) as here:
        for path in ("/-/history", "/nowhere", "/-/history/ticket/3180?as_of=never"):
            client.get(here.url + path)
    lines = (data.parent / "data.log").read_text().splitlines()
    assert lines[-1].endswith("pages served no more")
    assert [line for line in lines if not LOGGED.fullmatch(line)] == []
    assert not any("/nowhere" in line or "Uvicorn" in line for line in lines)


def test_host_and_port_come_from_the_options_that_all_commands_share(data, client):
    Path("here.toml").write_text('dashboards_host = "127.0.0.2"\ndashboards_port = 1\n')
    with serving(data, *DASHBOARDS, "--data", str(data), "--config", "here.toml") as here:
        assert here.url.startswith("http://127.0.0.2:")
        assert client.get(f"{here.url}/-/history.json").status_code == 200
    options = (*DASHBOARDS, "--data", str(data), "--dashboards-host", "127.0.0.3")
    with serving(data, *options) as here:
        assert here.url.startswith("http://127.0.0.3:")


def test_a_rebuild_while_the_pages_are_served_shows_the_new_rows(data, client):
    with serving(data) as here:
        page = f"{here.url}/-/history/ticket/NEW-1"
        assert client.get(page).status_code == 404
        append(data, [created("NEW-1")])
        assert client.get(page).status_code == 404  # kept, and not folded: nobody follows here
        subprocess.run(
            [sys.executable, "-m", "receiver", "rebuild", "--data", str(data)],
            check=True,
            capture_output=True,
            timeout=60,
        )
        for _ in range(8):  # each query thread has a connection of its own to give up
            assert client.get(page).status_code == 200
            assert client.get(f"{here.url}/-/history.json").json()["tickets"] == 3


def test_the_history_of_another_time_does_not_wait_for_the_follower(data, client):
    now = datetime.now(UTC)
    later = posted(
        "TroubleTicketStatusChangeEvent",
        now,
        troubleTicket={"@type": "TroubleTicket", "id": "3180", "status": "held"},
    )
    append(data, [event_of(later, now, "north")])
    soon = utc_text(now + timedelta(minutes=1))
    with serving(data) as here:
        ticket = f"{here.url}/-/history/ticket/3180.json?source=north"
        assert client.get(ticket).json()["ticket"]["status"] == "pending"
        then = client.get(ticket, params={"source": "north", "known_at": soon}).json()
        assert then["ticket"]["status"] == "held"
