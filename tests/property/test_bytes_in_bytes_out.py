"""Whatever is sent: what is taken is in the log byte for byte, what is refused in quarantine."""

import hashlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.events import EVENT_TYPES
from receiver.models.ticket import FaultTicket, TroubleTicket
from tests.edge import assert_error, edge, event_of

FAST = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Half of a surrogate pair is no text: refused, and tested elsewhere.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WORD = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=30)


def json_values(numbers):
    return st.recursive(
        st.none() | st.booleans() | st.integers() | numbers | TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=12,
    )


JSON_VALUES = json_values(st.floats(allow_nan=False, allow_infinity=False))
NEARLY_JSON = json_values(st.floats())
LINES = st.sampled_from(EVENT_TYPES)
MEMBERS = sorted(
    {field.alias or name for name, field in FaultTicket.model_fields.items()}
    | {"id", "timeOcurred", "event", "eventId", "eventTime", "eventType"}
)


def layouts(document):
    """The same document, written down in different ways."""
    return st.builds(
        lambda indent, ascii_only, space: (
            space + json.dumps(document, indent=indent, ensure_ascii=ascii_only) + space
        ).encode(),
        st.sampled_from([None, 0, 1, 4]),
        st.booleans(),
        st.sampled_from(["", " ", "\n", "\r\n\t"]),
    )


@st.composite
def right_events(draw):
    """An event that every tolerant source may send: known members right, others anything."""
    line = draw(LINES)
    own = draw(st.dictionaries(TEXT.map("x-{}".format), JSON_VALUES, max_size=4))
    event = event_of(line, eventId=draw(WORD), title=draw(TEXT), **own)
    resource = event["event"][line.member]
    resource["id"] = draw(WORD)
    resource |= draw(st.dictionaries(TEXT.map("y-{}".format), JSON_VALUES, max_size=4))
    return line, resource["id"], event["eventId"], draw(layouts(event))


@pytest.fixture(scope="module")
def here():
    with edge() as opened:
        yield opened


@FAST
@given(right_events())
def test_what_is_taken_is_in_the_log_byte_for_byte(here, sent):
    line, resource_id, event_id, body = sent
    answer = here.send(f"/listener/{line.path}", body)
    assert answer.status_code == 204, answer.text
    kept = here.log.event(int(answer.headers["x-event-position"]))
    assert kept is not None
    assert (kept.resource_id, kept.event_id) == (resource_id, event_id)
    if "x-event-duplicate" in answer.headers:
        assert json.loads(kept.body) == json.loads(body)
    else:
        assert kept.body == body
        assert kept.digest == hashlib.sha256(body).hexdigest()


def kept_or_refused(here, path, body):
    """The invariant: an answer that is 204 or a TMF Error, and the bytes on one side or the other."""
    taken = here.log.head()
    answer = here.send(path, body)
    if answer.status_code == 204:
        if "x-event-duplicate" not in answer.headers:
            assert here.log.head() == taken + 1
            assert here.last().body == body
        return
    assert_error(answer, 400)
    kept = here.log.quarantine_entry(int(answer.headers["x-event-quarantine"]))
    assert kept is not None
    assert kept.body == body
    assert kept.reasons
    assert here.log.head() == taken


@FAST
@given(LINES, st.binary(max_size=200))
def test_any_bytes_are_refused_or_taken_but_never_lost(here, line, body):
    kept_or_refused(here, f"/listener/{line.path}", body)


@FAST
@given(LINES, NEARLY_JSON)
def test_any_json_is_refused_or_taken_but_never_lost(here, line, value):
    kept_or_refused(here, f"/listener/{line.path}", json.dumps(value).encode())
    kept_or_refused(here, "/listener", json.dumps(value).encode())


@settings(FAST, max_examples=300)
@given(
    LINES,
    st.dictionaries(st.sampled_from(MEMBERS), NEARLY_JSON, max_size=5),
    st.dictionaries(st.sampled_from(MEMBERS), NEARLY_JSON, max_size=3),
)
def test_any_value_of_any_known_member_is_refused_or_taken_but_never_lost(
    here, line, members, envelope
):
    event = event_of(line)
    event["event"][line.member] |= members
    kept_or_refused(here, f"/listener/{line.path}", json.dumps(event | envelope).encode())


def test_the_known_members_that_are_tried_are_those_of_the_models():
    assert {"statusChangeHistory", "note", "expressFaultResolution"} <= set(MEMBERS)
    assert set(TroubleTicket.model_fields) <= set(FaultTicket.model_fields)
