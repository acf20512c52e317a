"""What only a file can promise: it guards itself, outlives its writer, and says what is wrong."""

import hashlib
import json
import sqlite3
from random import Random

import pytest

from store import (
    Appended,
    LogError,
    LogLocked,
    LogMissing,
    LogUnavailable,
    open_log,
    open_reader,
    verify_chain,
)
from store.log import reader, sqlite
from store.log.identity import chain_of, key_of
from tests.new_events import new_event, refused


@pytest.mark.parametrize("table", ["events", "log", "redeliveries", "quarantine"])
def test_the_database_itself_refuses_to_change_or_delete_what_is_kept(tmp_path, table):
    log = open_log(tmp_path)
    log.append([new_event("a"), new_event("a")])
    log.quarantine([refused()])
    log.close()
    connection = sqlite3.connect(tmp_path / "log.db")
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET received_at = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(change)
    connection.close()


@pytest.mark.parametrize(
    ("table", "place"),
    [
        pytest.param("events", 1, id="an event in its place"),
        pytest.param("events", 2, id="an event at the end"),
        pytest.param("events", 3, id="an event beyond a hole"),
        pytest.param("log", 1, id="a row in its place"),
        pytest.param("log", 2, id="a row at the end"),
        pytest.param("log", 3, id="a row beyond a hole"),
        pytest.param("redeliveries", 1, id="a redelivery"),
        pytest.param("quarantine", 1, id="refused bytes"),
    ],
)
def test_the_database_itself_refuses_to_replace_what_is_kept(tmp_path, table, place):
    log = open_log(tmp_path)
    log.append([new_event("a"), new_event("a")])
    log.quarantine([refused()])
    log.close()
    connection = sqlite3.connect(tmp_path / "log.db")
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(["?", *columns[1:]])
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(f"INSERT OR REPLACE INTO {table} SELECT {values} FROM {table}", [place])
    connection.close()


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("UPDATE log SET body = x'7b7d' WHERE position = 3", 3),
        ("UPDATE log SET occurred_at = '2026' WHERE position = 2", 2),
        ("UPDATE log SET conflict_of = NULL WHERE position = 5", 5),
        ("DELETE FROM log WHERE position = 4", 4),
        ("DELETE FROM log WHERE position = 1", 1),
    ],
)
def test_the_chain_finds_the_first_row_that_was_tampered_with(tmp_path, change, wrong):
    log = open_log(tmp_path)
    log.append([new_event(str(n % 4), str(n).encode()) for n in range(8)])
    log.close()
    connection = sqlite3.connect(tmp_path / "log.db")
    connection.executescript(
        f"DROP TRIGGER log_refuse_update; DROP TRIGGER log_refuse_delete; {change};"
    )
    connection.close()
    reading = open_reader(tmp_path)
    assert verify_chain(reading) == wrong
    reading.close()


def test_a_commit_waits_for_the_disk(tmp_path):
    # kill -9 cannot show it (the system's cache survives), so ask.
    log = open_log(tmp_path)
    pragmas = [
        log._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "page_size", "wal_autocheckpoint")
    ]
    assert pragmas == ["wal", 2, 16384, 4096]
    log.close()


def test_a_second_writer_is_refused_and_the_log_is_free_after_close(tmp_path):
    log = open_log(tmp_path)
    with pytest.raises(LogLocked, match="already writes"):
        open_log(tmp_path, lock_seconds=0.05)
    log.close()
    open_log(tmp_path, lock_seconds=0).close()


def test_a_log_goes_on_where_it_was_left(tmp_path):
    log = open_log(tmp_path)
    log.append([new_event("a"), new_event("b")])
    log.close()
    log = open_log(tmp_path)
    assert log.append([new_event("b"), new_event("c")]) == [
        Appended(2, duplicate=True),
        Appended(3),
    ]
    assert verify_chain(log) is None
    log.close()


def test_identities_that_share_a_key_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "key_of", lambda _source, _event_id: 7)
    log = open_log(tmp_path)
    log.append([new_event("a", b"1"), new_event("b", b"2"), new_event("a", b"3")])
    log.append([new_event("a", b"1", source="other")])
    assert log.append([new_event("b", b"2"), new_event("a", b"3"), new_event("b", b"4")]) == [
        Appended(2, duplicate=True),
        Appended(3, duplicate=True, conflict_of=1),
        Appended(5, conflict_of=2),
    ]
    log.close()


def test_ids_that_are_given_in_order_have_keys_in_order():
    keys = [key_of("default", f"e-{number:09}") for number in range(1_000)]
    assert keys == sorted(set(keys))
    others = [
        ("default", "e-1"),
        ("default", "e-01"),
        ("other", "e-1"),
        ("default", "e-10000000001"),
    ]
    assert len({key_of(*one) for one in others}) == len(others)


def test_the_chain_is_over_the_json_that_everybody_writes():
    texts = [
        "".join(map(chr, range(0xD800))),
        "".join(map(chr, range(0xE000, 0x11000))),
        "\U0001f600",
    ]
    event = new_event(
        texts[0], headers=(("a", texts[1]), ("b", "")), drift=(texts[2],), ticket_id=None
    )
    fields = [
        *(7, event.source, event.event_type, event.event_id, event.resource_type),
        *(event.resource_id, None, event.occurred_at, event.event_time, event.received_at),
        *(event.path, event.headers, event.drift, event.digest, 3),
    ]
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    expected = hashlib.sha256(b"\x01" * 32 + text.encode()).digest()
    assert chain_of(b"\x01" * 32, event, 7, 3) == expected
    with pytest.raises(ValueError, match="surrogates"):
        chain_of(bytes(32), new_event("\ud800"), 1, None)


def test_a_reader_sees_each_commit_and_holds_no_transaction_while_it_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "PAGE_ROWS", 2)
    log = open_log(tmp_path)
    log.append([new_event(str(n)) for n in range(5)])
    reading = open_reader(tmp_path)
    slowly = reading.read()
    assert next(slowly).position == 1
    log.append([new_event("late")])
    connection = sqlite3.connect(tmp_path / "log.db")
    # A transaction held by a reader would keep this from emptying the write-ahead log.
    assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    connection.close()
    assert [event.position for event in slowly] == [2, 3, 4, 5, 6]
    assert reading.head() == 6
    reading.close()
    log.close()


def test_large_bodies_are_read_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "PAGE_BYTES", 10_000)
    log = open_log(tmp_path)
    log.append([new_event(str(n), Random(n).randbytes(6_000)) for n in range(5)])
    asked = []
    log._connection.set_trace_callback(asked.append)
    assert [event.position for event in log.read()] == [1, 2, 3, 4, 5]
    assert len(asked) == 4
    log.close()


def test_a_reader_of_a_missing_or_empty_log_is_told_so(tmp_path):
    with pytest.raises(LogMissing, match="does not exist"):
        open_reader(tmp_path)
    (tmp_path / "log.db").touch()
    with pytest.raises(LogMissing, match="has not made its tables yet"):
        open_reader(tmp_path)


def test_a_file_that_is_no_log_is_refused_by_name(tmp_path):
    (tmp_path / "log.db").write_bytes(b"This is a letter, not a database. " * 100)
    for attempt in (open_log, open_reader):
        with pytest.raises(LogUnavailable, match=r"log\.db cannot be .*not a database"):
            attempt(tmp_path)


def test_a_log_made_by_a_later_version_is_left_alone(tmp_path):
    open_log(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "log.db")
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('log', '999_future')"
    )
    connection.commit()
    connection.close()
    with pytest.raises(LogError, match=r"later version of the listener \(999_future\)"):
        open_log(tmp_path)


def test_a_full_database_is_said_and_the_next_append_works_when_there_is_room(tmp_path):
    log = open_log(tmp_path)
    log.append([new_event("before")])
    pages = log._connection.execute("PRAGMA page_count").fetchone()[0]
    log._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LogUnavailable, match="full"):
        log.append([new_event(str(n), Random(n).randbytes(1_000_000)) for n in range(3)])
    assert [event.event_id for event in log.read()] == ["before"]
    log._connection.execute("PRAGMA max_page_count = 1000000")
    assert log.append([new_event("after")]) == [Appended(2)]
    assert verify_chain(log) is None
    log.close()
