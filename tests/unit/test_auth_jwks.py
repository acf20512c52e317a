"""The issuer's keys: read when needed, not too often, and never while everybody else waits."""

import asyncio
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from receiver.auth.jwks import MOST_BYTES, KeySet, from_file, from_url
from receiver.rejections import CannotTell
from tests.doors import ALL_KEYS, OTHER_RSA, RSA, jwk_of, jwks

ROTATED = jwks(jwk_of(OTHER_RSA, "rsa-2"))


class Server:
    """An authorization server's key page, and a clock."""

    def __init__(self, content: bytes = ALL_KEYS) -> None:
        self.content = content
        self.asked = 0
        self.now = 1_000.0
        self.seconds = 0.0
        self.error: Exception | None = None

    async def fetch(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        return self.content

    def keys(self) -> KeySet:
        return KeySet(
            self.fetch, refresh_seconds=600, unknown_key_seconds=30, clock=lambda: self.now
        )


def test_keys_are_read_once_for_many_who_ask_at_once():
    server = Server()
    server.seconds = 0.01

    async def many():
        keys = server.keys()
        return await asyncio.gather(*(keys.key("rsa", "RS256") for _ in range(50)))

    assert all(asyncio.run(many()))
    assert server.asked == 1


def test_rotated_keys_are_found_when_a_token_names_the_new_one():
    server = Server()

    async def rotate():
        keys = server.keys()
        assert await keys.key("rsa", "RS256")
        server.content = ROTATED
        server.now += 31
        assert await keys.key("rsa-2", "RS256")
        assert await keys.key("rsa", "RS256") is None, "the old key is no longer the server's"

    asyncio.run(rotate())


def test_unknown_key_ids_do_not_make_us_ask_more_often_than_agreed():
    server = Server()

    async def guess():
        keys = server.keys()
        for number in range(100):
            assert await keys.key(f"guess-{number}", "RS256") is None
        assert server.asked == 1
        server.now += 31
        await asyncio.gather(*(keys.key(f"guess-{number}", "RS256") for number in range(100)))

    asyncio.run(guess())
    assert server.asked == 2


def test_old_keys_are_read_anew_while_known_ones_go_on_being_used():
    server = Server()

    async def grow_old():
        keys = server.keys()
        await keys.key("rsa", "RS256")
        server.content, server.seconds = ROTATED, 0.2
        server.now += 601
        began = time.perf_counter()
        assert await keys.key("rsa", "RS256")
        assert time.perf_counter() - began < 0.1, "nobody waits for what is known"
        await asyncio.sleep(0.3)
        assert await keys.key("rsa-2", "RS256")

    asyncio.run(grow_old())


@pytest.mark.parametrize(
    "failure", [TimeoutError(), ConnectionRefusedError(), b"<html>", b"[]", b"{}", b'{"keys": 7}', b"\xff", b"[" * 100_000]
)  # fmt: skip
def test_while_keys_cannot_be_read_known_ones_stay_and_others_are_asked_to_come_later(failure):
    server = Server()

    async def fail():
        keys = server.keys()
        await keys.key("rsa", "RS256")
        if isinstance(failure, bytes):
            server.content = failure
        else:
            server.error = failure
        server.now += 601
        with pytest.raises(CannotTell):
            await keys.key("rsa-2", "RS256")
        assert await keys.key("rsa", "RS256")
        server.content, server.error = ROTATED, None
        server.now += 31
        assert await keys.key("rsa-2", "RS256"), "it recovers by itself"

    asyncio.run(fail())


def test_before_the_keys_were_ever_read_nobody_is_told_that_a_token_is_wrong():
    server = Server()
    server.error = ConnectionRefusedError()
    with pytest.raises(CannotTell):
        asyncio.run(server.keys().key("rsa", "RS256"))


def test_one_unusable_key_does_not_spoil_the_others():
    broken = jwk_of(RSA, "broken") | {"n": "!"}
    server = Server(jwks({"kty": "secret"}, broken, jwk_of(RSA, "rsa")))

    async def ask():
        keys = server.keys()
        return await keys.key("broken", "RS256"), await keys.key("rsa", "RS256")

    broken_key, right_key = asyncio.run(ask())
    assert broken_key is None
    assert right_key is not None


@contextmanager
def served(answers):
    """A real server; answers by path: status, headers, body, seconds it takes."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body, seconds = answers[self.path]
            time.sleep(seconds)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_keys_come_over_http_without_redirects_and_within_bounds(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    answers = {
        "/keys": (200, {}, ALL_KEYS, 0),
        "/moved": (302, {"location": "/keys"}, b"", 0),
        "/absent": (404, {}, ALL_KEYS, 0),
        "/large": (200, {}, b"x" * (MOST_BYTES + 1), 0),
    }
    with served(answers) as url:
        assert asyncio.run(from_url(f"{url}/keys")()) == ALL_KEYS
        for path in ("/moved", "/absent", "/large"):
            with pytest.raises(ValueError):
                asyncio.run(from_url(url + path)())


def test_a_slow_server_does_not_hold_up_the_event_loop(monkeypatch):
    monkeypatch.delenv("http_proxy", raising=False)
    with served({"/keys": (200, {}, ALL_KEYS, 0.3)}) as url:

        async def ticks_meanwhile():
            reading = asyncio.create_task(from_url(f"{url}/keys")())
            ticks = 0
            while not reading.done():
                await asyncio.sleep(0.005)
                ticks += 1
            return ticks

        assert asyncio.run(ticks_meanwhile()) > 5


def test_keys_come_from_a_file_that_may_change(tmp_path):
    file = tmp_path / "jwks.json"
    now = 0.0

    async def read():
        nonlocal now
        keys = KeySet(from_file(file), unknown_key_seconds=30, clock=lambda: now)
        with pytest.raises(CannotTell):
            await keys.key("rsa", "RS256")
        file.write_bytes(ALL_KEYS)
        now = 31.0
        return await keys.key("rsa", "RS256")

    assert asyncio.run(read()) is not None
