"""A provider forgets us, is away, or we are killed: noticed and healed without a hand, by real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from store import open_reader
from store.hub import registrations
from store.hub.file import HubFile
from store.hub.standing import standing
from store.own_events import OWN_TYPES
from tests.hubs import Hub, config_of
from tests.mirrored import resources
from tests.provider.access import Access
from tests.provider.habits import Habits
from tests.provider.running import running_provider
from tests.torture.processes import ROOT, Listener, port_of, reserved, wait_for

QUICK = "register = true\nhub_look_seconds = 0.3\n"


@contextmanager
def serving(directory, provider, told=QUICK, port=None):
    """`listener serve` that is registered at this provider."""
    config = directory / "listener.toml"
    environment = {**os.environ, "LISTENER_CONFIG": str(config)}
    if port is None:
        with closing(reserved()) as ours:
            port = port_of(ours)
    config.write_text(config_of(provider.base_url, told, callback=f"http://127.0.0.1:{port}"))
    one = Listener("serve", directory / "data", port=port, environment=environment)
    try:
        one.wait_until_ready()
        yield one
    finally:
        one.end()


@pytest.fixture
def provider():
    with running_provider(tickets=12, seed=8) as one:
        yield one


def bodies(data):
    """What the provider told us; what we read there ourselves stands beside it in the log."""
    with closing(open_reader(data)) as log:
        return {event.body for event in log.read() if event.event_type not in OWN_TYPES}


def latest(tickets):
    return {
        name: (one.get("status"), one.get("lastUpdate", "")[:19]) for name, one in tickets.items()
    }


def known(data):
    return latest({one["id"]: one for _, one in resources(data / "history.db", "TroubleTicket")})


def told_by(provider):
    return {one.body for one in provider.told() if one.outcome == "taken"}


def stand(data):
    return standing(HubFile(data), "nord")


def unended(data):
    return registrations.unended(HubFile(data), "nord")


def test_a_provider_that_forgets_our_hub_is_noticed_and_healed_without_a_hand(provider, tmp_path):
    with serving(tmp_path, provider) as listener:
        wait_for(provider.hubs, "the registration at start")
        (first,) = provider.hubs()
        provider.advance(minutes=1)
        assert told_by(provider) == bodies(listener.data) != set()

        provider.forget_hubs()
        provider.advance(minutes=1)
        missed = len(bodies(listener.data))
        wait_for(lambda: provider.hubs() not in ([], [first]), "the registration anew")
        provider.advance(minutes=1)
        assert told_by(provider) == bodies(listener.data)
        assert len(bodies(listener.data)) > missed

        wait_for(lambda: stand(listener.data).heals, "the look to be kept")
        seen = stand(listener.data)
        assert (seen.heals, seen.healed, seen.problem) == (1, "the provider had forgotten it", None)
        wait_for(
            lambda: known(listener.data) == latest(provider.tickets()), "what we missed to be read"
        )
        page = httpx.get(f"{listener.url}/metrics").text
        assert 'listener_hub_registered{source="nord"} 1.0' in page
        assert 'listener_hub_heals_total{source="nord"} 1.0' in page
        assert listener.said("registering anew: the provider had forgotten it")
        assert len(provider.hubs()) == 1


def test_a_provider_that_is_away_is_a_warning_and_readiness_stays_green(provider, tmp_path):
    with serving(tmp_path, provider) as listener:
        wait_for(provider.hubs, "the registration at start")
        provider.stop()
        wait_for(lambda: stand(listener.data).problem, "the problem to be noticed")
        warned = httpx.get(f"{listener.url}/health/ready")
        wait_for(
            lambda: "warnings" in httpx.get(f"{listener.url}/health/ready").json(), "a warning"
        )
        warned = httpx.get(f"{listener.url}/health/ready")
        assert warned.status_code == 200
        assert warned.json()["warnings"] == ["hub: nord: The provider cannot be asked: cannot be reached."]  # fmt: skip
        provider.start()
        wait_for(lambda: not stand(listener.data).problem, "all to be well again")
        assert len(provider.hubs()) == 1
        assert stand(listener.data).heals == 0


def test_a_stop_leaves_the_registration_and_a_restart_finds_it(provider, tmp_path):
    with serving(tmp_path, provider) as listener:
        wait_for(lambda: stand(listener.data).looked_at, "the first look")
        before = provider.hubs()
        assert listener.stop() == 0
    assert provider.hubs() == before != []
    with serving(tmp_path, provider, port=listener.port) as listener:
        looked = stand(listener.data).looked_at
        wait_for(lambda: stand(listener.data).looked_at > looked, "a look")
        assert provider.hubs() == before


def test_a_stop_ends_the_registration_where_that_is_asked_for(provider, tmp_path):
    with serving(tmp_path, provider, f"{QUICK}unregister = true\n") as listener:
        wait_for(lambda: stand(listener.data).looked_at, "the first look")
        assert listener.stop() == 0
    assert provider.hubs() == []


def test_what_is_ended_by_hand_stays_ended_while_serve_runs(provider, tmp_path):
    with serving(tmp_path, provider) as listener:
        wait_for(lambda: stand(listener.data).looked_at, "the first look")
        by_hand = Hub.__new__(Hub)
        by_hand.data, by_hand.config = listener.data, tmp_path / "listener.toml"
        assert by_hand.run("unregister", "nord").exit_code == 0
        looked = stand(listener.data).looked_at
        wait_for(lambda: stand(listener.data).looked_at > looked, "a further look")
        assert provider.hubs() == []
        assert by_hand.run("register", "nord").exit_code == 0
        assert len(provider.hubs()) == 1


def test_two_that_watch_register_once_and_kill_9_of_one_is_no_harm(provider, tmp_path):
    provider.habits = Habits(hub_list=True)
    with serving(tmp_path, provider) as listener:
        wait_for(provider.hubs, "the registration at start")
        command = [sys.executable, "-m", "receiver", "hub", "watch", "--data", str(listener.data)]
        command += ["--port", str(listener.port), "--config", str(tmp_path / "listener.toml")]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as other:
            try:
                for _ in range(4):
                    provider.forget_hubs()
                    wait_for(provider.hubs, "the registration anew")
                    os.kill(listener.pid("hub") or other.pid, signal.SIGKILL)
                    wait_for(lambda: listener.pid("hub"), "the watch to be started again")
                # Whatever was registered and not kept is found in the list, and ended.
                wait_for(
                    lambda: (
                        [one.hub_id for one in unended(listener.data)] == provider.hubs()[:1]
                        and len(provider.hubs()) == 1
                    ),
                    "one registration, known to both",
                )
            finally:
                other.kill()


def test_a_secret_that_is_gone_later_does_not_keep_events_out(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("a-token\n")
    told = f'{QUICK}[sources.nord.provider.bearer]\ntoken_file = "{secret}"\n'
    with (
        running_provider(tickets=12, seed=8, access=Access("bearer", secret="a-token")) as provider,
        serving(tmp_path, provider, told) as listener,
    ):
        wait_for(lambda: stand(listener.data).looked_at, "the first look")
        secret.unlink()
        os.kill(listener.pid("hub"), signal.SIGKILL)
        wait_for(lambda: len(listener.said(r"hub ended .exit code 1")) >= 4, "it to fail often")
        provider.advance(minutes=1)
        assert told_by(provider) == bodies(listener.data) != set()
        secret.write_text("a-token\n")
        looked = stand(listener.data).looked_at
        wait_for(lambda: stand(listener.data).looked_at > looked, "a look")


class Killer(ThreadingHTTPServer):
    """A hub that kills whoever registers, after it has kept the registration, `kills` times."""

    def __init__(self, *, lists: bool):
        super().__init__(("127.0.0.1", 0), _Asked)
        self.lists = lists
        self.hubs: dict[str, dict] = {}
        self.victim: subprocess.Popen | None = None

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/api"


class _Asked(BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["content-length"])))
        hub = {"id": f"h{len(self.server.hubs) + 1}", **told}
        self.server.hubs[hub["id"]] = hub
        if self.server.victim:
            self.server.victim.kill()
            self.server.victim.wait()
            self.server.victim = None
            return
        self.answer(201, hub)

    def do_GET(self):
        number = self.path.removeprefix("/api/hub").strip("/")
        if not number and not self.server.lists:
            self.answer(405, {})
        elif not number:
            self.answer(200, list(self.server.hubs.values()))
        elif number in self.server.hubs:
            self.answer(200, self.server.hubs[number])
        else:
            self.answer(404, {})

    def do_DELETE(self):
        gone = self.server.hubs.pop(self.path.rpartition("/")[2], None)
        self.answer(204 if gone else 404, None)

    def answer(self, status, told):
        body = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def killer(*, lists):
    server = Killer(lists=lists)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def registering(hub):
    command = [sys.executable, "-m", "receiver", "hub", "register", "nord"]
    command += ["--data", str(hub.data), "--config", str(hub.config)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def killed_while_registering(server, hub):
    # Held until the victim is known: it may not be answered before.
    with registering(hub) as victim:
        server.victim = victim
        victim.communicate()
    assert victim.returncode == -signal.SIGKILL
    assert len(server.hubs) == 1
    assert [one.is_known for one in hub.unended()] == [False]


def test_a_registration_whose_id_was_never_kept_is_found_by_its_callback(tmp_path):
    with killer(lists=True) as server:
        hub = Hub(tmp_path, server.base_url)
        killed_while_registering(server, hub)
        told = hub.told("register")
        assert set(server.hubs) == {told["hub_id"]} == {"h1"}
        assert not told["is_new"]
        assert "found the one asked for" in " ".join(told["notes"])


def test_where_nothing_is_listed_it_is_told_that_there_may_be_another(tmp_path):
    with killer(lists=False) as server:
        hub = Hub(tmp_path, server.base_url)
        killed_while_registering(server, hub)
        seen = hub.told("status", code=1)
        assert "not answered: it may be there" in seen["problem"]
        told = hub.told("register")
        assert "it may be there too" in " ".join(told["notes"])
        left = hub.told("unregister", code=1)
        assert "does not list" in left["problem"]
        assert "--forget" in left["advice"]
        assert hub.run("unregister", "nord", "--forget").exit_code == 0
        assert hub.unended() == []
