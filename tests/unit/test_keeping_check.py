"""check and head: whatever is altered is found, and the first row is named."""

import json
import sqlite3
from contextlib import closing

import pytest

from store import open_log, open_reader
from tests.keeping import checked, fold_anew, keep, listener, run, tampered
from tests.new_events import new_event, refused


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path):
    return keep(tmp_path / "data")


def test_an_honest_log_and_its_history_are_sound(data):
    assert checked(data) == []
    refusals = json.loads(listener(data, "quarantine", "list", "--all", "--json").splitlines()[-1])
    assert f" and {refusals['id']} refusals, each as" in listener(data, "check")
    assert "history.db" not in listener(data, "check", "--log-only")
    assert not list(data.glob("check-*"))


def test_a_check_of_no_log_says_so(tmp_path):
    assert "does not exist" in listener(tmp_path / "none", "check", code=1)


FLIP = "CAST(substr({0}, 1, 9) || x'00' || substr({0}, 11) AS BLOB)"


@pytest.mark.parametrize(
    ("change", "row"),
    [
        pytest.param(
            f"UPDATE log SET body = {FLIP.format('body')} WHERE position = 7",
            "events 7",
            id="a byte of a body",
        ),
        pytest.param(
            f"UPDATE log SET digest = {FLIP.format('digest')} WHERE position = 7",
            "events 7",
            id="a byte of a digest",
        ),
        pytest.param(
            f"UPDATE log SET chain = {FLIP.format('chain')} WHERE position = 7",
            "events 7",
            id="a byte of the chain",
        ),
        pytest.param(
            "UPDATE log SET occurred_at = '2020-01-01T00:00:00.000Z' WHERE position = 7",
            "events 7",
            id="a time",
        ),
        pytest.param(
            "UPDATE log SET headers = 'no JSON' WHERE position = 7",
            "events 7",
            id="nonsense in a column",
        ),
        pytest.param(
            "UPDATE contexts SET path = path || '/' "
            "WHERE id = (SELECT context FROM log WHERE position = 1)",
            "events 1",
            id="what many events have in common",
        ),
        pytest.param(
            "DELETE FROM contexts WHERE id = (SELECT context FROM log WHERE position = 1)",
            "events 1",
            id="what many events have in common, removed",
        ),
        pytest.param(
            "UPDATE log SET ticket_id = 'T' WHERE position = 7", "events 7", id="a ticket"
        ),
        pytest.param(
            "UPDATE log SET key = key + 1 WHERE position = 7",
            "events 7",
            id="how it is found again",
        ),
        pytest.param("UPDATE log SET body = x'' WHERE position = 7", "events 7", id="no body"),
        pytest.param("DELETE FROM log WHERE position = 7", "events 7", id="a row removed"),
        pytest.param(
            "UPDATE log SET position = 0 WHERE position = 7; "
            "UPDATE log SET position = 7 WHERE position = 8; "
            "UPDATE log SET position = 8 WHERE position = 0",
            "events 7",
            id="two rows swapped",
        ),
        pytest.param(
            "INSERT INTO redeliveries VALUES (99999, 99999, '2026')",
            "redeliveries 99999",
            id="a redelivery of nothing",
        ),
    ],
)
def test_what_was_altered_in_the_log_is_named(data, change, row):
    with tampered(data / "log.db") as connection:
        connection.executescript(change)
    assert ("log.db", row) in checked(data, "--log-only")
    assert f"log.db: {row}: " in run(data, "check").output


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE quarantine SET body = CAST(body || x'00' AS BLOB) WHERE id = {0}",
        "UPDATE quarantine SET body = x'' WHERE id = {0}",
        "UPDATE quarantine SET path = '/elsewhere' WHERE id = {0}",
        "UPDATE quarantine SET reasons = '[]' WHERE id = {0}",
        "UPDATE quarantine SET received_at = '2020-01-01T00:00:00.000Z' WHERE id = {0}",
        "UPDATE quarantine SET headers = 'no JSON' WHERE id = {0}",
        "UPDATE seals SET request_id = 'another' WHERE entry = {0}",
        "UPDATE seals SET chain = zeroblob(32) WHERE entry = {0}",
        "DELETE FROM quarantine WHERE id = {0}",
        "DELETE FROM seals WHERE entry = {0}",
        "DELETE FROM quarantine WHERE id >= {0}",
        "DELETE FROM quarantine WHERE id = {0}; DELETE FROM seals WHERE entry = {0}",
        "UPDATE quarantine SET id = {1} WHERE id = {0}",
    ],
)
def test_what_was_altered_in_or_removed_from_the_quarantine_is_named(data, change):
    with closing(open_log(data)) as log:
        entries = [refused(b"[%d" % n, request_id=f"r-{n}") for n in range(7)]
        first = log.quarantine(entries)[0]
    assert checked(data, "--log-only") == []
    with tampered(data / "log.db") as connection:
        connection.executescript(change.format(first + 2, first + 7))
    assert checked(data, "--log-only") == [("log.db", f"quarantine {first + 2}")]


def test_seals_that_were_removed_altogether_are_missed(data):
    with tampered(data / "log.db") as connection:
        connection.execute("DROP TABLE seals")
    assert checked(data, "--log-only") == [("log.db", "")]


def test_an_entry_removed_at_the_end_leaves_its_number_unused_and_is_missed(data):
    with closing(open_log(data)) as log:
        (last,) = log.quarantine([refused(b"[")])
    with tampered(data / "log.db") as connection:
        connection.execute("DELETE FROM quarantine WHERE id = ?", (last,))
    with closing(open_log(data)) as log:
        assert log.quarantine([refused(b"[1")]) == [last + 1]
    assert checked(data, "--log-only") == [("log.db", f"quarantine {last}")]


def test_a_log_whose_end_was_cut_off_is_found_by_its_history(data):
    head = len(list(open_and_read(data)))
    with tampered(data / "log.db") as connection:
        connection.execute("DELETE FROM redeliveries")
        connection.execute("DELETE FROM log WHERE position >= ?", (head - 1,))
    assert checked(data, "--log-only") == []
    assert checked(data) == [("log.db", f"events {head - 1}")]


def open_and_read(data):
    with closing(open_reader(data)) as reader:
        yield from reader.read()


def test_a_file_that_sqlite_finds_damaged_is_named(data):
    with closing(sqlite3.connect(data / "log.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'log_key'"
        ).fetchone()
    with (data / "log.db").open("r+b") as file:
        file.seek((page - 1) * 16384 + 4)
        file.write(b"\xff" * 8)
    assert checked(data, "--log-only") == [("log.db", "")]


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE tickets SET status = 'closed', severity = 'x' WHERE ticket = {0}", "tickets"),
        ("DELETE FROM timeline WHERE entry = {0}", "timeline"),
        ("UPDATE sources SET events = events + 1 WHERE source = {0}", "sources"),
        ("UPDATE drift SET sample = sample + 1 WHERE drift = {0}", "drift"),
        ("UPDATE quarantine SET path = path || '/' WHERE id = {0}", "quarantine"),
    ],
)
def test_what_was_altered_in_the_history_is_named(data, change, table):
    with closing(sqlite3.connect(data / "history.db")) as connection:
        key = connection.execute(f"PRAGMA table_info({table})").fetchone()[1]
        names = [name for (name,) in connection.execute(f"SELECT {key} FROM {table} ORDER BY 1")]
        name = names[len(names) // 2]
        connection.execute(change.format("?"), (name,))
        connection.commit()
    assert checked(data) == [("history.db", f"{table} {name}")]
    assert checked(data, "--log-only") == []


def test_a_row_that_no_event_tells_is_named(data):
    with closing(sqlite3.connect(data / "history.db")) as connection:
        connection.execute("INSERT INTO gaps (gap) VALUES ('a/b#c')")
        connection.commit()
    assert checked(data) == [("history.db", "gaps a/b#c")]


def test_a_check_sees_the_log_only_as_far_as_the_history_is_folded(data):
    with closing(open_log(data)) as log:
        log.append([new_event("later")])
        log.append([new_event("later")])
        log.quarantine([refused()])
        assert checked(data) == []


def test_a_history_of_other_rules_is_told_to_be_folded_anew(data):
    (data.parent / "listener.toml").write_text('[sources.default]\ntime_zone = "UTC"\n')
    assert "listener rebuild" in listener(data, "check", code=1)


def test_a_signed_head_is_proven_and_any_rewriting_of_the_log_shows(data, tmp_path):
    assert "head.key.pub" in listener(data, "head", "--new-key", "head.key")
    assert (tmp_path / "head.key").stat().st_mode & 0o077 == 0
    stored = listener(data, "head", "--sign", "--key", "head.key")
    (tmp_path / "head.json").write_text(stored)
    with closing(open_log(data)) as log:
        log.append([new_event("later")])
    verify = ("head", "--verify", "head.json", "--key", "head.key.pub")
    assert "goes on from event" in listener(data, *verify)

    # Somebody who can write the file alters an event and seals every later row anew.
    with closing(open_log(data)) as log:
        events = list(log.read())
    (data / "log.db").unlink()
    with closing(open_log(data)) as log:
        log.append([new_event("another first"), *events[1:]])
    fold_anew(data)
    assert checked(data) == []
    assert "written anew" in listener(data, *verify, code=1)


def test_a_head_beyond_the_log_or_altered_or_signed_by_another_is_refused(data, tmp_path):
    for name in ("mine", "other"):
        listener(data, "head", "--new-key", name)
    told = json.loads(listener(data, "head", "--sign", "--key", "mine"))
    stored = tmp_path / "head.json"

    def verified(changes: dict, *key: str) -> str:
        stored.write_text(json.dumps(told | changes))
        return listener(data, "head", "--verify", "head.json", *key, code=1)

    assert "altered" in verified({"position": 3})
    assert "altered" in verified({"at": "2026-01-01T00:00:00.000Z"})
    assert "another key" in verified({}, "--key", "other.pub")
    assert "no stored head" in verified({"position": "3"})
    stored.write_text(json.dumps({name: told[name] for name in ("position", "chain", "at")}))
    assert "goes on" in listener(data, "head", "--verify", "head.json")
    assert "not signed" in listener(
        data, "head", "--verify", "head.json", "--key", "mine.pub", code=1
    )
    with tampered(data / "log.db") as connection:
        connection.execute("DELETE FROM log WHERE position = ?", (told["position"],))
    assert "ends at event" in listener(data, "head", "--verify", "head.json", code=1)


def test_a_key_is_never_written_over(data):
    listener(data, "head", "--new-key", "mine")
    assert run(data, "head", "--new-key", "mine").exit_code == 3
