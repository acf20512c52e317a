"""archive: bodies leave log.db, and nobody who reads notices."""

import dataclasses
import gzip
import hashlib
import json
import sqlite3
from contextlib import closing

import pytest

from store import Appended, open_log, open_reader, verify_chain
from store.keeping import archive as archiving
from store.log.protocol import LogUnavailable
from tests.keeping import BETWEEN, NEW, checked, fold_anew, folded_rows, keep, listener, receiving
from tests.new_events import new_event


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(archiving, "SEGMENT_EVENTS", 70)


@pytest.fixture
def data(tmp_path):
    return keep(tmp_path / "data")


def read(data):
    with closing(open_reader(data)) as reader:
        return list(reader.read())


def bodies(data) -> tuple[int, int]:
    with closing(sqlite3.connect(data / "log.db")) as connection:
        return connection.execute(
            "SELECT count(*) FILTER (WHERE body = x''), count(*) FILTER (WHERE body <> x'') FROM events"
        ).fetchone()


def test_what_was_archived_reads_folds_and_checks_as_before(data):
    before, rows = read(data), folded_rows(data)
    told = json.loads(listener(data, "archive", "--before", BETWEEN, "--json"))
    half = len(before) // 2
    assert (told["events"], bodies(data)) == (half, (half, len(before) - half))
    assert told["files"] > 1
    assert read(data) == before
    with closing(open_reader(data)) as reader:
        assert reader.events([3, half, half + 1]) == [before[n - 1] for n in (3, half, half + 1)]
        assert verify_chain(reader) is None
    assert checked(data) == []
    (data / "history.db").unlink()
    fold_anew(data)
    assert folded_rows(data) == rows
    assert listener(data, "event", "1", "--raw").encode() == before[0].body


def test_a_second_archive_goes_on_where_the_first_ended(data):
    before = read(data)
    listener(data, "archive", "--before", BETWEEN)
    assert json.loads(listener(data, "archive", "--before", BETWEEN, "--json"))["events"] == 0
    listener(data, "archive", "--before", "2027-01-01")
    assert bodies(data) == (len(before), 0)
    assert read(data) == before
    assert checked(data) == []


def test_a_redelivery_of_an_archived_event_is_known_by_its_bytes_and_by_its_json(data):
    first = read(data)[0]
    listener(data, "archive", "--before", BETWEEN)
    again = json.dumps(json.loads(first.body), indent=3).encode()
    other = dataclasses.replace(first, body=again, digest=hashlib.sha256(again).hexdigest())
    new = dataclasses.replace(first, body=b'{"n": 1}', digest="00" * 32)
    with closing(open_log(data)) as log:
        assert log.append([first, other]) == [Appended(1, duplicate=True)] * 2
        assert log.append([new]) == [Appended(log.head(), conflict_of=1)]


def test_an_archive_can_be_read_with_nothing_but_zcat(data):
    listener(data, "archive", "--before", BETWEEN)
    lines = [
        json.loads(line)
        for path in sorted((data / "archive").glob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert [line["position"] for line in lines] == list(range(1, len(lines) + 1))
    for line, event in zip(lines, read(data), strict=False):
        assert line["body"].encode() == event.body
        assert (line["digest"], line["chain"]) == (event.digest, event.chain)
    manifest = json.loads((data / "archive" / "000001.1.json").read_bytes())
    assert manifest["chain"] == lines[manifest["last_position"] - 1]["chain"]


def test_bodies_that_are_no_text_come_back_as_they_were(tmp_path):
    data = tmp_path / "data"
    strange = [bytes(range(256)), b"\xff\r\n", "ü\u2028\x85".encode(), b"\r\n{}\n"]
    with closing(open_log(data)) as log:
        log.append([new_event(str(n), body) for n, body in enumerate(strange)])
    listener(data, "archive", "--before", "2027-01-01")
    assert [event.body for event in read(data)] == strange


def test_archiving_beside_a_receiver_lets_it_take_events(data):
    with receiving(data):
        listener(data, "archive", "--before", BETWEEN)
    assert checked(data) == []


def test_an_archive_that_was_killed_between_file_and_body_is_finished_by_the_next(
    data, monkeypatch
):
    before = read(data)
    with monkeypatch.context() as patched:

        def killed(*_):
            raise KeyboardInterrupt

        patched.setattr(archiving, "_empty", killed)
        with pytest.raises(KeyboardInterrupt):
            archiving.archive(data, NEW, NEW, lambda _count: None)
    assert bodies(data)[0] == 0
    assert read(data) == before
    listener(data, "archive", "--before", BETWEEN)
    assert bodies(data)[0] == len(before) // 2
    assert read(data) == before
    assert checked(data) == []


@pytest.mark.parametrize("damage", ["a byte flipped", "removed", "a stranger"])
def test_a_damaged_archive_is_found(data, damage):
    listener(data, "archive", "--before", BETWEEN)
    path = data / "archive" / "000002.1.jsonl.gz"
    if damage == "a byte flipped":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "removed":
        path.unlink()
    else:
        path = path.with_name("000009.1.jsonl.gz")
        path.touch()
    found = checked(data, "--log-only")
    assert (f"archive/{path.name}", "") in found
    if damage == "removed":
        with pytest.raises(LogUnavailable, match=r"archive/000002\.1\.jsonl\.gz: No such file"):
            read(data)


def test_a_body_leaves_the_log_only_where_it_is_written_where_it_went(data):
    with (
        closing(sqlite3.connect(data / "log.db")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute("UPDATE log SET body = x'' WHERE position = 1")
    listener(data, "archive", "--before", BETWEEN)
    half = len(read(data)) // 2
    with closing(sqlite3.connect(data / "log.db")) as connection:
        for change in (
            f"UPDATE log SET body = x'' WHERE position = {half + 1}",
            "UPDATE log SET body = x'7b7d' WHERE position = 1",
            "UPDATE log SET body = x'', resource_id = '/' WHERE position = 1",
            "UPDATE segments SET last_position = 99999",
            "DELETE FROM segments",
            "INSERT OR REPLACE INTO segments SELECT * FROM segments",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)
