"""quarantine and drift, worked with: kinds, decisions, and what tolerance let through."""

import json
import sqlite3
from contextlib import closing

import httpx
import pytest

from store import Reason, open_log, open_reader
from store.events import NOT_WHOLE
from tests.edge import event_of
from tests.keeping import checked, fold_anew, listener, receiving, run
from tests.new_events import NOW, new_event, refused

STRICT = '[sources.default]\nvalidation = "strict"\n'
PATH = "/listener/troubleTicketCreateEvent"
RECEIVED = "2026-11-20T08:00:00.000Z"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def without_zone(number: int) -> bytes:
    """What a strict source is refused for, and a tolerant one is not."""
    event = event_of(
        "TroubleTicketCreateEvent", eventId=f"z{number}", eventTime="2026-11-20T09:00:00"
    )
    return json.dumps(event).encode()


@pytest.fixture
def data(tmp_path):
    """Three refusals of one kind, one of another."""
    directory = tmp_path / "data"
    with closing(open_log(directory)) as log:
        log.append([new_event("first")])
        kind = {"path": PATH, "fingerprint": "a" * 16}
        log.quarantine(
            [
                refused(without_zone(1), received_at=RECEIVED, **kind),
                refused(b"{", received_at="2026-11-21T08:00:00.000Z", fingerprint="b" * 16),
                refused(without_zone(2), received_at="2026-11-22T08:00:00.000Z", **kind),
                refused(without_zone(1), received_at="2026-11-23T08:00:00.000Z", **kind),
            ]
        )
    return directory


def listed(data, *arguments) -> list[dict]:
    lines = listener(data, "quarantine", "list", "--json", *arguments).splitlines()
    return [json.loads(line) for line in lines]


def test_refusals_of_one_kind_are_listed_together_with_first_last_and_sample(data):
    found = [
        (one["fingerprint"][0], one["refusals"], one["first_received_at"][:10], one["sample"])
        for one in listed(data)
    ]
    assert found == [("a", 3, "2026-11-20", 4), ("b", 1, "2026-11-21", 2)]
    assert [one["id"] for one in listed(data, "--all")] == [1, 2, 3, 4]
    assert "the latest is 4" in listener(data, "quarantine", "list")


def test_release_appends_by_todays_rules_with_the_time_at_which_it_was_received(data):
    told = listener(data, "quarantine", "release", "1", "--json", "--by", "Ann")
    assert json.loads(told) == {"id": 1, "position": 2, "duplicate": False}
    with closing(open_reader(data)) as reader:
        event = reader.event(2)
        assert event
        assert (event.body, event.received_at) == (without_zone(1), RECEIVED)
        assert event.drift == ("no-zone /eventTime",)
        assert event.path == PATH
        assert [(one.entry, one.position, one.decided_by) for one in reader.decisions()] == [
            (1, 2, "Ann")
        ]
    assert checked(data) == []


def test_release_of_a_kind_takes_all_of_it_and_the_same_again_is_a_redelivery(data):
    lines = listener(data, "quarantine", "release", "--fingerprint", "a" * 16, "--json")
    told = [json.loads(line) for line in lines.splitlines()]
    assert [(one["id"], one["position"], one["duplicate"]) for one in told] == [
        (1, 2, False),
        (3, 3, False),
        (4, 2, True),
    ]
    assert [one["fingerprint"][0] for one in listed(data)] == ["b"]


def test_what_todays_rules_still_refuse_stays_with_the_reason(data, tmp_path):
    (tmp_path / "listener.toml").write_text(STRICT)
    told = listener(data, "quarantine", "release", "1", "2", code=1)
    assert "no-zone /eventTime" in told
    assert "not-json" in told
    assert "2 of 2 are still refused" in told
    assert [one["refusals"] for one in listed(data)] == [3, 1]


def test_a_body_that_was_too_large_is_released_once_it_is_allowed_but_a_part_of_one_never(
    data, tmp_path
):
    large, part = Reason("body-too-large", "", "at most 10 bytes"), Reason(NOT_WHOLE, "", "all")
    with closing(open_log(data)) as log:
        log.quarantine(
            [
                refused(without_zone(8), path=PATH, status=413, reasons=(large,)),
                refused(without_zone(9), path=PATH, status=413, reasons=(large, part)),
            ]
        )
    (tmp_path / "listener.toml").write_text("max_body_bytes = 1_024\n")
    body = without_zone(8) + b" " * 1_024
    with closing(open_log(data)) as log:
        log.quarantine([refused(body, path=PATH, status=413, reasons=(large,))])
    assert "at most 1024 bytes" in listener(data, "quarantine", "release", "7", code=1)
    assert "only its beginning is kept" in listener(data, "quarantine", "release", "6", code=1)
    (tmp_path / "listener.toml").unlink()
    assert json.loads(listener(data, "quarantine", "release", "7", "--json"))["position"] == 2
    assert json.loads(listener(data, "quarantine", "release", "5", "--json"))["duplicate"]
    assert "only its beginning is kept" in listener(data, "quarantine", "release", "6", code=1)
    assert "ONLY THE FIRST" in listener(data, "quarantine", "show", "6")
    assert "Only the first" in run(data, "quarantine", "show", "6", "--raw").stderr
    assert [one["whole"] for one in listed(data, "--all")] == [True] * 5 + [False, True]
    listener(data, "quarantine", "drop", "6", "--reason", "sent again in parts")
    assert checked(data, "--log-only") == []


def test_the_id_that_a_sender_was_told_finds_what_is_kept_of_its_request(data):
    with closing(open_log(data)) as log:
        log.quarantine([refused(b"[", request_id="3f2a91c0-1b")])
    assert [one["id"] for one in listed(data, "--request", "3f2a91c0-1b")] == [5]
    assert listed(data, "--request", "unheard") == []
    assert "request 3f2a91c0-1b" in listener(data, "quarantine", "show", "5")


def test_a_decision_is_made_once_and_shown(data):
    listener(data, "quarantine", "drop", "2", "--reason", "a test of ours", "--by", "Ann")
    listener(data, "quarantine", "release", "1")
    for command in (["release", "1"], ["release", "2"], ["drop", "1", "--reason", "no"]):
        told = run(data, "quarantine", *command)
        assert told.exit_code == 1
        assert "was " in told.output or "still refused" in told.output
    decisions = {one["id"]: one["decision"] for one in listed(data, "--all")}
    assert decisions == {1: "released", 2: "dropped", 3: None, 4: None}
    assert "a test of ours" in listener(data, "quarantine", "show", "2")
    assert "as event 2" in listener(data, "quarantine", "show", "1")
    assert listener(data, "quarantine", "show", "2", "--raw") == "{"


def test_a_drop_of_what_is_not_there_drops_nothing(data):
    told = run(data, "quarantine", "drop", "2", "99", "--reason", "no")
    assert (told.exit_code, "No quarantine entry 99" in told.output) == (1, True)
    assert [one["refusals"] for one in listed(data)] == [3, 1]
    assert run(data, "quarantine", "release").exit_code == 2
    assert run(data, "quarantine", "release", "1", "--fingerprint", "a" * 16).exit_code == 2
    assert run(data, "quarantine", "release", "--fingerprint", "c" * 16).exit_code == 1


def refused_count(data) -> tuple[int, int]:
    status = json.loads(listener(data, "status", "--sources", "--json"))
    return status["quarantine"], status["sources"][0]["refused"]


def test_what_was_released_counts_as_refused_no_longer(data):
    fold_anew(data)
    assert refused_count(data) == (4, 4)
    listener(data, "quarantine", "release", "--fingerprint", "a" * 16)
    listener(data, "quarantine", "drop", "2", "--reason", "noise")
    fold_anew(data)
    assert refused_count(data) == (0, 1)
    with closing(sqlite3.connect(data / "history.db")) as history:
        found = history.execute(
            "SELECT id, decision, released_as, decision_reason FROM quarantine ORDER BY id"
        ).fetchall()
    assert found == [
        (1, "released", 2, None),
        (2, "dropped", None, "noise"),
        (3, "released", 3, None),
        (4, "released", 2, None),
    ]
    assert checked(data) == []


def test_release_works_beside_a_receiver_that_goes_on(tmp_path):
    data = tmp_path / "data"
    (tmp_path / "listener.toml").write_text(STRICT)
    with receiving(data) as url, httpx.Client(base_url=url, trust_env=False) as client:

        def sent(body: bytes) -> httpx.Response:
            return client.post(PATH, content=body, headers={"content-type": "application/json"})

        assert sent(without_zone(1)).status_code == 400
        (tmp_path / "listener.toml").unlink()
        told = json.loads(listener(data, "quarantine", "release", "1", "--json"))
        right = json.dumps(event_of("TroubleTicketCreateEvent", eventId="right")).encode()
        assert int(sent(right).headers["x-event-position"]) > told["position"]
    with closing(open_reader(data)) as reader:
        event = reader.event(told["position"])
        assert event
        assert event.body == without_zone(1)
    assert checked(data) == []


def test_drift_is_told_by_source_and_kind_whatever_the_place_in_an_array(tmp_path):
    data = tmp_path / "data"
    drifting = [
        ("wrong /event/0/note/3/date", "no-zone /eventTime"),
        ("wrong /event/1/note/12/date", "wrong /event/2/note/0/date", "empty /a1/0b"),
    ]
    with closing(open_log(data)) as log:
        log.append(
            [new_event(str(n), drift=codes, received_at=NOW) for n, codes in enumerate(drifting)]
        )
        log.append([new_event("x", source="other", drift=("no-zone /eventTime",))])
    fold_anew(data)
    lines = listener(data, "drift", "--json").splitlines()
    found = [json.loads(line) for line in lines]
    assert [(one["source"], one["code"], one["events"], one["sample"]) for one in found] == [
        ("default", "wrong /event/*/note/*/date", 2, 1),
        ("default", "empty /a1/0b", 1, 2),
        ("default", "no-zone /eventTime", 1, 1),
        ("other", "no-zone /eventTime", 1, 3),
    ]
    assert "wrong /event/*/note/*/date" in listener(data, "drift")
    assert listener(data, "drift", "--source", "other").count("\n") == 1
    assert "Nothing is folded yet" in listener(tmp_path / "none", "drift", code=1)


def test_a_redelivery_of_an_event_far_ahead_is_counted_when_that_is_folded(tmp_path):
    from store.history import follower
    from store.history.rules import RuleBook

    with closing(open_log(tmp_path)) as log:
        log.append([new_event(str(n)) for n in range(5)])
        log.append([new_event("4"), new_event("0")])
        connection = follower.connect(tmp_path / "history.db")
        following = follower.Follower(log, connection, RuleBook())
        while following.step(2):
            pass
        counted = connection.execute("SELECT redeliveries FROM events ORDER BY position").fetchall()
        connection.close()
    assert counted == [(1,), (0,), (0,), (0,), (1,)]
