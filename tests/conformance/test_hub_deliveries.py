"""What subscribers are sent: everything, as the provider sent it, in order, whatever goes wrong."""

import json
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from store import open_reader
from tests.edge import event_of
from tests.logs import NOW
from tests.provider.history import history
from tests.receiving import Receiving, receiving, wait_for

PREFIX = "/tmf-api/troubleTicketManagement/v5"


def config(callback: str) -> str:
    return (
        "[hub]\nprivate_addresses = true\nlongest_pause_seconds = 0.5\ntimeout_seconds = 2.0\n"
        f'[sources.default]\ncallbacks = ["{callback}"]\n'
    )


class Delivering:
    """A real `listener deliver`."""

    def __init__(self, process: Receiving) -> None:
        command = [sys.executable, "-m", "receiver", "deliver", "--data", str(process.data)]
        file = process.data.with_suffix(".toml")
        self.process = subprocess.Popen([*command, "--config", str(file)], stderr=subprocess.PIPE, text=True)  # fmt: skip
        self.lines: list[str] = []
        self._reading = threading.Thread(target=lambda: self.lines.extend(self.process.stderr))
        self._reading.start()

    def end(self, how: int) -> int:
        self.process.send_signal(how)
        code = self.process.wait(20)
        self._reading.join()
        self.process.stderr.close()
        return code


@contextmanager
def delivering(process: Receiving):
    one = Delivering(process)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)


def subscribe(process: Receiving, callback: str, query: str | None = None) -> str:
    body = {"callback": callback} | ({"query": query} if query else {})
    made = httpx.post(f"{process.url}/hub", json=body, trust_env=False)
    assert made.status_code == 201, made.text
    return f"{process.url}{made.headers['location']}"


def told(where: str) -> dict:
    return httpx.get(where, trust_env=False).raise_for_status().json()["delivery"]


def by_ticket(data: Path) -> dict[str, list[tuple[str, str, bytes]]]:
    """Every event of a log, ticket by ticket, in its order there."""
    found = defaultdict(list)
    with closing(open_reader(data)) as log:
        for event in log.read():
            found[event.ticket_id or f"{event.resource_type}/{event.resource_id}"].append(
                (event.event_type, event.event_id, event.body)
            )
    return found


def test_a_second_listener_that_subscribed_ends_with_the_same_log(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    chance = random.Random(621)
    deliveries = history(tickets=60, now=NOW).deliveries
    running = None
    with receiving(second) as subscriber:
        callback = f"{subscriber.url}{PREFIX}"
        with receiving(first, config(callback)) as provider:
            where = subscribe(provider, callback)
            with httpx.Client(base_url=provider.url, trust_env=False, verify=False) as client:
                for number, one in enumerate(deliveries):
                    if number % 100 == 0:
                        # Killed in the middle of what it does, as often as you like.
                        if running:
                            running.end(signal.SIGKILL)
                        running = Delivering(provider)
                    client.post(one.path, content=one.body, headers=dict(one.headers))
                    if chance.random() < 0.01:
                        wait_for(lambda: told(where)["position"] > 0, "a first page")
            head = provider.head()
            wait_for(lambda: told(where)["position"] == head, "everything to be delivered", 60)
            assert running.end(signal.SIGTERM) == 0
            one, other = by_ticket(provider.data), by_ticket(subscriber.data)
            assert head > 500
            assert subscriber.head() == head
            assert other == one
            assert subscriber.quarantined() == []


class Sink:
    """A callback that misbehaves, and remembers what it was sent and what it took."""

    def __init__(self, answers) -> None:
        self.heard: list[tuple[str, str, int]] = []
        self.taken: list[tuple[str, int]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                ticket = body["event"]["troubleTicket"]["id"]
                number = int(body["eventId"])
                sink.heard.append((self.path, ticket, number))
                status = answers(ticket, number)
                if status is None:
                    self.close_connection = True
                    return
                if status < 300:
                    sink.taken.append((ticket, number))
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_told) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/deep/er"
        self._serving = threading.Thread(target=self.server.serve_forever)
        self._serving.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._serving.join()


def posted(process: Receiving, first: int, last: int) -> None:
    with httpx.Client(base_url=process.url, trust_env=False, verify=False) as client:
        for number in range(first, last):
            kind = "Create" if number % 2 else "StatusChange"
            event = event_of(f"TroubleTicket{kind}Event", eventId=str(number))
            event["event"]["troubleTicket"] |= {"id": f"TT-{number % 9}", "status": "acknowledged"}
            client.post(f"/listener/troubleTicket{kind}Event", json=event).raise_for_status()


@pytest.fixture
def bad_sink():
    chance = random.Random(42)

    def answers(_ticket: str, _number: int) -> int | None:
        return chance.choice([204, 204, 204, 200, 500, 429, 503, None])

    sink = Sink(answers)
    yield sink
    sink.close()


def test_a_callback_that_fails_at_random_takes_every_event_in_order_for_every_ticket(
    tmp_path, bad_sink
):
    with receiving(tmp_path, config(bad_sink.url)) as process, delivering(process):
        posted(process, 0, 20)  # before it subscribed: not for it
        where = subscribe(process, f"{bad_sink.url}/")
        posted(process, 20, 140)
        wait_for(lambda: told(where)["position"] == 140, "everything to be delivered", 90)
        assert told(where)["delivered"] == 120
        assert told(where)["failingSince"] is None
    taken = defaultdict(list)
    for ticket, number in bad_sink.taken:
        if number not in taken[ticket]:
            taken[ticket].append(number)
    assert sorted(n for numbers in taken.values() for n in numbers) == list(range(20, 140))
    assert all(numbers == sorted(numbers) for numbers in taken.values())
    assert len(bad_sink.heard) > len(bad_sink.taken) >= 120
    paths = {path for path, _, _ in bad_sink.heard}
    assert paths == {f"/deep/er/listener/troubleTicket{kind}Event" for kind in ("Create", "StatusChange")}  # fmt: skip


def test_a_query_is_kept_to_and_an_ended_subscription_hears_nothing(tmp_path):
    sink = Sink(lambda _ticket, _number: 204)
    try:
        with receiving(tmp_path, config(sink.url)) as process, delivering(process) as running:
            query = "eventType=TroubleTicketCreateEvent&troubleTicket.id=TT-1,TT-2"
            where = subscribe(process, sink.url, query)
            posted(process, 0, 60)
            wait_for(lambda: told(where)["position"] == 60, "everything to be looked at")
            wanted = [n for n in range(60) if n % 2 and n % 9 in (1, 2)]
            assert sorted(number for _, number in sink.taken) == wanted
            assert httpx.delete(where, trust_env=False).status_code == 204
            wait_for(
                lambda: any("ended" in line for line in running.lines), "its end to be noticed"
            )
            watched = subscribe(process, f"{sink.url}/other")
            wait_for(lambda: told(watched)["position"] == 60, "the other one")
            posted(process, 60, 80)
            wait_for(lambda: told(watched)["position"] == 80, "the other one to be delivered")
        assert {path for path, _, number in sink.heard if number >= 60} == {
            f"/deep/er/other/listener/troubleTicket{kind}Event"
            for kind in ("Create", "StatusChange")
        }
    finally:
        sink.close()


def test_a_callback_that_takes_nothing_is_reported_until_it_does(tmp_path):
    works = threading.Event()
    sink = Sink(lambda _ticket, number: 204 if works.is_set() or number != 3 else 400)
    try:
        with receiving(tmp_path, config(sink.url)) as process, delivering(process) as running:
            where = subscribe(process, sink.url)
            posted(process, 0, 10)
            wait_for(lambda: told(where)["failures"] > 2, "failures to be told")
            wait_for(lambda: len(sink.taken) == 9, "other tickets to go on")
            assert told(where)["error"] == "answered 400"
            assert told(where)["position"] == 3
            assert process.metrics()["listener_subscriptions_failing"] == 1
            listed = subprocess.run(
                [sys.executable, "-m", "receiver", "subscriptions", "--data", str(process.data)], capture_output=True, text=True, check=False
            )  # fmt: skip
            assert listed.returncode == 1
            assert "at event 4" in listed.stdout
            assert any("does not take event 4" in line for line in running.lines)
            works.set()
            wait_for(lambda: told(where)["position"] == 10, "the rest")
            assert told(where)["failingSince"] is None
            assert process.metrics()["listener_subscriptions_failing"] == 0
    finally:
        sink.close()


def test_only_one_process_delivers(tmp_path):
    with receiving(tmp_path, config("http://127.0.0.1:9")) as process, delivering(process) as one:
        wait_for(lambda: any("delivering" in line for line in one.lines), "the first one")
        second = Delivering(process)
        assert second.process.wait(20) == 3
        second._reading.join()
        assert "already delivers" in "".join(second.lines)
        second.process.stderr.close()


def test_it_may_be_there_before_the_receiver(tmp_path):
    data = tmp_path / "data"
    command = [sys.executable, "-m", "receiver", "deliver", "--data", str(data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as early:
        assert "delivering" in early.stderr.readline()
        sink = Sink(lambda _ticket, _number: 204)
        try:
            with receiving(tmp_path, config(sink.url)) as process:
                where = subscribe(process, sink.url)
                # The early one was not told with whom anything was agreed: it delivers nothing.
                wait_for(lambda: told(where)["failures"] == 1, "it to say so")
                assert "callbacks in [sources.default]" in told(where)["error"]
                early.send_signal(signal.SIGTERM)
                assert early.wait(20) == 0
                with delivering(process):
                    posted(process, 0, 3)
                    wait_for(lambda: told(where)["position"] == 3, "everything to be delivered")
                assert told(where)["failingSince"] is None
        finally:
            sink.close()
