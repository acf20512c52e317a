"""Stalled TLS handshakes and half-sent requests over TLS: cut in time, and nobody else notices."""

import signal
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from tests.certificates import Authority
from tests.receiving import hear, hear_from, receiving, request, right_body, wait_for

LIMITS = """
metrics = true
[limits]
connections = 40
header_seconds = 1.5
body_seconds = 1.5
answer_seconds = 1.5
keep_alive_seconds = 2
"""


@contextmanager
def receiving_tls(directory):
    """A receiver that speaks https, and what trusts it."""
    authority = Authority(directory)
    certificate, key = authority.issue("listener")
    text = f"tls_certificate = '{certificate}'\ntls_key = '{key}'\n"
    with receiving(directory, text + LIMITS) as one:
        yield one, ssl.create_default_context(cafile=str(authority.file))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with receiving_tls(tmp_path_factory.mktemp("tls")) as one:
        yield one


@pytest.fixture
def here(served):
    """The receiver, when it has forgotten the connections of the test before."""
    wait_for(lambda: open_at(served) == (1, 0), "quiet", 10)
    return served[0]


@pytest.fixture
def trusting(served):
    return served[1]


def open_at(served) -> tuple[int, int]:
    """Connections, the one that asks included, and handshakes."""
    one, trusting = served
    url = f"https://127.0.0.1:{one.port}/metrics"
    page = httpx.get(url, verify=trusting, trust_env=False).raise_for_status().text
    told = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    return int(float(told["listener_connections"])), int(float(told["listener_handshakes"]))


def secured(here, trusting) -> ssl.SSLSocket:
    return trusting.wrap_socket(here.connect(), server_hostname="127.0.0.1")


def delivered(here, trusting, name) -> int:
    with secured(here, trusting) as connection:
        connection.sendall(request(right_body(name), "Connection: close"))
        return hear(connection).status


@contextmanager
def normal_traffic(here, trusting):
    """Deliveries one after the other, each with a handshake of its own; none may fail."""
    statuses, stop = [], threading.Event()

    def deliver():
        while not stop.is_set():
            statuses.append(delivered(here, trusting, f"normal-{len(statuses)}"))

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert len(statuses) > 3
    assert set(statuses) == {204}


def hello(trusting) -> bytes:
    """The first words of a handshake."""
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        trusting.wrap_bio(came, goes, server_hostname="127.0.0.1").do_handshake()
    return goes.read()


STALLS = {
    "silence": lambda _: b"",
    "half a hello": lambda trusting: hello(trusting)[:100],
    "a hello and no more": hello,
}


@pytest.mark.parametrize("stall", STALLS)
def test_a_handshake_that_stalls_is_hung_up_on_while_others_are_answered(here, trusting, stall):
    said = STALLS[stall](trusting)
    with ExitStack() as stack, normal_traffic(here, trusting):
        stalled = [stack.enter_context(here.connect()) for _ in range(10)]
        for one in stalled:
            one.sendall(said)
        for one in stalled:
            with suppress(ConnectionResetError):
                while one.recv(65_536):
                    pass


def test_more_stalled_handshakes_than_connections_keep_nobody_out(served, here, trusting):
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(here.connect()).sendall(b"\x16\x03\x01")
        time.sleep(1.1)
        # All places are taken by those who stall: one of them goes for each who comes.
        for number in range(5):
            stack.enter_context(here.connect())
            assert delivered(here, trusting, f"between-the-stalled-{number}") == 204
        assert open_at(served)[1] <= 40


def test_what_is_no_tls_is_hung_up_on(here, trusting):
    with normal_traffic(here, trusting):
        for sent in (request(right_body("plain")), b"\x80" * 500, b"\r\n"):
            with here.connect() as connection:
                connection.sendall(sent)
                with suppress(ConnectionResetError):
                    while connection.recv(65_536):
                        pass


@pytest.mark.parametrize(
    "half",
    [b"POST /lis", request(b"")[:-4] + b"\r\nX: y", request(b"{", length=100)],
    ids=["line", "headers", "body"],
)
def test_half_a_request_over_tls_is_answered_408_and_the_connection_closed(here, trusting, half):
    with normal_traffic(here, trusting), secured(here, trusting) as connection:
        connection.sendall(half)
        with connection.makefile("rb") as lines:
            heard = hear_from(lines)
            assert (heard.status, heard.error()["code"]) == (408, "too-slow")
            assert heard.headers["connection"] == "close"
            assert lines.read() == b""


def test_who_shakes_hands_and_says_nothing_is_hung_up_on(here, trusting):
    with normal_traffic(here, trusting), secured(here, trusting) as connection:
        assert connection.recv(1) == b""


def test_what_comes_with_the_last_word_of_a_handshake_is_not_lost(here, trusting):
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting.wrap_bio(came, goes, server_hostname="127.0.0.1")
    with here.connect() as connection:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                if goes.pending:
                    connection.sendall(goes.read())
                came.write(connection.recv(65_536))
        tls.write(request(right_body("at once"), "Connection: close"))
        # Its Finished and the request in one segment.
        connection.sendall(goes.read())
        heard = b""
        while not heard.startswith(b"HTTP/1.1 204"):
            came.write(connection.recv(65_536))
            with suppress(ssl.SSLWantReadError):
                heard += tls.read(65_536)


def test_stalled_handshakes_do_not_hold_up_the_end(tmp_path):
    with receiving_tls(tmp_path) as (one, trusting), ExitStack() as stack:
        assert delivered(one, trusting, "before") == 204
        for _ in range(20):
            stack.enter_context(one.connect()).sendall(hello(trusting))
        wait_for(lambda: open_at((one, trusting))[1] == 20, "handshakes")
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(10) == 0
    assert "Traceback" not in "".join(one.lines)
