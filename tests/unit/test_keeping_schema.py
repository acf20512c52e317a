"""log.db of an earlier version: brought up to date with all that it has, guarded as before."""

import sqlite3
from contextlib import closing

import pytest

from store import open_log, schema, verify_chain
from store.log import sqlite
from store.log.packing import Packing
from store.schema import STEPS
from tests.new_events import new_event, refused


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A log that the first version made."""
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", {"001_log": STEPS["001_log"]})
        earlier.setattr(sqlite, "equip", lambda _: None)
        earlier.setattr(Packing, "pack", lambda _, body: body)
        with closing(open_log(tmp_path)) as log:
            log.append([new_event("a"), new_event("b"), new_event("a")])
            log.quarantine([refused()])
    return tmp_path


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


@pytest.mark.parametrize("table", ["segments", "erasures", "erased", "decisions", "dictionaries"])
def test_what_is_written_down_about_keeping_is_append_only(tmp_path, table):
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("a")])
        log.quarantine([refused()])
    values = {
        "segments": "1, 1, 1, 1, zeroblob(32), ''",
        "erasures": "1, 'party', '', ''",
        "erased": "'event', 1, 1",
        "decisions": "1, 1, 'dropped', 'noise', NULL, '', ''",
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
