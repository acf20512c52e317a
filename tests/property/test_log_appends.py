"""Any events, in any batches: the log keeps what a naive reading of the rules keeps."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from store import MemoryLog, open_log, verify_chain
from tests.new_events import new_event

# Bodies of few contents in several spellings, so that keys repeat, conflict and agree.
SPELLINGS = st.sampled_from(
    [b'{"a":1,"b":2}', b'{"b": 2, "a": 1}', b'{"a":1.0,"b":2}', b'{"a":true,"b":2}', b"{", b" {"]
)
EVENTS = st.builds(
    new_event,
    event_id=st.sampled_from(["1", "2"]) | st.text(st.characters(codec="utf-8"), max_size=20),
    body=SPELLINGS | st.binary(max_size=60),
    source=st.sampled_from(["default", "other"]),
    event_type=st.sampled_from(["TroubleTicketCreateEvent", "TroubleTicketDeleteEvent"]),
    ticket_id=st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
)
BATCHES = st.lists(st.lists(EVENTS, max_size=6), max_size=6)


def canonical(body):
    """A plainer rule than the log's, right for the bodies above."""
    try:
        text = body.decode()
        if "true" in text:
            return text
        return json.dumps(json.loads(text, parse_int=float), sort_keys=True)
    except ValueError:
        return body


def naive(events):
    """(kept events with the position of what they conflict with, how many redeliveries)."""
    kept = []
    redelivered = 0
    for event in events:
        key = (event.source, event.event_type, event.event_id)
        same_key = [n for n, (other, *_) in enumerate(kept, 1) if other == key]
        if any(canonical(kept[n - 1][1]) == canonical(event.body) for n in same_key):
            redelivered += 1
        else:
            kept.append((key, event.body, same_key[0] if same_key else None))
    return kept, redelivered


def contents(log):
    kept = [
        ((event.source, event.event_type, event.event_id), event.body, event.conflict_of)
        for event in log.read()
    ]
    return kept, len(list(log.redeliveries()))


@settings(max_examples=60, deadline=None)
@given(BATCHES)
def test_any_batching_keeps_the_same_events_on_every_engine(batches):
    expected = naive([event for batch in batches for event in batch])
    with tempfile.TemporaryDirectory() as directory:
        in_file, in_memory, at_once = open_log(Path(directory)), MemoryLog(), MemoryLog()
        for batch in batches:
            assert in_file.append(batch) == in_memory.append(batch)
        at_once.append([event for batch in batches for event in batch])
        assert contents(in_file) == contents(in_memory) == contents(at_once) == expected
        assert list(in_file.read()) == list(in_memory.read()) == list(at_once.read())
        assert verify_chain(in_file) is None
        in_file.close()
