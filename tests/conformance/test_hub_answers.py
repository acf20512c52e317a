"""What a provider's hub may answer, told apart: each is one clear sentence and an exit code."""

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from tests.answering import answer, answering
from tests.hubs import Hub

ERROR = json.dumps({"@type": "Error", "code": "41", "reason": "callback is not allowed"}).encode()


class Scripted:
    """A hub that answers as a test says, by method; it keeps what was posted."""

    def __init__(self):
        self.says = {
            "POST /hub": lambda: answer(201, b'{"id":"h1"}'),
            "GET /hub": lambda: answer(405),
            "GET /hub/h1": lambda: answer(200, b'{"id":"h1"}'),
            "DELETE /hub/h1": lambda: answer(204),
        }
        self.asked: list[str] = []
        self.base_url = ""

    def reply(self, asked):
        line = f"{asked.method} {asked.path.removeprefix('/api')}"
        self.asked.append(line)
        said = self.says.get(line)
        return said() if said else answer(404)


@contextmanager
def scripted():
    """Its server, in a thread of its own, because the command has a loop of its own."""
    one, ready = Scripted(), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve():
        async with answering(one.reply) as server:
            one.base_url = f"{server.url}/api"
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(20)
    try:
        yield one
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def provider():
    with scripted() as one:
        yield one


@pytest.fixture
def hub(provider, tmp_path):
    return Hub(tmp_path, provider.base_url)


@pytest.mark.parametrize(
    ("said", "hub_id"),
    [
        (answer(201, b'{"id":"h1","callback":"x"}'), "h1"),
        (answer(201, b'{"id":7}'), "7"),
        (answer(200, b'{"id":"h1"}'), "h1"),
        (answer(201, b"", Location="/tt/v5/hub/h1"), "h1"),
        (answer(201, b"", Location="https://api.example.org/hub/a%2Fb/"), "a/b"),
        (answer(204), None),
        (answer(201, b"no json"), None),
        (answer(201, b"[]", Location="/somewhere/else"), None),
    ],
)  # fmt: skip
def test_the_id_is_read_from_the_body_else_from_location(hub, provider, said, hub_id):
    provider.says["POST /hub"] = lambda: said
    told = hub.told("register")
    assert told["hub_id"] == hub_id
    if hub_id is None:
        assert "told no id" in " ".join(told["notes"])
        assert hub.told("register")["is_new"] is False, "it is there, though nobody can ask for it"
        ended = hub.told("unregister", code=1)
        assert "no id" in ended["problem"]
        assert "--forget" in ended["advice"]


@pytest.mark.parametrize(
    ("said", "sentence", "is_kept"),
    [
        (answer(400, ERROR), "POST /hub answered 400 (41: callback is not allowed).", False),
        (answer(401), "POST /hub answered 401.", False),
        (answer(404), "POST /hub answered 404.", False),
        (answer(405), "POST /hub answered 405.", False),
        (answer(302, location="/x"), "POST /hub answered 302.", False),
        (answer(503), "POST /hub answered 503.", False),
        (answer(500), "POST /hub answered 500.", True),
        (answer(504), "POST /hub answered 504.", True),
        (None, "it may be registered all the same.", True),
    ],
    ids=["400", "401", "404", "405", "302", "503", "500", "504", "nothing"],
)
def test_what_is_no_success_is_said_and_what_may_be_there_is_kept(hub, provider, said, sentence, is_kept):  # fmt: skip
    provider.says["POST /hub"] = lambda: said
    answered = hub.run("register", "nord")
    assert answered.exit_code == 1
    assert sentence in answered.output
    assert provider.asked.count("POST /hub") == 1, "a POST is sent once"
    assert len(hub.unended()) == is_kept


@pytest.mark.parametrize("status", [405, 501, 404])
def test_a_provider_without_get_is_not_taken_for_one_that_forgot(hub, provider, status):
    provider.says["GET /hub/h1"] = lambda: answer(status)
    hub.told("register")
    for _ in range(2):
        assert hub.told("register")["is_new"] is False
    assert hub.told("status")["problem"] is None
    assert provider.asked.count("POST /hub") == 1


@pytest.mark.parametrize("status", [404, 405])
def test_where_only_a_list_is_served_the_list_decides(hub, provider, status):
    provider.says["GET /hub/h1"] = lambda: answer(status)
    provider.says["GET /hub"] = lambda: answer(200, b'[{"id":"h1"},"odd",{}]')
    hub.told("register")
    assert "known to the provider" in hub.told("status")["state"]
    provider.says["GET /hub"] = lambda: answer(200, b"[]")
    assert "forgotten" in hub.told("status", code=1)["problem"]
    assert hub.told("register")["is_new"]


@pytest.mark.parametrize("status", [401, 500, 503])
def test_an_answer_that_says_neither_is_no_reason_to_register_anew(hub, provider, status):
    hub.told("register")
    provider.says["GET /hub/h1"] = lambda: answer(status)
    told = hub.told("register", code=1)
    assert told["problem"] == f"GET /hub/h1 answered {status}."
    assert hub.told("status", code=1)["hub_id"] == "h1"
    assert provider.asked.count("POST /hub") == 1


def test_one_404_beside_a_200_is_no_reason_to_register_anew(hub, provider):
    hub.told("register")
    left = [answer(404), answer(200, b'{"id":"h1"}')]
    provider.says["GET /hub/h1"] = lambda: left.pop(0) if left else answer(200)
    assert hub.told("register")["is_new"] is False
    assert provider.asked.count("POST /hub") == 1


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (204, 0, ""),
        (200, 0, ""),
        (404, 0, ""),
        (410, 0, ""),
        (405, 1, "The provider ends no registrations (DELETE /hub/h1 answered 405)."),
        (501, 1, "The provider ends no registrations (DELETE /hub/h1 answered 501)."),
        (500, 1, "DELETE /hub/h1 answered 500."),
        (403, 1, "DELETE /hub/h1 answered 403."),
    ],
)
def test_ended_is_what_the_provider_says_is_ended(hub, provider, status, code, sentence):
    hub.told("register")
    provider.says["DELETE /hub/h1"] = lambda: answer(status)
    told = hub.told("unregister", code=code)
    assert (told["problem"] or "") == sentence
    assert len(hub.unended()) == code


def test_an_id_of_dots_and_slashes_does_not_climb(hub, provider):
    provider.says["POST /hub"] = lambda: answer(201, b'{"id":"../troubleTicket/1"}')
    hub.told("register")
    hub.run("unregister", "nord")
    assert "DELETE /hub/..%2FtroubleTicket%2F1" in provider.asked


def test_two_commands_at_once_register_once(hub, provider):
    command = [sys.executable, "-m", "receiver", "hub", "register", "nord", "--json"]
    command += ["--data", str(hub.data), "--config", str(hub.config)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    outputs = [json.loads(one.communicate(timeout=60)[0]) for one in running]
    assert sorted(one["is_new"] for one in outputs) == [False, False, True]
    assert provider.asked.count("POST /hub") == 1
