"""Slow, stalled and too many senders, by raw sockets, while normal traffic goes on."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.receiving import hear, hear_from, receiving, request, right_body, wait_for

CONFIG = """
[limits]
connections = 40
header_seconds = 1.5
body_seconds = 1.5
answer_seconds = 1.5
keep_alive_seconds = 2
"""
SLOWEST_DELIVERY_SECONDS = 3.0
"""Far below any of these being let in by a timeout of ours; a loaded machine may take its time."""


@pytest.fixture(scope="module")
def one_receiver(tmp_path_factory):
    with receiving(tmp_path_factory.mktemp("slow"), CONFIG) as one:
        yield one


@pytest.fixture
def here(one_receiver):
    """The receiver, when it has forgotten the connections of the test before."""

    def quiet():
        try:
            return one_receiver.metrics()["listener_connections"] <= 2
        except httpx.HTTPStatusError:
            return False

    wait_for(quiet, "quiet", 10)
    return one_receiver


@contextmanager
def normal_traffic(here):
    """Deliveries one after the other, each on a connection of its own; none may fail or wait."""
    slowest, statuses, stop = [0.0], [], threading.Event()

    def deliver():
        while not stop.is_set():
            began = time.monotonic()
            sent = request(right_body(f"normal-{time.monotonic_ns()}"), "Connection: close")
            statuses.append(here.ask(sent).status)
            slowest[0] = max(slowest[0], time.monotonic() - began)

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert statuses
    assert set(statuses) == {204}
    assert slowest[0] < SLOWEST_DELIVERY_SECONDS


def dribble(connection: socket.socket, bytes_: bytes, seconds: float) -> None:
    """One byte every tenth of a second, until the other side has enough."""
    until = time.monotonic() + seconds
    for byte in bytes_:
        if time.monotonic() > until:
            return
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return
        time.sleep(0.1)


DRIBBLES = {
    "head": (b"", request(b"{}")),
    "header": (request(b"{}").removesuffix(b"\r\n\r\n{}") + b"\r\nX: ", b"y" * 100),
    "body": (request(b"", length=100), b" " * 100),
    "chunks": (
        request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"),
        b"1\r\nx\r\n" * 30,
    ),
}


def test_a_request_that_dribbles_is_answered_408_and_the_connection_closed(here):
    def dribbling(name):
        at_once, slowly = DRIBBLES[name]
        began = time.monotonic()
        with here.connect() as connection:
            connection.sendall(at_once)
            dribble(connection, slowly, 6)
            return hear(connection), time.monotonic() - began

    with normal_traffic(here), ThreadPoolExecutor(len(DRIBBLES)) as senders:
        for heard, seconds in senders.map(dribbling, DRIBBLES):
            assert (heard.status, heard.error()["code"]) == (408, "too-slow")
            assert heard.headers["connection"] == "close"
            assert 1.4 < seconds < 8


def test_who_connects_and_says_nothing_is_hung_up_on(here):
    with normal_traffic(here), here.connect() as connection:
        assert connection.recv(1) == b""


def test_an_idle_connection_is_closed_in_time_and_line_ends_do_not_keep_it_alive(here):
    with normal_traffic(here), here.connect() as connection:
        connection.sendall(request(right_body("then-idle")))
        assert hear(connection).status == 204
        began = time.monotonic()
        dribble(connection, b"\r\n" * 50, 6)
        # Line ends before a request are nothing (RFC 9112, 2.2), but a request they do not make.
        with pytest.raises(ConnectionError):
            hear(connection)
        assert time.monotonic() - began < 8


def test_who_does_not_read_the_answers_is_cut_off(here):
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack, normal_traffic(here):
        for _ in range(5):
            connection = stack.enter_context(socket.socket())
            # A small window, so that the answers have nowhere to go.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.connect(("127.0.0.1", here.port))
            connection.sendall(asked * 90)
        wait_for(lambda: here.metrics()["listener_connections"] <= 3, "the deaf to be cut off", 10)


def test_more_slow_senders_than_connections_keep_nobody_out(here):
    with ExitStack() as stack:
        for _ in range(40):
            slow = stack.enter_context(here.connect())
            slow.sendall(b"POST /listener HTTP/1.1\r\nX: ")
        time.sleep(1.1)
        # All places are taken by those who keep us waiting: one of them goes for each who comes.
        for number in range(5):
            assert here.deliver(f"between-the-slow-{number}").status_code == 204


def test_who_was_cut_off_and_lingers_keeps_nobody_out(here):
    with ExitStack() as stack:
        slow = [stack.enter_context(here.connect()) for _ in range(40)]
        for one in slow:
            one.sendall(b"POST /listener HTTP/1.1\r\nX: ")
        assert {hear(one).status for one in slow} == {408}
        # None of them has closed its side yet.
        for number in range(5):
            assert here.deliver(f"beside-the-lingering-{number}").status_code == 204


def test_beyond_the_connections_a_new_one_hears_503_at_once(here):
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(here.connect())
        began = time.monotonic()
        heard = [hear(stack.enter_context(here.connect())) for _ in range(3)]
        assert time.monotonic() - began < 1
    for one in heard:
        assert (one.status, one.error()["code"]) == (503, "too-many-connections")
        assert int(one.headers["retry-after"]) >= 1


def test_a_body_behind_requests_in_turn_is_not_slow_while_it_waits_for_us(here):
    body = right_body("behind")
    with here.connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 50 + request(body))
        with connection.makefile("rb") as lines:
            assert [hear_from(lines).status for _ in range(51)] == [200] * 50 + [204]
