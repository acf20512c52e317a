"""The follower and the rebuild: the same rows whatever the batches, and all or nothing."""

import functools
import sqlite3
from contextlib import closing

import pytest

from store import MemoryLog, open_reader
from store.history import follower, writing
from store.history import rebuild as rebuilding
from store.history.follower import Follower
from store.history.lock import locked
from store.history.rebuild import rebuild
from store.history.rules import RuleBook, Rules
from tests.logs import assert_same, copy, fold, provider_log, rows
from tests.new_events import new_event


def test_every_split_into_batches_ends_in_the_same_rows():
    log = provider_log()
    whole = rows(fold(log), arrival=True)
    assert whole["tickets"]
    assert whole["tasks"]
    assert whole["gaps"]
    for batch in (1, 7, 100):
        assert_same(whole, rows(fold(log, batch), arrival=True))


def test_a_rebuild_ends_in_the_rows_that_following_made(tmp_path):
    with closing(copy(provider_log(), tmp_path)) as log:
        followed = rows(fold(log), arrival=True)
    seen: list[tuple[int, int]] = []
    path = tmp_path / "history.db"
    rebuild(
        path, functools.partial(open_reader, tmp_path), RuleBook(), lambda *done: seen.append(done)
    )
    with closing(sqlite3.connect(path)) as connection:
        assert_same(followed, rows(connection, arrival=True))
    assert seen
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    assert not list(tmp_path.glob("*.rebuild*"))


def test_a_rebuild_shows_in_connections_that_were_open_before_it(tmp_path):
    with closing(copy(provider_log(), tmp_path)) as log:
        path = tmp_path / "history.db"
        with (
            closing(follower.connect(path)) as writing_one,
            closing(sqlite3.connect(path)) as reading,
        ):
            Follower(log, writing_one, RuleBook()).step(50)
            few = reading.execute("SELECT count(*) FROM events").fetchone()[0]
            rebuild(path, functools.partial(open_reader, tmp_path), RuleBook(), lambda *_: None)
            assert (few, reading.execute("SELECT count(*) FROM events").fetchone()[0]) == (
                50,
                log.head(),
            )
            # The follower that was running goes on from where the new history ends.
            log.append([new_event("one-more")])
            assert Follower(log, writing_one, RuleBook()).step() == 1


def test_nobody_reads_so_the_new_file_itself_takes_the_place(tmp_path):
    path = tmp_path / "history.db"
    with closing(copy(provider_log(), tmp_path)) as log:
        with closing(follower.connect(path)) as connection:
            Follower(log, connection, RuleBook()).step(50)
        before = path.stat().st_ino
        rebuild(path, functools.partial(open_reader, tmp_path), RuleBook(), lambda *_: None)
        assert path.stat().st_ino != before
        # With a follower at work, or somebody who reads, it has to stay the file they opened.
        for holding in (locked(path), closing(sqlite3.connect(path))):
            with holding as held:
                if isinstance(held, sqlite3.Connection):
                    held.execute("SELECT count(*) FROM events").fetchone()
                before = path.stat().st_ino
                rebuild(path, functools.partial(open_reader, tmp_path), RuleBook(), lambda *_: None)
                assert path.stat().st_ino == before
        with closing(sqlite3.connect(path)) as connection:
            assert_same(rows(fold(log), arrival=True), rows(connection, arrival=True))
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not list(tmp_path.glob("*.rebuild*"))


def test_events_of_a_folded_ticket_that_arrive_between_two_tries_are_folded_too(tmp_path):
    first = list(provider_log().read())
    path = tmp_path / "history.db"
    opened = functools.partial(open_reader, tmp_path)

    def stop_once_folding(done: int, total: int) -> None:
        if 2 * done > total:
            raise InterruptedError

    with closing(copy(provider_log(), tmp_path)) as log:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(rebuilding, "FOLD_BATCH", 40)
            with pytest.raises(InterruptedError):
                rebuild(path, opened, RuleBook(), stop_once_folding)
        folded = tmp_path / "history.db.rebuild"
        with closing(sqlite3.connect(folded)) as connection:
            ticket = connection.execute("SELECT id FROM tickets ORDER BY ticket").fetchone()[0]
        event = next(one for one in first if one.ticket_id == ticket)
        log.append(
            [new_event("late", event.body.replace(b"eventId", b"eventUuid"), **about(event))]
        )
        rebuild(path, opened, RuleBook(), lambda *_: None)
        with closing(sqlite3.connect(path)) as connection:
            assert_same(rows(fold(log), arrival=True), rows(connection, arrival=True))


def about(event):
    names = ("source", "event_type", "resource_type", "resource_id", "ticket_id")
    return {name: getattr(event, name) for name in names}


def test_a_step_that_fails_changes_neither_rows_nor_checkpoint(monkeypatch):
    log = provider_log()
    connection = follower.connect(":memory:")
    following = Follower(log, connection, RuleBook())
    following.step(100)
    before = rows(connection, arrival=True)
    real = writing.Changes.write

    def failing(changes):
        real(changes)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(writing.Changes, "write", failing)
        with pytest.raises(sqlite3.OperationalError):
            following.step(100)
    assert_same(before, rows(connection, arrival=True))
    while following.step(100):
        pass
    assert_same(rows(fold(log), arrival=True), rows(connection, arrival=True))


def test_a_task_that_names_its_ticket_late_moves_into_its_history():
    log = MemoryLog()
    connection = follower.connect(":memory:")
    following = Follower(log, connection, RuleBook())

    def told(number: int, state: str, ticket: str | None) -> None:
        reference = f', "troubleTicket": {{"id": "{ticket}"}}' if ticket else ""
        body = (
            f'{{"eventId": "{number}", "eventTime": "2026-11-0{number}T10:00:00Z", "event": '
            f'{{"cancelTroubleTicket": {{"id": "C1", "state": "{state}"{reference}}}}}}}'
        )
        log.append(
            [
                new_event(
                    str(number),
                    body.encode(),
                    event_type="CancelTroubleTicketStateChangeEvent",
                    resource_type="CancelTroubleTicket",
                    resource_id="C1",
                    ticket_id=ticket,
                )
            ]
        )
        following.step()

    told(1, "acknowledged", None)
    assert connection.execute("SELECT ticket, state FROM tasks").fetchall() == [
        (None, "acknowledged")
    ]
    told(2, "inProgress", "T2")
    told(3, "done", "T1")
    assert connection.execute("SELECT ticket, state, events FROM tasks").fetchall() == [
        ("default/T1", "done", 3)
    ]
    assert connection.execute("SELECT ticket, state FROM task_states ORDER BY at").fetchall() == [
        ("default/T1", "acknowledged"),
        ("default/T1", "inProgress"),
        ("default/T1", "done"),
    ]
    assert_same(rows(fold(log)), rows(connection))


def test_redeliveries_and_refusals_are_counted_once():
    log = provider_log()
    connection = fold(log, 13)
    arrivals = list(log.redeliveries())
    refused = list(log.quarantined())
    assert arrivals
    assert refused
    told = connection.execute("SELECT events, redeliveries, refused FROM sources").fetchall()
    assert told == [(log.head(), len(arrivals), len(refused))]
    assert connection.execute("SELECT sum(redeliveries) FROM events").fetchone()[0] == len(arrivals)
    assert connection.execute("SELECT count(*) FROM quarantine").fetchone()[0] == len(refused)


def test_a_history_folded_by_other_rules_is_known_to_be_outdated():
    log = provider_log()
    book = RuleBook({"here": Rules(zone="UTC"), "there": Rules()})
    connection = follower.connect(":memory:")
    assert follower.outdated(connection, book) is None
    Follower(log, connection, book).step()
    assert follower.outdated(connection, RuleBook({"here": Rules(zone="UTC")})) is None
    assert "rules" in (follower.outdated(connection, RuleBook()) or "")
    connection.execute("PRAGMA user_version = 0")
    assert "version" in (follower.outdated(connection, book) or "")


def test_a_huge_ticket_makes_the_follower_rest_and_others_do_not(monkeypatch):
    log = provider_log()
    following = Follower(log, follower.connect(":memory:"), RuleBook())
    following.step(50)
    assert following.rest_seconds == 0
    monkeypatch.setattr(follower, "HUGE_SECONDS", 0.0)
    following.step(50)
    assert 0 < following.rest_seconds <= follower.LONGEST_REST_SECONDS
