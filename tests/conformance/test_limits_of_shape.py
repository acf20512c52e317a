"""The shape of a body: depth, width, strings, numbers; at the limit taken, beyond it refused."""

import json

import pytest

from receiver.limits import Limits
from tests.edge import assert_error, dumped, edge, event_of

PATH = "/listener/troubleTicketCreateEvent"
SMALL = Limits(json_depth=10, json_members=40, string_characters=2_000, number_characters=30)


def body_with(**members):
    return event_of("TroubleTicketCreateEvent", **members)


def nested(levels, kind=list):
    value = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


RIGHT_AND_WRONG = [
    # The envelope is the first level.
    (body_with(deep=nested(9)), body_with(deep=nested(10)), "too-deep", "/deep" + "/0" * 9),
    (
        body_with(deep=nested(9, dict)),
        body_with(deep=nested(10, dict)),
        "too-deep",
        "/deep" + "/a" * 9,
    ),
    (body_with(wide=[1] * 40), body_with(wide=[1] * 41), "too-many", "/wide"),
    (
        body_with(wide={str(n): 1 for n in range(40)}),
        body_with(wide={str(n): 1 for n in range(41)}),
        "too-many",
        "/wide",
    ),
    (body_with(title="x" * 2_000), body_with(title="x" * 2_001), "too-long", "/title"),
    (body_with(**{"n" * 2_000: 1}), body_with(**{"n" * 2_001: 1}), "too-long", ""),
    (body_with(big=10**29), body_with(big=10**30), "number-too-long", ""),
]


@pytest.mark.parametrize(("right", "wrong", "code", "pointer"), RIGHT_AND_WRONG)
def test_what_is_at_its_limit_is_taken_and_what_is_beyond_is_refused(right, wrong, code, pointer):
    with edge(limits=SMALL) as here:
        assert here.send(PATH, right).status_code == 204
        assert here.reasons_for(PATH, wrong) == [(code, pointer)]
        assert here.log.head() == 1


@pytest.mark.parametrize(
    "number", ["1" * 31, "-" + "1" * 30, "0." + "3" * 29, "1e" + "0" * 28 + "1", "1." + "0" * 29]
)
def test_a_number_is_measured_as_it_is_written(number):
    body = json.dumps(body_with(x=7)).replace('"x": 7', f'"x": {number}').encode()
    with edge(limits=SMALL) as here:
        assert here.reasons_for(PATH, body) == [("number-too-long", "")]


def test_digits_in_a_string_are_no_number():
    with edge(limits=SMALL) as here:
        assert here.send(PATH, body_with(title="1" * 200)).status_code == 204


def test_space_around_and_brackets_in_strings_are_no_depth_and_no_members():
    body = json.dumps(body_with(title="[{," * 300), indent=8).encode() + b" " * 5_000
    with edge(limits=SMALL) as here:
        assert here.send(PATH, body).status_code == 204


def test_a_long_number_is_seen_wherever_it_begins():
    with edge(limits=SMALL) as here:
        for space in range(40):
            body = b" " * space + dumped(body_with(x=10**31))
            assert_error(here.send(PATH, body), 400)
        assert here.log.head() == 0


def test_members_that_are_there_twice_pass_as_drift():
    body = dumped(body_with(title="one"))[:-1] + b', "title": "two"}'
    with edge() as here:
        assert here.send(PATH, body).status_code == 204
        assert "duplicate-member" in here.last().drift


@pytest.mark.parametrize(
    "body",
    [
        b'{"x": NaN}',
        b'{"x": Infinity}',
        b'{"x": -Infinity}',
        b'{"x": 1e999}',
        b'{"x": "\\ud800"}',
        b'{"x": "\\udc00\\ud800"}',
        b'{"x": "\xff"}',
        b'{"x": "\xed\xa0\x80"}',
        b"\xff\xfe{\x00}\x00",
        b'{"x": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_no_json_text_holds_is_refused_and_kept_as_it_came(body):
    with edge() as here:
        assert here.reasons_for(PATH, body) == [("not-json", "")]
