"""Whatever may be passed on to a provider can be recorded: nothing is asked that the log cannot take."""

import json

from hypothesis import given
from hypothesis import strategies as st

from receiver.limits import DEFAULT_LIMITS
from receiver.rejections import InvalidWish
from receiver.relay.kinds import KINDS, wish
from receiver.relay.recording import answer_in, event_of, reads_as_json
from store.asked.ledger import ANSWERED, Entry, Given, Question

TICKET = {
    "@type": "TroubleTicket",
    "description": "x",
    "severity": "Major",
    "ticketType": "y",
}
TEXTS = st.text(st.characters(codec=None))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**98), 10**98)
    | st.floats()
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def entry_of(body, answer, status=201, kind="TroubleTicket"):
    question = Question("o", "k", "d", kind, "s", "r", "2026-01-01T00:00:00.000Z", body)
    return Entry(
        1,
        question,
        ANSWERED,
        Given(status, (), answer, "2026-01-01T00:00:01.000Z", reads_as_json(answer)),
        None,
    )


@given(st.dictionaries(TEXTS, ANYTHING, max_size=4), st.sampled_from(("utf-8", "utf-16", "utf-8-sig")))  # fmt: skip
def test_what_may_be_asked_for_can_be_recorded_with_its_very_bytes(more, encoding):
    body = json.dumps(more | TICKET).encode(encoding)
    try:
        document = wish(body, KINDS["/troubleTicket"], DEFAULT_LIMITS)
    except InvalidWish:
        return
    event = event_of(entry_of(body, b'{"id": "1"}'))
    assert body in event.body
    assert json.loads(event.body)["event"]["troubleTicket"] == document


@given(ANYTHING.map(lambda one: json.dumps(one).encode()) | st.binary() | TEXTS.map(repr).map(str.encode))  # fmt: skip
def test_whatever_a_provider_answers_can_be_recorded_and_comes_back_as_it_came(answer):
    entry = entry_of(json.dumps(TICKET).encode(), answer)
    found = answer_in(event_of(entry).body, entry)
    if reads_as_json(answer):
        assert found == answer.strip()
    else:
        assert found.decode() == answer.decode("utf-8", "replace")
