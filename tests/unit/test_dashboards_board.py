"""What is stuck, what narrows, what is marked: the board's rules, without a browser."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import filters, usual
from dashboards.snippets import snippets, within
from dashboards.usual import ENOUGH, Limit
from store.history.searching import beginnings
from store.times import moment, utc_text

NOW = "2026-11-24T06:00:00.000Z"


def read(told: Mapping[str, str]) -> filters.Filters:
    return filters.read(told.get, NOW)


def test_a_source_with_enough_past_periods_has_its_own_limit():
    lengths = {("a", "held"): [10.0] * ENOUGH, ("b", "held"): [1_000.0] * 80}
    assert usual.limits(lengths, ["a", "b", "new"]) == [
        Limit("a", "held", 10.0, ENOUGH, of_all_sources=False),
        Limit("b", "held", 1_000.0, 80, of_all_sources=False),
        Limit("new", "held", 1_000.0, ENOUGH + 80, of_all_sources=True),
    ]


def test_a_source_with_one_period_too_few_is_measured_by_all_sources():
    lengths = {("a", "held"): [10.0] * (ENOUGH - 1), ("b", "held"): [1_000.0] * 80}
    found = {one.source: one.seconds for one in usual.limits(lengths, ["a", "b"])}
    assert found == {"a": 1_000.0, "b": 1_000.0}


def test_nothing_is_stuck_in_a_status_that_few_have_left():
    assert usual.limits({("a", "held"): [10.0] * (ENOUGH - 1)}, ["a"]) == []
    assert usual.limits({}, ["a"]) == []


def test_the_limit_is_longer_than_95_of_100_periods():
    lengths = {("a", "held"): [float(second) for second in range(1, 101)]}
    (limit,) = usual.limits(lengths, ["a"])
    assert limit.seconds == 96.0


def test_a_ticket_is_stuck_once_its_last_event_is_older_than_the_limit():
    told = usual.as_json([Limit("a", "held", 60.0, ENOUGH, of_all_sources=False)], NOW)
    assert json.loads(told) == [["a", "held", utc_text(moment(NOW) - timedelta(seconds=60))]]


@given(st.lists(st.floats(0, 1e9), min_size=1), st.sampled_from([50, 90, 95, 99]))
def test_at_least_so_many_percent_are_no_longer_than_the_percentile(lengths, percent):
    ascending = sorted(lengths)
    value = usual.percentile(ascending, percent)
    assert value in ascending
    assert 100 * sum(one <= value for one in ascending) >= percent * len(ascending)


def test_filters_keep_what_was_given_and_bind_every_value():
    evil = "x' or 1=1 --"
    found = read({"source": evil, "type": evil, "specification": evil, "other": "no"})
    where, values = found.where()
    assert found.told == {"source": evil, "type": evil, "specification": evil}
    assert evil not in where
    assert set(values.values()) == {evil}


def test_a_day_is_meant_from_its_beginning_to_its_end():
    found = read({"since": "2026-11-01", "until": "2026-11-02"})
    assert (found.since, found.until) == ("2026-11-01T00:00:00.000Z", "2026-11-03T00:00:00.000Z")
    found = read({"since": "2026-11-01T10:00+02:00", "until": "2026-11-02T00:00Z"})
    assert (found.since, found.until) == ("2026-11-01T08:00:00.000Z", "2026-11-02T00:00:00.000Z")


def test_a_period_ends_now_and_a_given_day_goes_before_it():
    assert read({"period": "7d"}).since == "2026-11-17T06:00:00.000Z"
    assert read({"period": "7d", "since": "2026-11-20"}).since == "2026-11-20T00:00:00.000Z"


@pytest.mark.parametrize(
    "told",
    [
        *({"period": "8d"}, {"since": "yesterday"}, {"until": "2026-13-01"}),
        *({"until": "0001-01-01"}, {"until": "9999-12-31"}, {"since": "\x00"}),
    ],
)
def test_what_cannot_be_read_is_named(told):
    (name,) = told
    with pytest.raises(filters.BadFilter, match=name):
        read(told)


@given(st.text(max_size=20))
def test_any_text_is_a_filter_or_a_sentence(text):
    for name in filters.PARAMETERS:
        with suppress(filters.BadFilter):
            where, _ = read({name: text}).where()
            assert where.isascii()


def marked(pieces) -> str:
    return "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in pieces)


def test_a_snippet_marks_the_words_as_they_are_written():
    name, found = snippets(
        [("note", "Frau MÜLLER-Lüdenscheid rang an."), ("party", "Müller")],
        beginnings("mueller sync"),
        "Kein Sync",
    )
    assert marked(name) == "Kein [Sync]"
    assert [(one.where, marked(one.pieces)) for one in found] == [
        ("note", "Frau [MÜLLER]-Lüdenscheid rang an.")
    ]


def test_a_long_text_is_cut_round_the_first_word_that_was_found():
    text = "vorher " * 100 + "Straße nachher" + " nachher" * 100
    _, (one,) = snippets([("description", text)], beginnings("strass"), None)
    shown = marked(one.pieces)
    assert "[Straße]" in shown
    assert shown.startswith("… vorher")
    assert shown.endswith(" …")
    assert len(shown) < 250


@given(st.text(), st.text())
def test_a_snippet_never_changes_a_letter(name, asked):
    pieces, _ = snippets([], beginnings(asked), name)
    shown = "".join(piece.text for piece in pieces)
    assert shown.removeprefix("… ").removesuffix(" …") in name or shown == name
    assert "".join(piece.text for piece in within(name, asked)) == name
