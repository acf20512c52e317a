"""Anything at all over a raw socket: never a fault of ours, never a stall, always a TMF Error."""

import json
import re
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.events import EVENT_TYPES
from tests.edge import dumped, event_of
from tests.receiving import PATH, receiving, request

SETTINGS = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CONFIG = """
max_body_bytes = 20_000
[limits]
header_bytes = 4_000
url_bytes = 1_000
headers = 30
"""
STALLED_SECONDS = 15
"""Nothing waits for so long: who half-closes its connection is answered or hung up on at once."""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with receiving(tmp_path_factory.mktemp("fuzzed"), CONFIG) as one:
        yield one
        assert one.deliver("after everything").status_code == 204
        told = one.metrics()
        assert not [name for name in told if 'code="internal-error"' in name]
        said = "".join(one.lines)
        assert " ERROR " not in said, said[said.index(" ERROR ") :][:3_000]


def answers(here, sent: bytes) -> list[tuple[int, bytes]]:
    """Everything that comes back until the other side closes; a timeout fails the test."""
    with here.connect() as connection:
        connection.settimeout(STALLED_SECONDS)
        came = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                came += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
    return split(came)


def split(came: bytes) -> list[tuple[int, bytes]]:
    found = []
    while came:
        head, _, rest = came.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert status, came
        if status[1] == b"100":
            came = rest
            continue
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        size = int(length[1]) if length and not head.startswith(b"HTTP/1.1 204") else 0
        # An answer to HEAD has the length of a body, but none.
        size = 0 if rest.startswith(b"HTTP/1.1 ") else size
        found.append((int(status[1]), rest[:size]))
        came = rest[size:]
    return found


def check(here, sent: bytes) -> None:
    for status, body in answers(here, sent):
        assert status < 500 or status == 503, (status, body)
        if status >= 400 and body:
            error = json.loads(body)
            assert error["@type"] == "Error"
            assert error["status"] == str(status)
            assert error["requestId"]


TOKENS = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r\n\r\n", b" ", b":", b"\x00", b"\xff", b"HTTP/1.1", b"HTTP/1.0"),
        *(b"POST ", b"GET ", b"HEAD ", b"OPTIONS * ", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        *(b"CONNECT x:1 ", b"/listener", PATH.encode(), b"/%00%0A", b"?a=b", b"//", b"http://x/"),
        *(b"Content-Length: 5", b"Content-Length: 99999999999", b"Content-Length: -1"),
        *(b"Transfer-Encoding: chunked", b"transfer-encoding: gzip, chunked", b"0\r\n\r\n"),
        *(b"5\r\nhello\r\n", b"ffffffffffffffff\r\n", b"Expect: 100-continue", b"Host: x"),
        *(b"Connection: close", b"Connection: upgrade", b"Upgrade: websocket", b"Upgrade: h2c"),
        *(b"Content-Encoding: gzip", b"Content-Type: text/plain", b"Authorization: Basic x"),
        *(b"{}", b"[", b'{"event": {"troubleTicket": {"id": "1"}}}', b"X: " + b"y" * 5_000),
    ]
)
SOUP = st.lists(TOKENS | st.binary(max_size=20), max_size=25).map(b"".join)
BODIES = st.sampled_from(EVENT_TYPES).map(lambda line: dumped(event_of(line)))
REQUESTS = st.builds(
    request,
    BODIES | st.binary(max_size=300) | SOUP,
    st.sampled_from(["X: y", "Expect: 100-continue", "Connection: close", "X-Request-Id: \x7f"]),
    method=st.sampled_from(["POST", "GET", "HEAD", "PUT", "OPTIONS", "TRACE", "BREW"]),
    path=st.sampled_from([PATH, "/listener", "/", "*", "/metrics", "/openapi.json", "/a%ff"]),
    length=st.none() | st.integers(0, 30_000),
)


@st.composite
def damaged(draw):
    """Right requests, one behind the other, with some bytes cut, repeated or replaced."""
    sent = bytearray(b"".join(draw(st.lists(REQUESTS, min_size=1, max_size=3))))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(sent)))
        end = start + draw(st.integers(0, 30))
        sent[start:end] = draw(
            st.binary(max_size=10) | TOKENS | st.just(bytes(sent[start:end]) * 3)
        )
    return bytes(sent)


@SETTINGS
@given(sent=damaged())
def test_damaged_requests_are_answered_with_an_error_or_hung_up_on(here, sent):
    check(here, sent)


@SETTINGS
@given(sent=SOUP | st.binary(max_size=2_000))
def test_soup_of_http_is_answered_with_an_error_or_hung_up_on(here, sent):
    check(here, sent)


JSON_SOUP = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["TroubleTicketCreateEvent", "2026-11-02T09:00:02+01:00", "", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("@type", "eventId", "eventType", "eventTime", "event", "troubleTicket", "id"),
                    *("status", "note", "relatedParty", "informationRequired", "description"),
                    *("timeOcurred", "statusChangeHistory", "troubleTicketMilestone", "entity"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@SETTINGS
@given(document=JSON_SOUP, line=st.sampled_from(EVENT_TYPES))
def test_any_json_where_an_event_belongs_is_taken_or_refused_as_invalid(here, document, line):
    body = json.dumps(document).encode("utf-8", "surrogatepass")
    found = answers(here, request(body, path=f"/listener/{line.path}"))
    assert len(found) == 1
    assert found[0][0] in (204, 400)
    check(here, request(body, path="/listener"))
