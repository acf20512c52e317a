"""The store's door: what people and programs see of the log and of histories."""

import functools
import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from store import open_reader
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from tests.logs import copy, provider_log

MEMBERS = {
    *("position", "source", "event_type", "event_id", "resource_type", "resource_id"),
    *("ticket_id", "occurred_at", "received_at", "digest", "body"),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    copy(provider_log(), path).close()
    open_log = functools.partial(open_reader, path)
    rebuild(path / "history.db", open_log, RuleBook(), lambda *_: None)
    return path


@pytest.fixture
def listener(directory):
    def run(*arguments: str, code: int = 0) -> str:
        told = CliRunner().invoke(main, [*arguments, "--data", str(directory)])
        assert told.exit_code == code, told.output
        return told.stdout if code == 0 else told.stderr

    return run


def test_tail_prints_one_object_a_line_with_the_members_that_programs_read(listener):
    lines = [json.loads(line) for line in listener("tail", "--from", "1", "--json").splitlines()]
    assert [line["position"] for line in lines] == list(range(1, provider_log().head() + 1))
    assert all(set(line) == MEMBERS for line in lines)
    assert lines[0]["body"]["eventId"] == lines[0]["event_id"]


def test_tail_filters_by_type_and_ticket(listener):
    event = next(one for one in provider_log().read() if one.ticket_id)
    found = listener(
        "tail", "--from", "1", "--json", "--type", event.event_type, "--ticket", event.ticket_id
    )
    lines = [json.loads(line) for line in found.splitlines()]
    assert event.position in [line["position"] for line in lines]
    assert {(line["event_type"], line["ticket_id"]) for line in lines} == {
        (event.event_type, event.ticket_id)
    }


def test_event_raw_writes_the_very_bytes(directory):
    for event in list(provider_log().read())[:20]:
        told = CliRunner().invoke(
            main, ["event", str(event.position), "--raw", "--data", str(directory)]
        )
        assert told.stdout_bytes == event.body


def test_a_ticket_is_printed_for_people_and_for_programs(listener):
    ticket_id = next(one.ticket_id for one in provider_log().read() if one.ticket_id)
    told = json.loads(listener("ticket", ticket_id, "--json"))
    assert told["ticket"]["id"] == ticket_id
    assert told["ticket"]["state"]["id"] == ticket_id
    assert told["timeline"]
    assert all("changes" in entry for entry in told["timeline"])
    printed = listener("ticket", ticket_id)
    assert ticket_id in printed
    assert told["timeline"][0]["at"] in printed


def test_a_ticket_nobody_named_is_an_error_that_says_so(listener):
    assert "No event names ticket nobody" in listener("ticket", "nobody", code=1)


def test_status_says_how_things_stand(listener):
    told = json.loads(listener("status", "--sources", "--json"))
    head = provider_log().head()
    assert (told["head"], told["checkpoint"], told["lag_events"]) == (head, head, 0)
    assert sum(told["events"].values()) == head
    assert told["quarantine"] == len(list(provider_log().quarantined()))
    assert told["sources"][0]["redeliveries"] == len(list(provider_log().redeliveries()))
    assert "up to date" in listener("status")


def test_a_refused_body_is_shown_with_its_reasons_and_very_bytes(listener, directory):
    refused = list(provider_log().quarantined())
    assert refused[0].reasons[0].expected in listener("quarantine", "show", "1")
    raw = CliRunner().invoke(main, ["quarantine", "show", "1", "--raw", "--data", str(directory)])
    assert raw.stdout_bytes == refused[0].body
    assert "No quarantine entry 999" in listener("quarantine", "show", "999", code=1)


def test_a_directory_without_a_log_is_an_error_that_says_so(tmp_path):
    for command in (["tail"], ["status"], ["ticket", "1"], ["quarantine", "list"]):
        told = CliRunner().invoke(main, [*command, "--data", str(tmp_path)])
        assert told.exit_code == 1
        assert "log.db does not exist" in told.stderr


def test_what_a_sender_wrote_cannot_steer_the_terminal(tmp_path):
    from tests.new_events import new_event

    body = b'{"eventId": "1", "event": {"troubleTicket": {"id": "T", "name": "\\u001b[2J\\u202epwned"}}}'
    event = new_event("1", body, ticket_id="T", resource_id="T")
    with closing(copy(provider_log(), tmp_path)) as log:
        position = log.append([event])[0].position
    for command in (["ticket", "T"], ["event", str(position)], ["tail"]):
        told = CliRunner().invoke(main, [*command, "--data", str(tmp_path)])
        assert told.exit_code == 0, told.output
        assert "\x1b" not in told.stdout
        assert "\u202e" not in told.stdout
