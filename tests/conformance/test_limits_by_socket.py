"""Every bad input, sent by a raw socket to a real receiver: status, TMF Error, what is kept."""

import gzip
import json
import socket
import struct
import zlib
from contextlib import ExitStack

import pytest

from receiver.oversized import MOST_AT_ONCE
from tests.edge import dumped, event_of
from tests.receiving import PATH, hear, hear_from, receiving, request, right_body

MOST = 20_000
KEPT = 100_000
CONFIG = f"""
max_body_bytes = {MOST}
[limits]
refused_body_bytes = {KEPT}
json_depth = 20
json_members = 100
string_characters = 5_000
number_characters = 40
url_bytes = 1_000
headers = 20
header_bytes = 4_000
"""
STRANGER = (
    CONFIG
    + """
[sources.default]
[sources.default.bearer]
tokens = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
"""
)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with receiving(tmp_path_factory.mktemp("known"), CONFIG) as one:
        yield one


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A receiver that lets nobody in."""
    with receiving(tmp_path_factory.mktemp("stranger"), STRANGER) as one:
        yield one


def with_member(text: bytes) -> bytes:
    return dumped(event_of("TroubleTicketCreateEvent"))[:-1] + b', "x": ' + text + b"}"


WRONG_BODIES = {
    "not JSON": b"{",
    "empty": b"",
    "not an object": b"[1]",
    "too deep": with_member(b"[" * 30 + b"]" * 30),
    "far too deep": with_member(b"[" * 9_000 + b"]" * 9_000),
    "too wide an array": with_member(b"[" + b"1," * 150 + b"1]"),
    "too wide an object": with_member(json.dumps({str(n): n for n in range(150)}).encode()),
    "too long a string": with_member(b'"' + b"x" * 6_000 + b'"'),
    "too long a number": with_member(b"1" * 50),
    "far too long a number": with_member(b"1" * 10_000),
    "NaN": with_member(b"NaN"),
    "Infinity": with_member(b"-Infinity"),
    "beyond a double": with_member(b"1e400"),
    "a lone surrogate": with_member(b'"\\ud83d"'),
    "invalid UTF-8": with_member(b'"\xc3\x28"'),
    "a raw control character": with_member(b'"\x01"'),
    "a byte order mark": b"\xef\xbb\xbf" + right_body("bom"),
    "UTF-16": right_body("utf-16").decode().encode("utf-16"),
}


@pytest.mark.parametrize("name", WRONG_BODIES)
def test_a_wrong_body_is_answered_400_and_kept_as_it_came(here, name):
    body = WRONG_BODIES[name]
    heard = here.ask(request(body))
    assert heard.status == 400
    assert heard.error()["code"] == "invalid-event"
    kept = here.quarantined()[-1]
    assert (kept.body, kept.status, kept.source) == (body, 400, "default")
    assert heard.headers["x-event-quarantine"] == str(kept.id)


@pytest.mark.parametrize("name", WRONG_BODIES)
def test_a_wrong_body_of_a_stranger_is_answered_401_and_not_kept(there, name):
    heard = there.ask(request(WRONG_BODIES[name]))
    assert heard.status == 401
    assert heard.error()["code"] == "unauthorized"
    assert there.quarantined() == []


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(right_body("gzip"))),
        ("deflate", zlib.compress(right_body("deflate"))),
        ("br", b"\x8b\x02\x80"),
        ("gzip", gzip.compress(b"0" * 10_000_000)),
    ],
)
def test_a_compressed_body_is_answered_415_and_kept_compressed(here, there, encoding, body):
    sent = request(body, f"Content-Encoding: {encoding}")
    heard = here.ask(sent)
    assert (heard.status, heard.error()["code"]) == (415, "unsupported-encoding")
    assert heard.headers["accept-encoding"] == "identity"
    assert here.quarantined()[-1].body == body
    assert there.ask(sent).status == 401
    assert there.quarantined() == []


def test_another_media_type_is_answered_415_and_kept(here):
    sent = request(b"<xml/>").replace(b"application/json", b"text/xml")
    heard = here.ask(sent)
    assert (heard.status, heard.error()["code"]) == (415, "unsupported-media-type")
    kept = here.quarantined()[-1]
    assert (kept.body, kept.status) == (b"<xml/>", 415)
    assert [reason.code for reason in kept.reasons] == ["unsupported-media-type"]


def test_members_that_are_there_twice_are_taken(here):
    body = right_body("twice")[:-1] + b', "title": "a", "title": "b"}'
    assert here.ask(request(body)).status == 204


def chunked(body: bytes, size: int, last: bytes = b"0\r\n\r\n") -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    head = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + last


def test_a_chunked_body_is_taken_as_a_whole(here):
    body = right_body("chunked")
    assert here.ask(chunked(body, 7)).status == 204
    # Trailers are read over.
    assert here.ask(chunked(body, 50, b"0\r\nX: y\r\nHost: z\r\n\r\n")).status == 204


TOO_LARGE = b'{"x": "' + b"x" * MOST + b'"}'


LARGER = TOO_LARGE * 50


@pytest.mark.parametrize(
    ("sent", "kept", "whole"),
    [
        (request(TOO_LARGE), TOO_LARGE, True),
        (request(LARGER[:KEPT]), LARGER[:KEPT], True),
        (request(LARGER[: KEPT + 1]), LARGER[:KEPT], False),
        (request(b"{}", length=50_000_000), b"{}", False),
        (request(LARGER), LARGER[:KEPT], False),
        (chunked(TOO_LARGE, 1_000), TOO_LARGE, True),
        (chunked(LARGER[:KEPT], 1_000), LARGER[:KEPT], True),
        (chunked(LARGER[: KEPT + 1], 1_000), LARGER[:KEPT], False),
        (chunked(LARGER, 100_000), LARGER[:KEPT], False),
        (chunked(b"x" * (MOST + 1), 1, b""), b"x" * (MOST + 1), False),
    ],
    ids=[
        *("announced", "as much as is kept", "a byte more", "lied", "much more"),
        *("chunked", "as much, chunked", "a byte more, chunked", "much more, chunked", "no end"),
    ],
)
def test_too_large_a_body_is_answered_413_and_kept_whole_or_as_a_part_that_says_so(
    here, there, sent, kept, whole
):
    before = (here.head(), len(here.quarantined()))
    heard = here.ask(sent)
    assert (heard.status, heard.error()["code"]) == (413, "body-too-large")
    assert heard.headers["connection"] == "close"
    assert (here.head(), len(here.quarantined())) == (before[0], before[1] + 1)
    entry = here.quarantined()[-1]
    assert (entry.body, entry.status, entry.source) == (kept, 413, "default")
    assert [reason.code for reason in entry.reasons] == ["body-too-large"] + (
        [] if whole else ["not-whole"]
    )
    assert heard.headers["x-event-quarantine"] == str(entry.id)
    assert heard.error()["requestId"] == entry.request_id
    assert there.ask(sent).status == 401
    assert there.quarantined() == []


def test_where_nothing_is_kept_of_too_large_a_body_413_is_said_at_once(tmp_path):
    with receiving(tmp_path, "max_body_bytes = 20_000\n[limits]\nrefused_body_bytes = 0\n") as one:
        for sent in (request(TOO_LARGE), request(b"{}", length=50_000_000), chunked(LARGER, 1_000)):
            assert one.ask(sent).status == 413
        assert one.quarantined() == []


def test_of_more_too_large_bodies_than_are_read_on_at_once_each_keeps_what_is_there(here):
    before = len(here.quarantined())
    with ExitStack() as stack:
        connections = [stack.enter_context(here.connect()) for _ in range(2 * MOST_AT_ONCE)]
        for connection in connections:
            connection.sendall(request(TOO_LARGE, length=2 * len(TOO_LARGE)))
        heard = [hear(connection) for connection in connections]
        assert here.deliver("meanwhile").status_code == 204
    assert {one.status for one in heard} == {413}
    kept = here.quarantined()[before:]
    assert len(kept) == 2 * MOST_AT_ONCE
    assert all(TOO_LARGE.startswith(one.body) for one in kept)
    assert {reason.code for one in kept for reason in one.reasons} == {
        "body-too-large",
        "not-whole",
    }


def test_who_hangs_up_within_too_large_a_body_was_refused_nothing_and_leaves_nothing(here):
    before = len(here.quarantined())
    with here.connect() as connection:
        connection.sendall(request(TOO_LARGE, length=2 * len(TOO_LARGE)))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert here.deliver("after who hung up").status_code == 204
    assert len(here.quarantined()) == before


def test_who_is_told_413_may_send_on_for_a_while_so_that_the_answer_arrives(here):
    with here.connect() as connection:
        connection.sendall(request(TOO_LARGE * 100)[:30_000])
        assert hear(connection).status == 413
        # Closed at once, the connection would be reset here, and on some systems before we heard.
        connection.sendall(TOO_LARGE)
        connection.sendall(TOO_LARGE)


MANY = [f"X-{n}: y" for n in range(30)]


@pytest.mark.parametrize(
    ("status", "code", "sent"),
    [
        (414, "url-too-long", request(b"{}", path=PATH + "?" + "x" * 1_000)),
        (414, "url-too-long", request(b"{}", path="/" + "x" * 500_000)),
        (431, "headers-too-large", request(b"{}", *MANY)),
        (431, "headers-too-large", request(b"{}", "X: " + "y" * 4_000)),
        (431, "headers-too-large", request(b"{}", "X" * 4_000 + ": y")),
        (431, "headers-too-large", request(b"{}", "X: " + "y" * 500_000)),
        (431, "headers-too-large", request(b"{}", *[f"X-{n}: y" for n in range(100_000)])),
    ],
    ids=["query", "path", "lines", "value", "name", "large value", "many lines"],
)
def test_too_large_a_head_is_refused_before_it_is_anybody_s(here, status, code, sent):
    before = (here.head(), len(here.quarantined()))
    heard = here.ask(sent)
    assert (heard.status, heard.error()["code"]) == (status, code)
    assert heard.headers["connection"] == "close"
    assert (here.head(), len(here.quarantined())) == before


def test_headers_that_never_end_are_refused_while_they_come(here):
    heard = here.ask(request(b"").removesuffix(b"\r\n\r\n") + b"\r\nX: " + b"y" * 2_000_000)
    assert (heard.status, heard.error()["code"]) == (431, "headers-too-large")


MALFORMED = {
    "no HTTP": b"hello there\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "a bad version": b"GET / HTTP/9.9\r\n\r\n",
    "a line end in the path": b"GET /a\nb HTTP/1.1\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n",
    "no number as length": request(b"{}").replace(b"Length: 2", b"Length: two"),
    "a negative length": request(b"{}").replace(b"Length: 2", b"Length: -2"),
    "two lengths": request(b"{}", "Content-Length: 3"),
    "an endless length": request(b"{}").replace(b"Length: 2", b"Length: " + b"9" * 60),
    "length and chunks": request(b"0\r\n\r\n", "Transfer-Encoding: chunked"),
    "a bad chunk": chunked(b"", 1, b"zz\r\n\r\n"),
    "a path beyond ASCII": "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "CONNECT": b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a whole URL of no path": b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_http_is_answered_400_and_the_connection_closed(here, name):
    before = (here.head(), len(here.quarantined()))
    heard = here.ask(MALFORMED[name])
    assert (heard.status, heard.error()["code"]) == (400, "malformed-request")
    assert heard.headers["connection"] == "close"
    assert (here.head(), len(here.quarantined())) == before


def test_more_bytes_than_announced_are_a_request_of_their_own_and_none(here):
    body = right_body("longer")
    with here.connect() as connection:
        connection.sendall(request(body + b"more, more", length=len(body)))
        with connection.makefile("rb") as lines:
            assert hear_from(lines).status == 204
            heard = hear_from(lines)
            assert (heard.status, heard.error()["code"]) == (400, "malformed-request")
            assert lines.read() == b""


def test_requests_sent_ahead_are_answered_in_order_and_what_is_wrong_behind_them_last(here):
    ahead = [request(right_body(f"ahead-{n}")) for n in range(20)]
    with here.connect() as connection:
        connection.sendall(b"".join(ahead) + request(b"{") + b"GET / HTTP/0\r\n\r\n")
        with connection.makefile("rb") as lines:
            heard = [hear_from(lines) for _ in range(22)]
            assert lines.read() == b""
    assert [one.status for one in heard] == [204] * 20 + [400, 400]
    positions = [int(one.headers["x-event-position"]) for one in heard[:20]]
    assert positions == list(range(positions[0], positions[0] + 20))
    assert heard[21].error()["code"] == "malformed-request"


def test_of_too_many_requests_sent_ahead_the_first_are_answered_then_the_connection_closes(here):
    with here.connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000)
        with connection.makefile("rb") as lines:
            count = 0
            while lines.peek(1):
                assert hear_from(lines).status == 200
                count += 1
    assert 100 <= count < 5_000


def test_a_sender_that_half_closes_still_hears_its_answer(here):
    with here.connect() as connection:
        connection.sendall(request(right_body("half-closed")))
        connection.shutdown(1)
        with connection.makefile("rb") as lines:
            assert hear_from(lines).status == 204
            assert lines.read() == b""


@pytest.mark.parametrize(
    "behind", [b"", b"POST / HT", request(b"x", length=9), b"nonsense\r\n\r\n"]
)
def test_who_half_closes_behind_requests_sent_ahead_hears_all_their_answers(here, behind):
    ahead = b"".join(request(right_body(f"closing-{n}")) for n in range(5))
    with here.connect() as connection:
        connection.sendall(ahead + behind)
        connection.shutdown(1)
        with connection.makefile("rb") as lines:
            assert [hear_from(lines).status for _ in range(5)] == [204] * 5
            if b"nonsense" in behind:
                assert hear_from(lines).status == 400
            assert lines.read() == b""


def test_who_is_gone_before_the_answers_to_requests_sent_ahead_disturbs_nobody(here):
    for number in range(20):
        connection = here.connect()
        connection.sendall(request(right_body(f"gone-{number}")) * 3 + request(b"{", length=5))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert here.deliver("after the gone").status_code == 204


def test_paths_with_line_ends_and_odd_methods_hear_an_error_as_any_other(here):
    for sent, status in (
        (request(b"{}", path="/a%0Ab"), 404),
        (request(b"{}", path="//"), 404),
        (request(b"{}", path="/listener/%00"), 404),
        (request(b"", method="DELETE"), 405),
        (request(b"", "Connection: Upgrade", "Upgrade: websocket", method="GET"), 405),
        (request(b"", "Connection: Upgrade", "Upgrade: h2c", method="GET"), 405),
    ):
        heard = here.ask(sent)
        assert heard.status == status, sent
        heard.error()


def test_refusals_are_counted_by_code_and_none_was_a_fault_of_ours(here):
    counted = here.metrics()
    for code in ("malformed-request", "url-too-long", "headers-too-large"):
        name = f'listener_refused_total{{code="{code}",event_type="",source=""}}'
        assert counted[name] > 0
    assert not [name for name in counted if 'code="internal-error"' in name]
    assert not [line for line in here.lines if "ERROR" in line or "Traceback" in line]
