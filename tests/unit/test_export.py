"""Exports: every selected event once, nothing dangling, whole or not at all, and safe to open."""

import csv
import io
import json
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.__main__ import main
from store import Condition, LineReader, open_log, open_reader
from store.export import csv_table, ndjson, ocel_json, ocel_sqlite, xes
from store.export.activities import MOST, Activities
from store.export.flat import FLAT
from store.export.histories import Histories
from store.export.output import whole_file
from store.history.rows import Entry
from store.keeping.archive import archive
from store.log.sqlite import LOG_FILE
from store.replay.selection import Selection
from tests.logs import copy, fold, provider_log
from tests.new_events import new_event

SELECTIONS = (
    Selection(),
    Selection(after=100, until=300),
    Selection(event_types=("TroubleTicketCreateEvent", "CancelTroubleTicketStateChangeEvent")),
    Selection(where="position % 7 = 0"),
    Selection(where="resource_type = 'TroubleTicketSpecification'"),
    Selection(where="position < 0"),
)
NAMESPACE = {"x": "http://www.xes-standard.org/"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("export") / "data"
    directory.mkdir()
    with (
        closing(copy(provider_log(), directory)) as log,
        closing(fold(log, path=directory / "history.db")),
    ):
        pass
    return directory


def test_many_processes_write_what_one_writes(tmp_path, monkeypatch):
    # Large ones among them: of those a process writes only as many as fit into a page.
    bodies = [b'{"n": "%d%s"}' % (n, (b"x" * 90_000 if 100 < n < 180 else b"")) for n in range(450)]
    with closing(open_log(tmp_path)) as log:
        log.append([new_event(str(n), body) for n, body in enumerate(bodies)])
    plain = io.BytesIO()
    assert ndjson.export(tmp_path, Selection(), plain, nothing) == 450
    monkeypatch.setattr(ndjson, "SPREAD_FROM", 10)
    told: list[tuple[int, int]] = []
    with (tmp_path / "out").open("wb") as out:
        out.write(b"first\n")
        ndjson.export(tmp_path, Selection(), out, lambda *done: told.append(done))
        out.write(b"last\n")
    assert (tmp_path / "out").read_bytes() == b"first\n" + plain.getvalue() + b"last\n"
    assert told == sorted(told)
    assert told[-1] == (450, 450)


def listener(*arguments: str):
    return CliRunner().invoke(main, ["export", *arguments], catch_exceptions=False)


def nothing(*_told: int) -> None:
    pass


def chosen(data, selection: Selection) -> list[int]:
    out = io.BytesIO()
    ndjson.export(data, selection, out, nothing)
    return [json.loads(line)["position"] for line in out.getvalue().splitlines()]


def test_ndjson_tells_every_event_as_it_came(data):
    out = io.BytesIO()
    with closing(open_reader(data)) as reader:
        events = list(reader.read())
    assert ndjson.export(data, Selection(), out, nothing) == len(events)
    for line, event in zip(out.getvalue().split(b"\n"), events, strict=False):
        told = json.loads(line)
        assert told["body"] == json.loads(event.body)
        assert told["headers"] == [list(pair) for pair in event.headers]
        assert told["drift"] == list(event.drift)
        for name in ("position", "source", "event_type", "event_id", "resource_type", "resource_id", "ticket_id", "occurred_at", "event_time", "received_at", "path", "conflict_of", "digest"):  # fmt: skip
            assert told[name] == getattr(event, name)


def test_an_event_is_the_same_line_however_it_was_selected(data):
    plain, filtered = io.BytesIO(), io.BytesIO()
    ndjson.export(data, Selection(), plain, nothing)
    ndjson.export(data, Selection(where="position > 0"), filtered, nothing)
    assert plain.getvalue() == filtered.getvalue()
    with closing(LineReader(data / LOG_FILE)) as reader:
        page = reader.page(0, Condition(), events=10**6, size=10**9)
    assert b"".join(line.text + b"\n" for line in page.lines) == plain.getvalue()


def test_archived_bodies_are_in_the_lines_too(tmp_path, data):
    before, after = io.BytesIO(), io.BytesIO()
    with closing(copy(provider_log(), tmp_path)):
        pass
    ndjson.export(tmp_path, Selection(), before, nothing)
    archive(tmp_path, "2099-01-01T00:00:00.000Z", "2026-11-24T00:00:00.000Z", nothing)
    ndjson.export(tmp_path, Selection(), after, nothing)
    assert before.getvalue() == after.getvalue() != b""


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20),
            st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.none(), max_size=3),
            st.sampled_from([None, 1, "\t"]),
            st.sampled_from(["\n", "\r\n", "\r"]),
        ),
        max_size=8,
        unique_by=lambda one: one[0],
    )
)  # fmt: skip
def test_whatever_an_event_says_it_is_one_line_of_json(tmp_path_factory, told):
    directory = tmp_path_factory.mktemp("lines")
    events = [
        new_event(name, json.dumps(body, indent=indent).replace("\n", end).encode(), ticket_id=name)
        for name, body, indent, end in told
    ]
    with closing(open_log(directory)) as log:
        log.append(events)
    out = io.BytesIO()
    ndjson.export(directory, Selection(), out, nothing)
    lines = out.getvalue().split(b"\n")[:-1]
    found = [(line["ticket_id"], line["body"]) for line in map(json.loads, lines)]
    assert found == [(event.ticket_id, json.loads(event.body)) for event in events]


def test_a_larger_log_takes_no_more_memory(tmp_path):
    peaks = []
    for number, size in enumerate((1_000, 8_000)):
        directory = tmp_path / str(number)
        directory.mkdir()
        with closing(open_log(directory)) as log:
            body = json.dumps({"text": "x" * 1_000}).encode()
            for start in range(0, size, 1_000):
                log.append([new_event(str(n), body) for n in range(start, start + 1_000)])
        with whole_file(tmp_path / "out") as path, path.open("wb") as out:
            tracemalloc.start()
            ndjson.export(directory, Selection(), out, nothing)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@pytest.mark.parametrize("table", FLAT)
def test_csv_tells_the_rows_of_what_was_selected(data, selection, table):
    out = io.BytesIO()
    with closing(Histories(data, selection)) as found:
        count = csv_table.export(found, FLAT[table], out, nothing)
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))
    assert len(rows) == count
    positions = set(chosen(data, selection))
    with closing(sqlite3.connect(data / "history.db")) as history:
        entries = [
            ticket for ticket, position in history.execute("SELECT ticket, position FROM timeline") if position in positions
        ]  # fmt: skip
        if table == "timeline":
            assert count == len(entries)
            assert {int(row["position"]) for row in rows} <= positions
        else:
            periods = [ticket for (ticket,) in history.execute("SELECT ticket FROM status_periods")]
            assert count == sum(ticket in set(entries) for ticket in periods)


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\tx", "\rx"]
)
def test_no_cell_of_the_csv_is_a_formula(tmp_path, name):
    body = {"eventType": "x", "event": {"troubleTicket": {"id": "TT-1", "status": name, "statusChangeReason": name}}}  # fmt: skip
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("1", json.dumps(body).encode())])
        fold(log, path=tmp_path / "history.db").close()
    out = io.BytesIO()
    with closing(Histories(tmp_path, Selection())) as found:
        csv_table.export(found, FLAT["timeline"], out, nothing)
    rows = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    assert any(name in cell for cell in rows[1])
    assert not [cell for cell in rows[1] if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_xes_has_a_trace_for_every_ticket_and_an_event_for_every_entry(data, selection):
    out = io.BytesIO()
    with closing(Histories(data, selection)) as found:
        told = xes.export(found, out, nothing)
        entries = [entry for entry in found.entries() if entry.ticket]
    log = ET.fromstring(out.getvalue())
    traces = log.findall("x:trace", NAMESPACE)
    events = log.findall("x:trace/x:event", NAMESPACE)
    assert (
        told == (len(traces), len(events)) == (len({one.ticket for one in entries}), len(entries))
    )
    for trace in traces:
        times = [date.get("value") for date in trace.findall("x:event/x:date", NAMESPACE)]
        assert times == sorted(times)


def test_xes_stays_xml_whatever_a_sender_writes(tmp_path):
    odd = "a\x00\x1b<&>\"'\r\n\ufffe\U0001f600"
    ticket = {"id": odd, "status": odd, "severity": odd}
    body = json.dumps({"event": {"troubleTicket": ticket}}).encode()
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("1", body, ticket_id=odd, resource_id=odd)])
        fold(log, path=tmp_path / "history.db").close()
    out = io.BytesIO()
    with closing(Histories(tmp_path, Selection())) as found:
        assert xes.export(found, out, nothing) == (1, 1)
    strings = ET.fromstring(out.getvalue()).findall("x:trace/x:string", NAMESPACE)
    assert {one.get("key"): one.get("value") for one in strings}["id"] == 'a\ufffd\ufffd<&>"\'\r\n\ufffd\U0001f600'  # fmt: skip


def ocel_of(data, selection: Selection, tmp_path, **options) -> tuple[dict, sqlite3.Connection]:
    out = io.BytesIO()
    with closing(Histories(data, selection)) as found:
        by_json = ocel_json.export(found, out, nothing, **options)
        by_sqlite = ocel_sqlite.export(found, tmp_path / "ocel.sqlite", nothing, **options)
    assert by_json == by_sqlite
    told = json.loads(out.getvalue())
    assert by_json == (len(told["events"]), len(told["objects"]))
    return told, sqlite3.connect(tmp_path / "ocel.sqlite")


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_both_forms_of_ocel_say_the_same_and_nothing_in_them_dangles(data, selection, tmp_path):
    told, connection = ocel_of(data, selection, tmp_path)
    with closing(connection) as made:
        objects = {one["id"]: one["type"] for one in told["objects"]}
        assert dict(made.execute("SELECT ocel_id, ocel_type FROM object")) == objects
        events = {one["id"]: one["type"] for one in told["events"]}
        assert dict(made.execute("SELECT ocel_id, ocel_type FROM event")) == events
        for table, kind in (("event_object", "events"), ("object_object", "objects")):
            relations = {
                (one["id"], relation["objectId"], relation["qualifier"])
                for one in told[kind]
                for relation in one["relationships"]
            }
            assert set(made.execute(f"SELECT * FROM {table}")) == relations
            assert {target for _, target, _ in relations} <= set(objects)
        assert made.execute("PRAGMA foreign_key_check").fetchall() == []
        for kind in ("event", "object"):
            kinds = dict(made.execute(f"SELECT ocel_type, ocel_type_map FROM {kind}_map_type"))
            assert {one["name"] for one in told[f"{kind}Types"]} <= set(kinds)
            for name, table in kinds.items():
                rows = f"SELECT count(DISTINCT ocel_id) FROM {kind}_{table}"
                these = (events if kind == "event" else objects).values()
                assert made.execute(rows).fetchone()[0] == sum(one == name for one in these)
    touched = {one["objectId"] for event in told["events"] for one in event["relationships"]}
    assert touched == set(objects), "an object that no event touches is forgotten by most tools"


def test_ocel_tells_when_a_ticket_was_in_which_status(data, tmp_path):
    told, connection = ocel_of(data, Selection(), tmp_path)
    connection.close()
    periods: dict[str, list[tuple[str, str]]] = {}
    with closing(sqlite3.connect(data / "history.db")) as history:
        for ticket, at, status in history.execute("SELECT ticket, started_at, status FROM status_periods ORDER BY ticket, n"):  # fmt: skip
            periods.setdefault(f"ticket/{ticket}", []).append((at, status))
    for one in told["objects"]:
        if one["type"] == "ticket":
            found = [(a["time"], a["value"]) for a in one["attributes"] if a["name"] == "status"]
            assert found == periods[one["id"]]


@pytest.mark.parametrize("form", ["o.json", "o.sqlite", "x.xes", "t.csv"])
def test_pseudonymised_no_person_and_no_line_is_in_it(data, tmp_path, form):
    with closing(sqlite3.connect(data / "history.db")) as history:
        names = {name for row in history.execute("SELECT id, name FROM parties") for name in row}
        names |= {
            name
            for (name,) in history.execute("SELECT id FROM relations WHERE other_ticket IS NULL")
        }
        names |= {name for (name,) in history.execute("SELECT reason FROM timeline") if name}
    path = tmp_path / form
    kind = {"o": "ocel", "x": "xes", "t": "csv"}[form[0]]
    assert (
        listener(kind, "--data", str(data), "--output", str(path), "--pseudonymise").exit_code == 0
    )
    written = path.read_bytes()
    assert len(names) > 50
    assert not [name for name in names if len(name) > 4 and name.encode() in written]
    listener(kind, "--data", str(data), "--output", str(path))
    assert [name for name in names if name.encode() in path.read_bytes()]


def test_a_file_is_there_whole_or_as_it_was(data, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"before")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole_file(path) as partial, partial.open("wb") as out:
        ndjson.export(data, Selection(), out, stop)
    assert [one.name for one in tmp_path.iterdir()] == ["events.ndjson"]
    assert path.read_bytes() == b"before"
    assert listener("ndjson", "--data", str(data), "--output", str(path)).exit_code == 0
    assert len(path.read_bytes().splitlines()) == len(chosen(data, Selection()))


def test_what_is_asked_for_and_cannot_be_had_is_said(data, tmp_path):
    said = listener("csv", "--data", str(tmp_path))
    assert (said.exit_code, "listener rebuild" in said.output) == (1, True)
    wrong = listener("ndjson", "--data", str(data), "--where", "body = 1")
    assert wrong.exit_code == 1
    assert "body" in wrong.output
    assert listener("ocel", "--data", str(data), "--as", "sqlite").exit_code == 2
    assert listener("xes", "--data", str(data), "--json").exit_code == 2


def test_histories_that_are_behind_the_log_say_so(tmp_path):
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("1")])
        fold(log, path=tmp_path / "history.db").close()
        log.append([new_event("2")])
    said = listener("xes", "--data", str(tmp_path), "--output", str(tmp_path / "x.xes"))
    assert "the log has 1 more" in said.output
    assert said.exit_code == 0


def test_parquet_without_its_extra_is_a_sentence_and_an_exit_code(data, tmp_path):
    # Without the directories of other packages there is no pyarrow, whatever is installed here.
    code = "import sys; sys.modules['pyarrow'] = None; from receiver.__main__ import main; main()"
    command = [sys.executable, "-c", code, "export", "parquet", "--data", str(data)]
    said = subprocess.run(
        [*command, "--output", str(tmp_path / "t.parquet")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert said.stderr.strip() == (
        "Error: Parquet needs pyarrow, which is not installed. Install it: "
        "pip install 'tmf621-listener[parquet]', or export csv."
    )
    assert list(tmp_path.iterdir()) == []


def test_there_are_never_too_many_activities():
    activities = Activities()
    blank = Entry(*[None] * len(Entry._fields))
    names = set()
    for number in range(3 * MOST):
        names.add(activities.of(blank._replace(kind="milestone", title=f"milestone: {number}")))
        names.add(activities.of(blank._replace(kind="status", status_after=f"odd {number}")))
    assert len(names) == MOST + 2
