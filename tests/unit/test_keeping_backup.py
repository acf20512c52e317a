"""backup and restore: of one moment, proven, never written over anything."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import yaml

from store import open_log, open_reader, verify_chain
from tests.edge import event_of
from tests.keeping import BETWEEN, checked, folded_rows, keep, listener, receiving, run, tampered
from tests.new_events import new_event


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_backup_beside_a_receiver_under_load_has_everything_acknowledged_before_it(tmp_path):
    data, target = tmp_path / "data", tmp_path / "backup"
    acknowledged: list[str] = []
    stopping = threading.Event()

    def send_on(url: str, name: str) -> None:
        with httpx.Client(base_url=url, trust_env=False) as client:
            number = 0
            while not stopping.is_set():
                number += 1
                event = event_of("TroubleTicketCreateEvent", eventId=f"{name}-{number}")
                answer = client.post("/listener/troubleTicketCreateEvent", json=event)
                assert answer.status_code == 204
                acknowledged.append(event["eventId"])

    with receiving(data) as url:
        senders = [threading.Thread(target=send_on, args=(url, name)) for name in "abcd"]
        for sender in senders:
            sender.start()
        while len(acknowledged) < 300:
            time.sleep(0.01)
        before = list(acknowledged)
        told = json.loads(listener(data, "backup", str(target), "--json"))
        during = len(acknowledged) - len(before)
        stopping.set()
        for sender in senders:
            sender.join()

    assert during > 0, "nobody wrote while the backup was made"
    with closing(open_reader(target)) as reader:
        kept = {event.event_id for event in reader.read()}
        assert verify_chain(reader) is None
        assert reader.head() == told["position"] == len(kept)
    assert set(before) <= kept
    assert kept < set(acknowledged) | {event_id for event_id in kept if event_id not in before}

    restored = tmp_path / "restored"
    listener(restored, "restore", str(target))
    assert checked(restored) == []
    with closing(open_log(restored)) as log:
        assert log.append([new_event("goes on")])[0].position == told["position"] + 1


def test_a_restored_log_folds_to_the_same_history_archive_included(tmp_path):
    data, target, restored = keep(tmp_path / "data"), tmp_path / "backup", tmp_path / "restored"
    listener(data, "archive", "--before", BETWEEN)
    listener(data, "backup", str(target))
    assert [path.name for path in sorted(target.iterdir())] == ["archive", "backup.json", "log.db"]
    listener(restored, "restore", str(target))
    assert folded_rows(restored) == folded_rows(data)
    assert checked(restored) == []


def test_nothing_is_ever_written_over(tmp_path):
    data, target = keep(tmp_path / "data", folded=False), tmp_path / "backup"
    listener(data, "backup", str(target))
    before = (target / "log.db").read_bytes()
    assert "has a backup already" in listener(data, "backup", str(target), code=1)
    assert (target / "log.db").read_bytes() == before
    assert "nothing is ever restored over" in listener(data, "restore", str(target), code=1)


def test_an_unsound_log_is_no_backup(tmp_path):
    data, target = keep(tmp_path / "data", folded=False), tmp_path / "backup"
    with tampered(data / "log.db") as connection:
        connection.execute("UPDATE log SET body = x'7b7d' WHERE position = 4")
    assert "events 4" in listener(data, "backup", str(target), code=1)
    assert not (target / "backup.json").exists()
    assert "no whole backup" in listener(tmp_path / "new", "restore", str(target), code=1)


def test_a_backup_that_was_altered_is_not_restored(tmp_path):
    data, target = keep(tmp_path / "data", folded=False), tmp_path / "backup"
    listener(data, "backup", str(target))
    with closing(sqlite3.connect(target / "log.db")) as connection:
        connection.execute("PRAGMA user_version = 7")
    told = listener(tmp_path / "new", "restore", str(target), code=1)
    assert "is not the file that was written" in told
    assert not (tmp_path / "new" / "log.db").exists()


def test_a_backup_of_nothing_says_so(tmp_path):
    assert run(tmp_path / "none", "backup", str(tmp_path / "backup")).exit_code == 1
    assert not (tmp_path / "backup").exists()


def test_the_configuration_for_litestream_names_the_log_and_nothing_else():
    path = Path(__file__).parents[2] / "config" / "litestream.yml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert [Path(one["path"]).name for one in told["dbs"]] == ["log.db"]
