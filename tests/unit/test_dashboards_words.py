"""What the pages say, checked without a browser: spans, differences, cells, words of columns."""

import asyncio
import json
from contextlib import closing
from datetime import timedelta

import pytest
import yaml

from dashboards import parts, raw
from dashboards.charts.lanes import Drawn, lanes, scale_of
from dashboards.charts.marks import TimeScale
from dashboards.differences import differences, lines, remarks
from dashboards.history import Beside, Folded
from dashboards.pages.entries import entries_of
from dashboards.pages.facts import badges
from dashboards.plugins.cells import cell
from dashboards.serve import configuration
from dashboards.words import allowance, span, with_times
from store.history import rows
from store.history.fold import History
from store.history.tables import TABLES
from store.times import moment, utc_text

TIMES = ("0001-01-01T00:00:00.000Z", "2026-11-24T10:00:00.000Z", "9999-12-31T23:59:59.999Z")
EVIL = "<script>alert(1)</script>"


class Urls:
    def path(self, path):
        return path

    def database(self, name):
        return f"/{name}"

    def table(self, database, table):
        return f"/{database}/{table}"


@pytest.fixture
def links():
    from dashboards.links import Links

    return Links(Urls())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0, "0 s"), (0.634, "0.63 s"), (59.6, "60 s"), (60, "1 min"), (3599, "59 min")),
        *((19_320, "5 h 22"), (115_200, "1 d 8 h"), (86_400, "1 d"), (-120, "−2 min"), (None, "")),
    ],
)
def test_a_span_of_time_has_two_units_at_most(seconds, said):
    assert span(seconds) == said


def test_what_was_agreed_is_said_without_its_minutes_when_there_are_none():
    assert [allowance(seconds) for seconds in (28_800, 30_600, 86_400)] == ["8 h", "8 h 30", "1 d"]


def test_times_within_a_sentence_are_written_for_a_reader():
    told = with_times("became held at 2026-11-24T06:05:04.123Z; no event told us so.")
    assert told == "became held at 24 Nov 2026 06:05:04; no event told us so."


def test_an_event_from_a_clock_ahead_was_received_before_it_was_sent():
    row = dict.fromkeys(TABLES["timeline"].columns) | {"kind": "status", "lateness_seconds": -9.0}
    (told,) = entries_of([row], {})
    assert told.arrived == "received 9 s before it was sent, by the sender's clock"
    assert not told.arrived_late


def test_every_column_has_words_and_all_words_have_a_column():
    described = configuration()["databases"]["history"]["tables"]
    assert {name: set(table.columns) for name, table in TABLES.items()} == {
        name: set(table["columns"]) for name, table in described.items()
    }
    for name, table in described.items():
        named = {*table.get("facets", []), table.get("label_column"), table.get("sort_desc")}
        assert named - {None} <= set(TABLES[name].columns), name
        assert all(words for words in table["columns"].values())


def test_every_query_names_the_parameters_it_uses():
    for query in configuration()["databases"]["history"]["queries"].values():
        assert query["title"]
        assert query["description"]
        assert all(f":{name}" in query["sql"] for name in query["params"])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"role": "customer", "partyOrPartyRole": {"id": "P1", "name": "Jane", "@type": "X"}},
            "Jane (P1) · customer",
        ),
        ({"role": "customer", "id": "P1", "name": "Jane"}, "Jane (P1) · customer"),
        ({"author": "noc", "text": "rebooted", "id": "1"}, "noc: rebooted"),
        ({"name": "bandwidth", "value": 50}, "bandwidth: 50"),
        ({"code": "0018", "text": "Line fault"}, "0018 Line fault"),
        ({"id": "INC1", "owner": "CRM", "externalIdentifierType": "ticket"}, "INC1 · ticket CRM"),
        ({"a": {"b": 1}}, '{"a": {"b": 1}}'),
        ("2026-10-19T19:18:12+02:00", "19 Oct 2026 17:18:12"),
        (True, "yes"),
    ],
)
def test_a_difference_is_told_in_the_words_of_its_kind(value, said):
    assert lines(json.dumps(value)) == (said,)


def changed(member, before, after, item=None):
    told = {"member": member, "item": item, "action": "changed"}
    return told | {"before": json.dumps(before), "after": json.dumps(after)}


def test_of_a_changed_list_only_the_items_that_came_or_went_are_told():
    kept = {"role": "owner", "partyOrPartyRole": {"name": "Jane"}}
    before = [kept, kept, {"role": "technician", "partyOrPartyRole": {"name": "Kim"}}]
    after = [{"role": "technician", "partyOrPartyRole": {"name": "Lou"}}, kept, kept]
    (told,) = differences([changed("relatedParty", before, after)], status_shown=True)
    assert told.before == ("Kim · technician",)
    assert told.after == ("Lou · technician",)
    (turned,) = differences([changed("x", ["a", "b"], ["b", "a"])], status_shown=True)
    assert turned.before == ("a", "b")
    (fewer,) = differences([changed("x", ["a", "a"], ["a"])], status_shown=True)
    assert (fewer.before, fewer.after) == (("a",), ("none",))


def test_of_a_changed_object_only_the_members_that_differ_are_told():
    before = {"place": {"city": "Bonn", "zip": "53111"}, "floor": 1, "tags": ["a", "b"]}
    after = {"place": {"city": "Köln", "zip": "53111"}, "tags": ["b", "c"], "door": None}
    told = differences([changed("site", before, after, "S1")], status_shown=True)
    assert [(one.member, one.before, one.after) for one in told] == [
        ("site S1 · door", (), ("nothing",)),
        ("site S1 · floor", ("1",), ()),
        ("site S1 · place.city", ("Bonn",), ("Köln",)),
        ("site S1 · tags", ("a",), ("c",)),
    ]


def test_an_object_with_words_of_its_own_is_told_whole_and_else_by_what_the_words_leave_out():
    party = {"role": "owner", "partyOrPartyRole": {"id": "P", "name": "Jane"}}
    other = {"role": "owner", "partyOrPartyRole": {"id": "P", "name": "Jane Doe"}}
    (told,) = differences([changed("relatedParty", party, other, "P")], status_shown=True)
    assert (told.before, told.after) == (("Jane (P) · owner",), ("Jane Doe (P) · owner",))
    moved = party | {"phone": "1"}
    (told,) = differences([changed("relatedParty", party, moved, "P")], status_shown=True)
    assert (told.member, told.before, told.after) == ("relatedParty P · phone", (), ("1",))


def test_a_note_that_was_added_is_a_remark_and_no_difference():
    note = json.dumps({"author": "noc", "text": "rebooted"})
    change = {"member": "note", "item": "1", "action": "added", "before": None, "after": note}
    assert differences([change], status_shown=True) == []
    assert [remark.text for remark in remarks([change])] == ["rebooted"]


def test_text_of_a_sender_never_becomes_markup_in_a_cell(links):
    columns = {"status": EVIL, "name": EVIL, "description": EVIL * 5, "reason": f'["{EVIL}"]'}
    row = {"ticket": f"default/{EVIL}"}
    shown = [cell(row, value, column, "tickets", links) for column, value in columns.items()]
    shown += [cell(row, {"value": f"default/{EVIL}", "label": EVIL}, "ticket", "notes", links)]
    assert all(shown)
    assert not any("<script" in text for text in shown)


def test_an_untouched_cell_is_left_to_datasette(links):
    assert cell({}, "2026-10-19T19:18:12.161Z", "at", "timeline", links) is None
    assert cell({}, None, "status", "tickets", links) is None


def test_the_body_is_indented_without_rewriting_a_token():
    body = b'{"a":1.50,"a":[],"big":12345678901234567890,"t":"x\\u202e{\\"","n":{"k":null}}'
    shown = raw.pretty(body)
    assert "".join(shown.split()) == body.decode().replace(" ", "")
    assert '"a": 1.50,\n' in shown
    assert raw.pretty(b"<html>") == "<html>"


def test_a_scale_of_any_length_has_few_ticks():
    for last in ("00:00:00.000", "00:00:05.000", "00:40:00.000", "23:00:00.000"):
        scale = TimeScale.over(f"2026-11-24T{'00:00:00.000'}Z", f"2026-11-24T{last}Z", 0, 100)
        assert 1 <= len(scale.ticks()) <= 9
    scale = TimeScale.over("2001-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", 0, 100)
    assert 1 <= len(scale.ticks()) <= 9


async def picture(beside, **told):
    """Lanes of these rows, read as a page reads them."""
    with closing(Folded(History(**told))) as folded:
        ask, key = folded.ask, beside.ticket["ticket"]
        scale = scale_of(beside, await parts.extent(ask, key), TIMES[1])
        drawn = [
            await read(ask, key, scale)
            for read in (parts.drawn_periods, parts.drawn_events, parts.drawn_notes)
        ]
    return lanes(Drawn(scale, beside, *drawn), TIMES[1], lambda entry: f"#{entry}")


def test_dates_at_the_ends_of_the_calendar_still_give_a_picture():
    ticket = dict.fromkeys(TABLES["tickets"].columns)
    beside = Beside(ticket | {"ticket": "t", "is_open": 1, "due_at": TIMES[0]})
    entry = rows.Entry(**dict.fromkeys(TABLES["timeline"].columns) | {"ticket": "t", "kind": "x"})
    period = rows.StatusPeriod(
        **dict.fromkeys(TABLES["status_periods"].columns) | {"ticket": "t", "status": "held"}
    )
    for first in TIMES:
        for last in TIMES:
            told = [entry._replace(entry="1", at=first), entry._replace(entry="2", at=last)]
            lasting = [period._replace(started_at=min(first, last), n=1)]
            drawn = asyncio.run(picture(beside, timeline=told, status_periods=lasting))
            assert drawn.count("<circle") >= 1
            assert drawn.count('class="span') == 1


def test_a_picture_grows_with_its_width_and_not_with_the_history():
    born = moment("2026-01-01T00:00:00.000Z")
    at = [utc_text(born + timedelta(minutes=10 * step)) for step in range(4_001)]
    beside = Beside(dict.fromkeys(TABLES["tickets"].columns) | {"ticket": "t", "is_open": 0})
    entry = rows.Entry(**dict.fromkeys(TABLES["timeline"].columns) | {"ticket": "t", "kind": "x"})
    told = [entry._replace(entry=str(step), at=at[step]) for step in range(4_000)]
    blank = dict.fromkeys(TABLES["status_periods"].columns) | {"ticket": "t", "seconds": 600.0}
    periods = [
        rows.StatusPeriod(
            **blank
            | {"n": step, "status": ("held", "pending")[step % 2]}
            | {"started_at": at[step], "ended_at": at[step + 1]}
        )
        for step in range(4_000)
    ]
    drawn = asyncio.run(picture(beside, timeline=told, status_periods=periods))
    marks = drawn.count("<circle")
    assert 100 < marks <= parts.MOST_MARKS
    assert 100 < drawn.count('class="span') <= 2 * parts.MOST_MARKS
    assert drawn.count('class="step"') == 1
    assert f"and {4_000 // marks - 1}" in drawn


def test_lateness_is_measured_against_the_due_date():
    ticket = dict.fromkeys(TABLES["tickets"].columns) | {
        "due_at": "2026-11-24T10:00:00.000Z",
        "is_open": 1,
    }
    open_now = badges(Beside(ticket), "2026-11-24T12:30:00.000Z")
    assert [badge.text for badge in open_now] == ["2 h 30 past due"]
    resolved = ticket | {"is_open": 0, "resolved_at": "2026-11-24T09:00:00.000Z"}
    assert [one.text for one in badges(Beside(resolved), "")] == ["resolved 1 h 00 early"]


def test_the_configuration_is_plain_yaml_that_datasette_reads():
    assert yaml.safe_load(yaml.safe_dump(configuration())) == configuration()
