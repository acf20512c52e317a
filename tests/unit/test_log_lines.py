"""Log lines and request ids: structured, bounded, and never with what was sent."""

import json
import logging

import pytest

from receiver.exchange import Exchange, RequestIds
from receiver.logs import REFUSALS_PER_SECOND, JsonLines, Refusals, json_line
from receiver.serve import echo_json
from tests.edge import edge, event_of

PATH = "/listener/troubleTicketCreateEvent"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def made(record_or_text, **more):
    record = logging.LogRecord("a.logger", logging.WARNING, "f", 1, record_or_text, (), None)
    for name, value in more.items():
        setattr(record, name, value)
    return json.loads(JsonLines().format(record))


def test_a_json_line_has_time_level_logger_message_and_what_it_was_told():
    line = made("it\nhappened", created=1_790_000_000.25, told={"request_id": "r-1"})
    assert line == {
        "time": "2026-09-21T14:13:20.250Z",
        "level": "warning",
        "message": "it\nhappened",
        "logger": "a.logger",
        "request_id": "r-1",
    }


def test_a_json_line_is_one_line_with_its_traceback_inside():
    error = RuntimeError("no\nway")
    info = (RuntimeError, error, error.__traceback__)
    record = logging.LogRecord("l", logging.ERROR, "f", 1, "oh", (), info)
    text = JsonLines().format(record)
    assert "\n" not in text
    assert "RuntimeError" in json.loads(text)["traceback"]
    assert "\n" not in json_line("a\nb", process="follower")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"x-request-id", b"order-7/a=b")], "order-7/a=b"),
        ([(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())], TRACE),
        (
            [(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()), (b"x-request-id", b"r")],
            "r",
        ),
    ],
)
def test_the_sender_s_request_id_is_taken_over(headers, expected):
    assert RequestIds().of(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-request-id", b"")],
        [(b"x-request-id", b"x" * 129)],
        [(b"x-request-id", b"a b")],
        [(b"x-request-id", b"caf\xe9")],
        [(b"x-request-id", b'"quoted"')],
        [(b"traceparent", b"00-zz-zz-00")],
    ],
)
def test_what_is_no_sane_request_id_is_replaced_by_one_that_nobody_else_gets(headers):
    ids = RequestIds()
    first, second = ids.of(headers), ids.of(headers)
    assert first != second
    assert first != RequestIds().of(headers)
    assert first.isascii()
    assert headers == [] or headers[0][1].decode("latin-1") not in (first, second)


def test_every_answer_carries_the_request_id_and_a_refusal_s_line_too(caplog):
    caplog.set_level(logging.INFO)
    secret = "s3cret"
    with edge() as here:
        for path, body, status in [
            (PATH, event_of("TroubleTicketCreateEvent"), 204),
            (PATH, {"event": secret}, 400),
            ("/nowhere", {}, 404),
        ]:
            headers = {
                "content-type": "application/json",
                "x-request-id": f"r-{status}",
                "authorization": f"Bearer {secret}",
            }
            answer = here.send(path, body, headers=headers)
            assert (answer.status_code, answer.headers["x-request-id"]) == (status, f"r-{status}")
            assert status == 204 or answer.json()["requestId"] == f"r-{status}"
        answer = here.send("/health/live", method="GET")
        assert answer.headers["x-request-id"]
    lines = [line for line in caplog.messages if line.startswith("refused")]
    assert len(lines) == 2
    assert 'request_id="r-400"' in lines[0]
    assert "quarantine=1" in lines[0]
    assert 'source="default"' in lines[0]
    assert 'request_id="r-404"' in lines[1]
    assert secret not in caplog.text
    told = [record.told for record in caplog.records if record.name == "receiver.logs"]
    assert [one["code"] for one in told] == ["invalid-event", "not-found"]


def test_a_flood_of_refusals_is_no_flood_of_lines(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    refusals = Refusals()
    for _ in range(10_000):
        refusals.say(404, "not-found", "/x", Exchange("r"))
    assert len(caplog.messages) == REFUSALS_PER_SECOND
    now += 1
    refusals.say(404, "not-found", "/x", Exchange("r"))
    assert caplog.messages[-2] == f"refused {10_000 - REFUSALS_PER_SECOND} more"


def test_a_path_with_a_line_end_cannot_forge_a_line(caplog):
    caplog.set_level(logging.INFO)
    Refusals().say(404, "not-found", '/x\n2026-01-01T00:00:00Z INFO "forged"' + "y" * 1_000)
    assert "\n" not in caplog.messages[0]
    assert len(caplog.messages[0]) < 400


def test_what_children_print_is_one_json_object_a_line_whoever_speaks_text(capsys):
    echo_json('receiver   {"message": "own"}')
    echo_json("follower   2026-11-24T07:58:54Z INFO says {something}")
    own, wrapped = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert own == {"message": "own"}
    assert wrapped["process"] == "follower"
    assert wrapped["message"] == "2026-11-24T07:58:54Z INFO says {something}"
