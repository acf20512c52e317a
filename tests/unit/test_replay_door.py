"""The doors of replay: what people and programs see of jobs, targets and dead letters."""

import functools
import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from store import history, open_log, open_reader
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from store.replay.ledger import Ledger
from store.replay.targets.lines import to_file
from tests.logs import copy, provider_log
from tests.new_events import NOW, new_event


@pytest.fixture(scope="module")
def log_directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    copy(provider_log(), path).close()
    rebuild(path / "history.db", functools.partial(open_reader, path), RuleBook(), lambda *_: None)
    return path


@pytest.fixture
def directory(log_directory, tmp_path):
    for file in log_directory.glob("*.db"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "listener.toml").write_text(
        f'[targets.lines]\nkind = "file"\npath = "{tmp_path}/out.ndjson"\n'
        f'[targets.ware]\nkind = "sqlite"\npath = "{tmp_path}/ware.db"\n'
        '[targets.nobody]\nkind = "http"\nurl = "http://127.0.0.1:1/"\ngive_up_seconds = 0.2\n'
        "first_pause_seconds = 0.01\nlongest_pause_seconds = 0.02\n"
    )
    return tmp_path


@pytest.fixture
def listener(directory):
    def run(*arguments: str, code: int = 0):
        told = ["--data", str(directory), "--config", str(directory / "listener.toml")]
        answered = CliRunner().invoke(main, [*arguments, *told])
        assert answered.exit_code == code, answered.output
        return answered

    return run


def lines(directory):
    return [json.loads(line) for line in (directory / "out.ndjson").read_bytes().splitlines()]


def test_lines_hold_every_selected_event_with_its_body_as_received(directory, listener):
    said = listener("replay", "lines").stdout
    assert f"{provider_log().head():,} events delivered to file" in said
    events = list(provider_log().read())
    told = lines(directory)
    assert [line["position"] for line in told] == [event.position for event in events]
    assert [line["event"] for line in told] == [json.loads(event.body) for event in events]
    assert [line["digest"] for line in told] == [event.digest for event in events]


def test_line_breaks_in_a_body_do_not_break_the_line(directory, listener):
    body = b'{"a": "\\n",\r\n "b": 1.0}'
    with closing(open_log(directory)) as log:
        position = log.append([new_event("broken", body)])[0].position
    listener("replay", "lines", "--from", str(position))
    raw = (directory / "out.ndjson").read_bytes()
    assert b'"event":{"a": "\\n",   "b": 1.0}}' in raw
    assert len(lines(directory)) == 1


def test_stdout_needs_no_settings_and_carries_nothing_but_lines(listener):
    ticket = next(event.ticket_id for event in provider_log().read() if event.ticket_id)
    told = listener("replay", "stdout", "--ticket", ticket)
    found = [json.loads(line) for line in told.stdout.splitlines()]
    assert found
    assert {line["ticket_id"] for line in found} == {ticket}
    assert "delivered to stdout" in told.stderr


def test_a_file_that_was_cut_off_goes_on_without_doubling(directory, listener):
    listener("replay", "lines", "--name", "one")
    whole = (directory / "out.ndjson").read_bytes()
    with closing(Ledger(directory)) as ledger:
        job = ledger.job("one")
        ledger._connection.execute("UPDATE jobs SET checkpoint = 10, updated_at = ''")
        ledger._connection.execute("DELETE FROM spans")
    (directory / "out.ndjson").write_bytes(whole[: len(whole) // 2])
    listener("replay", "lines", "--name", "one", "--resume")
    assert (directory / "out.ndjson").read_bytes() == whole
    assert job.job == 1


def test_a_file_is_written_by_one_job_at_a_time(directory, listener):
    with closing(to_file(directory / "out.ndjson")):
        assert "another job" in listener("replay", "lines", code=1).stderr


def test_a_database_has_every_event_once_however_often_it_is_replayed(directory, listener):
    listener("replay", "ware")
    listener("replay", "ware")
    with closing(sqlite3.connect(directory / "ware.db")) as ware:
        found = ware.execute("SELECT position, source, event_id, body FROM events ORDER BY position").fetchall()  # fmt: skip
    events = list(provider_log().read())
    assert found == [(one.position, one.source, one.event_id, one.body.decode()) for one in events]


def test_conflicts_are_rows_of_their_own_in_a_database(directory, listener):
    with closing(open_log(directory)) as log:
        log.append([new_event("same", b'{"a": 1}'), new_event("same", b'{"a": 2}')])
    listener("replay", "ware", "--where", "event_id = 'same'")
    with closing(sqlite3.connect(directory / "ware.db")) as ware:
        assert ware.execute("SELECT count(*) FROM events").fetchone() == (2,)


def test_a_dry_run_delivers_nothing_and_makes_no_job(directory, listener):
    told = listener("replay", "lines", "--to", "20", "--where", "position > 10", "--dry-run")
    assert told.stdout.startswith("10 events of positions 1 to 20 would go to file")
    told = json.loads(listener("replay", "lines", "--dry-run", "--json").stdout)
    assert told["selected"] == provider_log().head()
    assert not (directory / "out.ndjson").exists()
    listener("jobs", "list")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nope",), 2, "lines, ware, nobody, stdout"),
        (("lines", "--where", "1) OR (1"), 1, "--where"),
        (("lines", "--from", "yesterday"), 2, "is no time"),
        (("lines", "--resume"), 1, "Nothing was ever replayed"),
        (("lines", "--resume", "--from", "3"), 2, "choose no events"),
        (("lines", "--resume", "--name", "absent"), 1, "no job 'absent'"),
        (("lines", "--name", "a b"), 2, "letters"),
        (("lines", "--name", "forward:lines"), 2, "letters"),
        (("lines", "--state", "--from", "3"), 2, "--state goes with"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(listener, arguments, code, said):
    assert said in listener("replay", *arguments, code=code).stderr


def test_a_target_that_is_down_leaves_a_job_that_can_be_resumed(directory, listener):
    said = listener("replay", "nobody", "--name", "crm", "--to", "30", code=1).stdout
    assert "served nobody for 0.2 s" in said
    assert "Go on with: listener replay nobody --name crm --resume" in said
    assert "a job 'crm'" in listener("replay", "nobody", "--name", "crm", code=1).stderr
    told = json.loads(listener("jobs", "show", "crm", "--json").stdout)
    assert (told["state"], told["delivered"], told["selection"]["until"]) == ("failed", 0, 30)
    assert told["failures"] > 0
    assert "failed" in listener("jobs", "list").stdout
    rows = [json.loads(line) for line in listener("jobs", "show", "crm", "--deliveries", "--json").stdout.splitlines()]  # fmt: skip
    assert {row["outcome"] for row in rows} == {"waiting"}
    assert "cannot be reached" in {row["error"] for row in rows}


def test_a_job_that_was_killed_says_interrupted(directory, listener):
    with closing(Ledger(directory)) as ledger:
        ledger.begin(name="k", kind="replay", target="lines", selection='{"until": 3}', after=0, by="me", at=NOW)  # fmt: skip
    assert json.loads(listener("jobs", "show", "k", "--json").stdout)["state"] == "interrupted"


def test_dead_letters_are_listed_tried_again_and_dropped(directory, listener):
    from store.replay.ledger import Batch, Delivery

    with closing(Ledger(directory)) as ledger:
        job = ledger.begin(name="forward:nobody", kind="forward", target="nobody", selection='{"until": null}', after=0, by="me", at=NOW)  # fmt: skip
        dead = [Delivery(n, f"d/T{n}", "dead", 3, "answered 400", NOW) for n in (1, 2, 3)]
        ledger.settle(job, Batch(9, [*dead, Delivery(8, "d/T1", "waiting", 0, None, NOW)]), NOW)
    told = [json.loads(line) for line in listener("deadletters", "list", "--json").stdout.splitlines()]  # fmt: skip
    assert [(one["position"], one["behind"]) for one in told] == [(1, 1), (2, 0), (3, 0)]
    assert "answered 400, 1 wait behind it" in listener("deadletters", "list", "nobody").stdout
    said = listener("deadletters", "retry", "nobody", "--position", "1").stdout
    assert said == "1 to be tried again. Go on with: listener forward nobody\n"
    listener("deadletters", "drop", "nobody", code=2)
    said = json.loads(listener("deadletters", "drop", "forward:nobody", "--all", "--json").stdout)
    assert said["positions"] == [2, 3]
    assert "no such dead letter" in listener("deadletters", "retry", "nobody", code=1).stderr
    assert "Forwarding  nobody: 0 delivered" in listener("status").stdout


def test_a_backup_takes_along_what_was_delivered(directory, listener, tmp_path):
    listener("replay", "ware", "--name", "one")
    listener("backup", str(tmp_path / "copy"))
    answered = CliRunner().invoke(main, ["restore", str(tmp_path / "copy"), "--data", str(tmp_path / "new")])  # fmt: skip
    assert answered.exit_code == 0, answered.output
    with closing(Ledger(tmp_path / "new")) as ledger:
        assert ledger.job("one").delivered == provider_log().head()


def test_after_a_restore_of_an_older_log_forwarding_skips_nothing(directory):
    from store.replay.ledger import Batch, Delivery

    with closing(Ledger(directory)) as ledger:
        job = ledger.begin(name="forward:nobody", kind="forward", target="nobody", selection="{}", after=0, by="me", at=NOW)  # fmt: skip
        rows = [Delivery(n, None, "delivered", 1, None, NOW) for n in range(1, 10)]
        ledger.settle(job, Batch(9, rows), NOW)
        job = ledger.rewind(job, 5)
        assert job.checkpoint == 5
        assert [one.position for one in ledger.deliveries(job)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("arguments", [(), ("--resume",), ("--state",), ("--dry-run",)])
def test_without_a_log_there_is_a_sentence(tmp_path, arguments):
    told = ["replay", "stdout", "--data", str(tmp_path / "none"), *arguments]
    answered = CliRunner().invoke(main, told)
    assert answered.exit_code == 1, answered.output
    assert "does not exist" in answered.stderr


def test_states_are_one_event_a_ticket_and_the_same_event_when_told_again(directory, listener):
    listener("replay", "ware", "--state")
    listener("replay", "ware", "--state")
    with closing(sqlite3.connect(directory / "ware.db")) as ware:
        found = ware.execute("SELECT ticket_id, event_type, body, source FROM events").fetchall()
    with closing(sqlite3.connect(directory / "history.db")) as folded:
        there = "SELECT id, state FROM tickets JOIN states USING (ticket) WHERE deleted_at IS NULL"
        expected = dict(folded.execute(there).fetchall())
    assert {ticket for ticket, *_ in found} == set(expected)
    assert len(found) == len(expected)
    for ticket, kind, body, _ in found:
        told = json.loads(body)
        assert kind == told["eventType"] == "TroubleTicketCreateEvent"
        assert told["event"]["troubleTicket"] == {"@type": "TroubleTicket", "id": ticket} | json.loads(expected[ticket])  # fmt: skip


def test_states_can_be_those_of_a_moment(directory, listener):
    event = next(one for one in provider_log().read() if one.ticket_id and one.position > 50)
    said = listener("replay", "ware", "--state", "--ticket", event.ticket_id, "--to", event.occurred_at)  # fmt: skip
    assert "every ticket's state at position" in said.stdout
    then = history(directory, event.ticket_id, as_of=event.occurred_at)
    with closing(sqlite3.connect(directory / "ware.db")) as ware:
        (body,) = ware.execute("SELECT body FROM events").fetchone()
    state = json.loads(body)["event"]["troubleTicket"]
    assert state["status"] == json.loads(then.states[0].state)["status"]
