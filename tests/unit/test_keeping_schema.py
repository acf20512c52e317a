"""log.db of an earlier version: brought up to date with all that it has, guarded as before."""

import json
import sqlite3
from contextlib import closing

import pytest

from store import open_log, schema, verify_chain
from store.log import sqlite
from store.log.packing import Packing
from store.schema import STEPS
from tests.keeping import checked, listener, run, tampered
from tests.new_events import new_event, refused

FIRST_VERSION_S_REFUSAL = """
INSERT INTO quarantine VALUES (1, 'default', '/listener', '[["user-agent","Prüfstand"]]',
  '2026-11-24T06:05:04.123Z', 400, '[["not-json","","a JSON object"]]', '0123456789abcdef', x'7bff')
"""


def older(path, monkeypatch, steps):
    """A log that a version with these steps made."""
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", {name: STEPS[name] for name in steps})
        earlier.setattr(sqlite, "equip", lambda _: None)
        earlier.setattr(Packing, "pack", lambda _, body: body)
        with closing(open_log(path)) as log:
            log.append([new_event("a"), new_event("b"), new_event("a")])
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
    "table", ["segments", "erasures", "erased", "decisions", "seals", "dictionaries"]
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
