"""A selection means the same events for ever, reads them wherever they lie, and lets nothing else be read."""

from contextlib import closing

import pytest

from store import open_log
from store.keeping.archive import archive
from store.replay import selection as selecting
from store.replay.selection import Selected, Selection, UnusableSelection
from tests.new_events import new_event

CREATE = "TroubleTicketCreateEvent"


@pytest.fixture
def directory(tmp_path):
    with closing(open_log(tmp_path)) as log:
        log.append(
            [
                new_event(
                    str(number),
                    ticket_id=f"T{number % 3}",
                    source="nord" if number % 2 else "sued",
                    **({"event_type": CREATE} if number < 4 else {}),
                    received_at=f"2026-11-24T06:00:{number:02d}.000Z",
                    occurred_at=f"2026-11-2{number % 4}T00:00:00.000Z",
                )
                for number in range(1, 21)
            ]
        )
    return tmp_path


def positions(directory, behind=0, **chosen) -> list[int]:
    with closing(Selected(directory, Selection(**chosen))) as selected:
        found = [event.position for event in selected.events(behind)]
        assert selected.count(behind) == len(found)
    return found


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, list(range(1, 21))),
        ({"after": 3, "until": 6}, [4, 5, 6]),
        ({"event_types": ("troubleTicketCreateEvent",)}, [1, 2, 3]),
        ({"tickets": ("T0",), "sources": ("nord",)}, [3, 9, 15]),
        (
            {"received_from": "2026-11-24T06:00:18.000Z", "received_until": "2026-11-24T06:00:19.000Z"},
            [18, 19],
        ),
        ({"where": "position % 7 = 0 OR ticket_id LIKE 't1' AND position < 5"}, [1, 4, 7, 14]),
        ({"where": "json_extract(headers, '$[1][1]') = 'Prüfstand' AND position = 2", "until": 9}, [2]),
        ({"where": "0) OR (1", "until": 2}, None),
    ],
)  # fmt: skip
def test_all_that_is_given_must_hold(directory, chosen, expected):
    if expected is None:
        with pytest.raises(UnusableSelection):
            positions(directory, **chosen)
    else:
        assert positions(directory, **chosen) == expected
        assert positions(directory, behind=7, **chosen) == [one for one in expected if one > 7]


@pytest.mark.parametrize(
    "where",
    [
        "",
        "1) OR (1",
        "1; DELETE FROM events",
        "1 -- and no more",
        "1 /* for ever",
        "position IN (SELECT 1)",
        "position IN quarantine",
        "position IN (SeLeCt id FROM quarantine)",
        "body LIKE '%secret%'",
        "chain IS NULL",
        "random() > 0",
        "load_extension('x')",
        "received_at < datetime('now')",
        "received_at < CURRENT_TIMESTAMP",
        "position = ?",
        "sqlite_version() > ''",
        "no_such_column = 1",
        "'unclosed",
    ],
)
def test_an_expression_can_ask_for_nothing_else(directory, where):
    with pytest.raises(UnusableSelection, match="--where"):
        positions(directory, where=where)


def test_an_expression_that_takes_too_long_is_stopped(directory, monkeypatch):
    monkeypatch.setattr(selecting, "PAGE_SECONDS", 0.2)
    monkeypatch.setattr(selecting, "_STEPS", 1)
    bomb = "replace(" * 8 + "headers" + ", 'e', headers||headers||headers)" * 8 + " LIKE '%x%y%z%'"
    with pytest.raises(selecting.LogError):
        positions(directory, where=bomb)


def test_pages_say_how_far_was_looked_and_are_bounded(directory, monkeypatch):
    monkeypatch.setattr(selecting, "PAGE_POSITIONS", 8)
    monkeypatch.setattr(selecting, "PAGE_EVENTS", 3)
    with closing(Selected(directory, Selection(where="position % 2 = 0 AND position < 9"))) as some:
        pages = [([row[0] for row in page], at) for page, at in some.pages()]
    assert pages == [([2, 4, 6], 6), ([8], 8), ([], 16), ([], 20)]


def test_a_page_ends_when_its_bodies_are_large(directory, monkeypatch):
    monkeypatch.setattr(selecting, "PAGE_BYTES", 30)
    with closing(Selected(directory, Selection())) as every:
        pages = [[row[0] for row in page] for page, _ in every.pages()]
    assert max(map(len, pages)) == 2
    assert [one for page in pages for one in page] == list(range(1, 21))


def test_archived_bodies_are_read_like_all_others(directory):
    with closing(Selected(directory, Selection(tickets=("T1",)))) as some:
        before = list(some.events())
    archive(directory, "2026-11-24T06:00:12.000Z", "2026-11-24T07:00:00.000Z", lambda *_: None)
    with closing(Selected(directory, Selection(tickets=("T1",)))) as some:
        assert list(some.events()) == before
        assert all(event.body for event in before)


def test_a_selection_is_kept_as_text_and_read_again():
    one = Selection(after=3, tickets=("a", "ü"), where="position > 1")
    assert Selection.read(one.told()) == one
    assert one.to(9).until == 9
    assert Selection(until=4).to(9).until == 4
