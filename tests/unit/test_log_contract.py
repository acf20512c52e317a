"""What every engine of the log promises (store/log/protocol.py), shown on each of them."""

import dataclasses
import hashlib
import uuid

import pytest

from store import (
    Appended,
    LogUnavailable,
    MemoryLog,
    NewEvent,
    Redelivery,
    open_log,
    open_shared_log,
    verify_chain,
)
from store.events import EventHead, Telling
from store.log import reader
from tests.jetstream import Servers, make_stream
from tests.new_events import new_event, refused


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    one = Servers(tmp_path_factory.mktemp("nats"))
    one.start()
    yield one
    one.close()


@pytest.fixture(params=["memory", "sqlite", "jetstream"])
def log(request, tmp_path):
    if request.param == "jetstream":
        servers = request.getfixturevalue("servers")
        place = servers.place(stream=uuid.uuid4().hex)
        make_stream(place)
        log = open_shared_log(tmp_path, place)
    else:
        log = MemoryLog() if request.param == "memory" else open_log(tmp_path)
    yield log
    log.close()


def as_new(event):
    return NewEvent(
        **{field.name: getattr(event, field.name) for field in dataclasses.fields(NewEvent)}
    )


def test_an_empty_log_has_head_0_and_nothing_to_read(log):
    assert log.head() == 0
    assert list(log.read()) == list(log.redeliveries()) == list(log.quarantined()) == []
    assert log.event(1) is None
    assert log.quarantine_entry(1) is None
    assert log.append([]) == []


def test_positions_start_at_1_and_have_no_holes_across_appends(log):
    first = log.append([new_event("a"), new_event("b")])
    second = log.append([new_event("c")])
    assert first + second == [Appended(1), Appended(2), Appended(3)]
    assert [(event.position, event.event_id) for event in log.read()] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]


def test_heads_say_what_events_say_without_their_bodies(log):
    log.append([new_event("a"), new_event("b", b"{}", ticket_id=None, drift=("x /y",))])
    log.append([new_event("a", b'{"other": 1}')])
    events = list(log.read())
    assert list(log.heads()) == [EventHead.of(event) for event in events]
    assert [head.size for head in log.heads(1, 1)] == [2]
    assert list(log.heads(3)) == []
    assert log.told([3, 1, 99]) == [
        (Telling.of(event), event.body) for event in (events[0], events[2])
    ]


def test_every_member_of_an_event_comes_back_as_it_was(log):
    event = new_event(
        'Ä"\\ \u0000 \u2028 😀',
        bytes(range(256)) + "ü".encode("utf-16"),
        ticket_id=None,
        event_time=None,
        headers=(("x", "1"), ("x", "2")),
        drift=(),
    )
    log.append([event])
    recorded = log.event(1)
    assert as_new(recorded) == event
    assert recorded.conflict_of is None
    assert len(recorded.chain) == 64


def test_the_same_bytes_again_are_a_redelivery_of_the_first(log):
    log.append([new_event("a"), new_event("b")])
    again = new_event("a", received_at="2026-11-25T00:00:00.000Z")
    assert log.append([again]) == [Appended(1, duplicate=True)]
    assert log.head() == 2
    assert list(log.redeliveries()) == [Redelivery(1, 1, "2026-11-25T00:00:00.000Z")]
    assert log.event(1).received_at == new_event().received_at


def test_a_redelivery_inside_one_append_is_seen(log):
    answers = log.append([new_event("a"), new_event("a"), new_event("b"), new_event("a")])
    assert answers == [
        Appended(1),
        Appended(1, duplicate=True),
        Appended(2),
        Appended(1, duplicate=True),
    ]
    assert [entry.position for entry in log.redeliveries()] == [1, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1, "b": [true, null]}', b'{"b":[true,null],"a":1}'),
        (b'{"a": "\xc3\xa4"}', b'{"a": "\\u00e4"}'),
        (b'{"a": 1}', b'{"a": 1.0}'),
        (b'{"a": 1' + b"0" * 5_000 + b"}", b'{ "a": 1' + b"0" * 5_000 + b"}"),
    ],
)
def test_equal_json_in_other_bytes_is_a_redelivery(log, one, other):
    log.append([new_event("a", one)])
    assert log.append([new_event("a", other)]) == [Appended(1, duplicate=True)]
    assert log.event(1).body == one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1}', b'{"a": 2}'),
        (b'{"a": 1}', b'{"a": true}'),
        (b'{"a": [1, 2]}', b'{"a": [2, 1]}'),
        (b'{"a": 0.1}', b'{"a": 0.10000000000000000001}'),
        (b'{"a": NaN}', b'{"a":NaN}'),
        (b'{"a": 1, "a": 2}', b'{"a":1,"a":2}'),
        (b'{"a": "\xe4"}', b'{"a":"\xe4"}'),
        (b"[" * 100_000, b" " + b"[" * 100_000),
        (b'{"a": 1e99999999999999999999}', b'{"a":1e99999999999999999999}'),
    ],
)
def test_other_or_doubtful_content_under_the_same_key_is_kept_as_a_conflict(log, one, other):
    log.append([new_event("a", one)])
    assert log.append([new_event("a", other)]) == [Appended(2, conflict_of=1)]
    assert (log.event(2).body, log.event(2).conflict_of) == (other, 1)


def test_a_conflict_delivered_again_is_a_redelivery_of_the_conflict(log):
    log.append([new_event("z"), new_event("a", b'{"n":1}'), new_event("a", b'{"n":2}')])
    assert log.append(
        [new_event("a", b'{"n":3}'), new_event("a", b'{"n":2}'), new_event("a", b'{"n": 3}')]
    ) == [
        Appended(4, conflict_of=2),
        Appended(3, duplicate=True, conflict_of=2),
        Appended(4, duplicate=True, conflict_of=2),
    ]


@pytest.mark.parametrize("member", ["source", "event_type"])
def test_one_event_id_under_another_source_or_type_is_another_event(log, member):
    log.append([new_event("a")])
    assert log.append([new_event("a", **{member: "other"})]) == [Appended(2)]


def test_read_begins_after_a_position_and_ends_at_its_limit(log):
    log.append([new_event(str(n)) for n in range(1, 11)])
    assert [event.position for event in log.read(after=3, limit=4)] == [4, 5, 6, 7]
    assert [event.position for event in log.read(after=8)] == [9, 10]
    assert list(log.read(after=10)) == list(log.read(limit=0)) == []


def test_read_goes_on_over_pages_and_sees_what_is_appended_meanwhile(log, monkeypatch):
    monkeypatch.setattr(reader, "PAGE_ROWS", 3)
    log.append([new_event(str(n)) for n in range(7)])
    positions = []
    for event in log.read():
        positions.append(event.position)
        if event.position == 5:
            log.append([new_event("late")])
    assert positions == [1, 2, 3, 4, 5, 6, 7, 8]


def test_events_are_fetched_by_their_positions_those_that_exist(log):
    log.append([new_event(str(n)) for n in range(5)])
    assert [event.position for event in log.events([4, 99, 2, 2, 0, -1])] == [2, 4]


def test_quarantine_keeps_the_bytes_and_the_reasons(log):
    entry = refused(b"\xff\x00{")
    assert log.quarantine([entry, refused(b"[]")]) == [1, 2]
    kept = log.quarantine_entry(1)
    assert kept.id == 1
    for field in dataclasses.fields(entry):
        assert getattr(kept, field.name) == getattr(entry, field.name)
    assert [kept.id for kept in log.quarantined(after=1)] == [2]
    assert log.head() == 0


def test_an_append_with_one_unfit_event_keeps_none_and_the_next_one_works(log):
    with pytest.raises(ValueError, match="surrogates"):
        log.append([new_event("a"), new_event("\ud800", b"{}")])
    assert log.append([new_event("b")]) == [Appended(1)]
    assert list(log.redeliveries()) == []


def test_the_chain_of_an_honest_log_verifies(log):
    log.append([new_event(str(n % 7), str(n % 11).encode()) for n in range(100)])
    assert verify_chain(log) is None


def test_the_chain_is_what_its_description_says(log):
    log.append([new_event("ä", b"{}", ticket_id=None, headers=(("a", "b"),), drift=("c",))])
    event = log.event(1)
    row = (
        f'[1,"default","TroubleTicketStatusChangeEvent","ä","TroubleTicket","3180",null,'
        f'"{event.occurred_at}","{event.event_time}","{event.received_at}","{event.path}",'
        f'[["a","b"]],["c"],"{event.digest}",null]'
    )
    assert event.chain == hashlib.sha256(bytes(32) + row.encode()).hexdigest()


def test_a_closed_log_says_so(log):
    log.append([new_event("a")])
    log.close()
    for use in (log.head, lambda: log.append([new_event("b")]), lambda: list(log.read())):
        with pytest.raises(LogUnavailable, match="closed"):
            use()
    log.close()
