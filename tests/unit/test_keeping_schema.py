"""log.db of an earlier version: brought up to date with all that it has, guarded as before."""

import json
import sqlite3
from contextlib import closing

import pytest

from store import Appended, open_log, open_reader, verify_chain
from store.log.rows import EVENT_COLUMNS
from tests.keeping import checked, listener, run, tampered
from tests.new_events import new_event, refused
from tests.older import BEFORE_005, older_log

COLUMNS = EVENT_COLUMNS.split(", ")
FIRST_VERSION_S_REFUSAL = """
INSERT INTO quarantine VALUES (1, 'default', '/listener', '[["user-agent","Prüfstand"]]',
  '2026-11-24T06:05:04.123Z', 400, '[["not-json","","a JSON object"]]', '0123456789abcdef', x'7bff')
"""


def older(path, monkeypatch, steps):
    """A log that a version with these steps made."""
    older_log(path, monkeypatch, [new_event("a"), new_event("b"), new_event("a")], steps)
    with closing(sqlite3.connect(path / "log.db")) as connection:
        connection.execute(FIRST_VERSION_S_REFUSAL)
        connection.commit()
    return path


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A log that the first version made."""
    return older(tmp_path, monkeypatch, ["001_log"])


def test_a_log_from_before_the_seals_is_read_checked_and_restored_as_it_is(tmp_path, monkeypatch):
    data = older(tmp_path / "data", monkeypatch, ["001_log", "002_keeping"])
    assert json.loads(listener(data, "quarantine", "list", "--all", "--json"))["whole"]
    assert run(data, "quarantine", "show", "1", "--raw").stdout_bytes == b"{\xff"
    assert checked(data, "--log-only") == []
    listener(data, "backup", str(tmp_path / "copy"))
    listener(tmp_path / "again", "restore", str(tmp_path / "copy"))
    with closing(open_log(tmp_path / "again")) as log:
        assert log.quarantine([refused()]) == [2]
    assert checked(tmp_path / "again", "--log-only") == []


def objects(path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path / "log.db")) as connection:
        return connection.execute("SELECT type, name FROM sqlite_schema ORDER BY 1, 2").fetchall()


def test_an_older_log_keeps_everything_and_ends_as_a_new_one_begins(old, tmp_path_factory):
    before = objects(old)
    with closing(open_log(old)) as log:
        assert [event.event_id for event in log.read()] == ["a", "b"]
        assert len(list(log.redeliveries())) == len(list(log.quarantined())) == 1
        assert list(log.decisions()) == []
        assert verify_chain(log) is None
    new = tmp_path_factory.mktemp("new")
    open_log(new).close()
    assert objects(old) == objects(new) != before


def test_what_an_older_log_has_in_quarantine_is_sealed_from_now_on(old):
    with closing(open_log(old)) as log:
        assert log.quarantine([refused()]) == [2]
        assert [one.request_id for one in log.quarantined()] == ["", ""]
        assert [one.body for one in log.quarantined()] == [b"{\xff", b"{"]
    assert checked(old, "--log-only") == []
    with tampered(old / "log.db") as connection:
        connection.execute("UPDATE quarantine SET body = x'7b' WHERE id = 1")
    assert checked(old, "--log-only") == [("log.db", "quarantine 1")]


@pytest.mark.parametrize(
    "table", ["segments", "erasures", "erased", "decisions", "seals", "dictionaries", "contexts"]
)
def test_what_is_written_down_about_keeping_is_append_only(tmp_path, table):
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("a")])
        log.quarantine([refused()])
    values = {
        "segments": "1, 1, 1, 1, zeroblob(32), ''",
        "erasures": "1, 'party', '', ''",
        "erased": "'event', 1, 1",
        "decisions": "1, 1, 'dropped', 'noise', NULL, '', ''",
        "seals": "2, '', zeroblob(32), zeroblob(32)",
        "dictionaries": "1, x'00'",
        "contexts": "9, '', '', '', '', '', ''",
    }[table]
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
        connection.execute(f"INSERT INTO {table} VALUES ({values})")
        column = connection.execute(f"PRAGMA table_info({table})").fetchone()[1]
        for change in (
            f"UPDATE {table} SET {column} = {column}",
            f"DELETE FROM {table}",
            f"INSERT OR REPLACE INTO {table} VALUES ({values})",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)


def told(directory):
    """Everything that a log says, in every way that it can be read."""
    with closing(open_reader(directory)) as reader:
        events = list(reader.read())
        positions = [event.position for event in events]
        assert [event.position for event in reader.heads()] == positions
        assert reader.events(positions) == events
        assert reader.head() == len(events)
        return [
            (event.position, event.chain, event.ticket_id, event.occurred_at, event.headers)
            for event in events
        ]


MANY = [
    new_event(
        f"{run}-{number}",
        b'{"n": %d}' % number,
        ticket_id=(None, "3180", "1", "T-1")[number % 4],
        event_time=None if number % 3 else "2026-11-24T06:05:04.123Z",
        occurred_at=f"2026-11-2{number % 5}T06:05:04.123Z",
        headers=(("x-request-id", str(number)),) if number % 2 else (),
        drift=(f"empty /event/{number}",) if number % 5 == 0 else (),
        source=("default", "other")[number % 7 == 0],
    )
    for number in range(40)
    for run in ("a", "b")
]


@pytest.mark.parametrize("kept_early", [0, 1, 33, len(MANY)])
def test_a_log_is_the_same_in_every_way_whatever_versions_wrote_it(
    tmp_path, monkeypatch, kept_early
):
    older_log(tmp_path / "old", monkeypatch, MANY[:kept_early], BEFORE_005)
    with closing(open_log(tmp_path / "old")) as log, closing(open_log(tmp_path / "new")) as new:
        new.append(MANY)
        log.append(MANY[kept_early:])
        again = log.append(MANY[::-3])
        assert all(one.duplicate for one in again)
        assert again == new.append(MANY[::-3])
        other = [new_event("a-3", b"{}", source="default"), new_event("b-38", b"{}")]
        assert (
            log.append(other)
            == new.append(other)
            == [
                Appended(len(MANY) + 1, conflict_of=7),
                Appended(len(MANY) + 2, conflict_of=78),
            ]
        )
    assert told(tmp_path / "old") == told(tmp_path / "new")
    assert checked(tmp_path / "old", "--log-only") == []
    assert run(tmp_path / "old", "check", "--log-only").exit_code == 0


@pytest.mark.parametrize("table", ["events", "early_events"])
def test_what_an_earlier_version_kept_is_guarded_under_its_new_name(tmp_path, monkeypatch, table):
    open_log(older_log(tmp_path, monkeypatch, [new_event("a")])).close()
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
        for change in (
            f"UPDATE {table} SET received_at = ''",
            f"UPDATE {table} SET body = x''",
            f"DELETE FROM {table}",
            f"INSERT INTO {table} SELECT 2, {', '.join(COLUMNS[1:])} FROM events",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM events",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)


def test_what_was_altered_in_an_early_row_is_named(tmp_path, monkeypatch):
    older_log(tmp_path, monkeypatch, [new_event("a"), new_event("b")])
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("c")])
    with tampered(tmp_path / "log.db") as connection:
        connection.execute("UPDATE early_events SET path = '/' WHERE position = 2")
    assert checked(tmp_path, "--log-only") == [("log.db", "events 2")]
