"""Replay into a real NATS server: acknowledged by the stream, known again by key, back after an outage."""

import asyncio
import shutil
import subprocess
import sys
import tomllib
from contextlib import closing, contextmanager
from pathlib import Path

import nats
import pytest
from click.testing import CliRunner

from config.settings import Settings
from receiver.__main__ import main
from store import open_log
from store.commands.targets import endpoint_of
from store.replay.targets.protocol import Unavailable, key_of
from tests.new_events import new_event
from tests.torture.processes import port_of, reserved, wait_for

SERVER = Path(sys.executable).with_name("nats-server")
TOKEN = "hidden-token"


@contextmanager
def server(directory, port):
    arguments = ["-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(directory / "jetstream")]
    with (directory / "nats.txt").open("w") as said:
        child = subprocess.Popen([SERVER, *arguments, "--auth", TOKEN], stderr=said)
    try:
        wait_for(lambda: "Server is ready" in (directory / "nats.txt").read_text(), "the server")
        yield
    finally:
        child.terminate()
        child.wait()


@pytest.fixture
def place(tmp_path):
    with closing(open_log(tmp_path / "data")) as log:
        log.append([new_event(str(n), source="nord.1", ticket_id=f"T{n % 3}") for n in range(20)])
    with reserved() as port_holder:
        (tmp_path / "listener.toml").write_text(
            f'[targets.bus]\nkind = "nats"\nurl = "nats://127.0.0.1:{port_of(port_holder)}"\n'
            f'token = "{TOKEN}"\ntimeout_seconds = 2\nlongest_pause_seconds = 0.2\n'
            "give_up_seconds = 1\n"
        )
        yield tmp_path, port_of(port_holder)


def replay(directory, *more):
    told = ["--data", str(directory / "data"), "--config", str(directory / "listener.toml")]
    return CliRunner().invoke(main, ["replay", "bus", *told, *more])


async def stream(port):
    client = await nats.connect(f"nats://127.0.0.1:{port}", token=TOKEN)
    await client.jetstream().add_stream(name="tickets", subjects=["tmf621.>"])
    return client


async def kept(port):
    client = await nats.connect(f"nats://127.0.0.1:{port}", token=TOKEN)
    pull = await client.jetstream().pull_subscribe("tmf621.>", stream="tickets")
    found = await pull.fetch(100, timeout=1)
    await client.close()
    return [(one.subject, one.headers["Nats-Msg-Id"], one.data) for one in found]


def test_every_event_is_kept_by_the_stream_once_and_in_order(place):
    directory, port = place
    with server(directory, port):
        asyncio.run(_made(port))
        for _ in range(2):
            said = replay(directory)
            assert said.exit_code == 0, said.output
            assert TOKEN not in said.output
        found = asyncio.run(kept(port))
    with closing(open_log(directory / "data")) as log:
        events = list(log.read())
    assert sorted(found) == sorted(
        ("tmf621.nord_1.TroubleTicketStatusChangeEvent", key_of(event), event.body)
        for event in events
    )
    for ticket in range(3):
        mine = [key_of(event) for event in events if event.ticket_id == f"T{ticket}"]
        assert [key for _, key, _ in found if key in mine] == mine


async def _made(port):
    await (await stream(port)).close()


def test_without_server_or_stream_nothing_is_lost_and_the_job_goes_on(place):
    directory, port = place
    said = replay(directory, "--name", "late")
    assert said.exit_code == 1
    assert "served nobody" in said.output
    with server(directory, port):
        assert replay(directory, "--name", "late", "--resume").exit_code == 1, "no stream yet"
        asyncio.run(_made(port))
        said = replay(directory, "--name", "late", "--resume")
        assert said.exit_code == 0, said.output
        assert len(asyncio.run(kept(port))) == 20


def test_a_server_that_comes_back_is_found_again(place):
    directory, port = place
    told = tomllib.loads((directory / "listener.toml").read_text())
    target = Settings.model_validate(told).targets["bus"]
    with closing(open_log(directory / "data")) as log:
        first, second = log.events([1, 2])

    async def go():
        endpoint = endpoint_of("bus", target, 1)
        with server(directory, port):
            await _made(port)
            await endpoint.deliver(first)
        with pytest.raises(Unavailable):
            await endpoint.deliver(second)
        with server(directory, port):
            await endpoint.deliver(second)
            found = await kept(port)
        await endpoint.close()
        return found

    assert len(asyncio.run(go())) == 2
    shutil.rmtree(directory / "jetstream")
