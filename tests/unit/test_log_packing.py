"""Bodies in log.db: smaller than they came, and given out as they came, by any version that reads."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import LogUnavailable, open_log, open_reader, schema, verify_chain
from store.log import packing
from store.log.packing import MAGIC, NUMBER, Packing
from tests.keeping import checked, keep, tampered
from tests.new_events import new_event
from tests.older import older_log

ODD = [b"", b"{", MAGIC, MAGIC + b"no frame", zstandard.compress(b"a frame" * 20), bytes(5_000)]


def kept(directory) -> list[bytes]:
    with closing(sqlite3.connect(directory / "log.db")) as connection:
        return [body for (body,) in connection.execute("SELECT body FROM events ORDER BY position")]


def told(number: int) -> bytes:
    """A body such as providers send."""
    ticket = {"id": f"TT-{number}", "@type": "TroubleTicket", "status": "inProgress"}
    ticket["href"] = (
        f"https://example.net/tmf-api/troubleTicketManagement/v5/troubleTicket/{number}"
    )
    event = {
        "eventType": "TroubleTicketStatusChangeEvent",
        "@type": "TroubleTicketStatusChangeEvent",
    }
    event |= {"eventId": f"e{number}", "eventTime": "2026-11-24T06:05:04.123Z"}
    return json.dumps(event | {"event": {"troubleTicket": ticket}}).encode()


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    log = open_log(tmp_path_factory.mktemp("log"))
    yield Packing(log._connection)
    log.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300) | st.sampled_from(ODD) | st.binary(max_size=40).map(MAGIC.__add__))
def test_any_bytes_come_back_as_they_were(packs, body):
    packed = packs.pack(body)
    assert packs.unpack(packed) == body
    assert len(packed) <= len(body) or body.startswith(MAGIC)


def test_whatever_was_appended_is_read_byte_for_byte(tmp_path):
    bodies = [*ODD[1:], *map(told, range(20))]
    with closing(open_log(tmp_path)) as log:
        log.append([new_event(str(number), body) for number, body in enumerate(bodies)])
        assert [event.body for event in log.read()] == bodies
        assert verify_chain(log) is None
    with closing(open_reader(tmp_path)) as reader:
        assert [reader.event(position).body for position in range(1, len(bodies) + 1)] == bodies


def test_an_event_takes_less_than_half_of_its_body(tmp_path):
    bodies = [told(number) for number in range(50)]
    with closing(open_log(tmp_path)) as log:
        log.append([new_event(str(number), body) for number, body in enumerate(bodies)])
    assert sum(map(len, kept(tmp_path))) < sum(map(len, bodies)) / 2


def test_a_log_of_an_earlier_version_is_read_and_goes_on(tmp_path, monkeypatch):
    bodies = [told(number) for number in range(6)]
    steps = [name for name in schema.STEPS if name < "004"]
    events = [new_event(str(number), body) for number, body in enumerate(bodies[:3])]
    older_log(tmp_path, monkeypatch, events, steps)
    with closing(open_reader(tmp_path)) as reader:
        # A reader that began before the listener brought the log up to date reads on behind it.
        assert [event.body for event in reader.read()] == bodies[:3]
        with closing(open_log(tmp_path)) as log:
            log.append([new_event(str(number), body) for number, body in enumerate(bodies)])
        assert [event.body for event in reader.read()] == bodies
        assert verify_chain(reader) is None
    assert [body.startswith(MAGIC) for body in kept(tmp_path)] == [False] * 3 + [True] * 3
    assert checked(tmp_path, "--log-only") == []


def test_a_copy_of_log_db_alone_reads_itself(tmp_path, monkeypatch):
    with closing(open_log(tmp_path / "data")) as log:
        log.append([new_event("a", told(1))])
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "data" / "log.db", tmp_path / "copy" / "log.db")
    monkeypatch.setattr(packing, "NUMBER", 40_000)
    monkeypatch.setattr(packing, "files", None)
    with closing(open_reader(tmp_path / "copy")) as reader:
        assert reader.event(1).body == told(1)


def test_the_dictionary_is_the_one_that_came_with_the_listener_whatever_was_received(tmp_path):
    data = keep(tmp_path / "data", folded=False)
    shipped = files("store.log").joinpath(f"dictionaries/{NUMBER}.zdict").read_bytes()
    assert zstandard.ZstdCompressionDict(shipped).dict_id() == NUMBER
    with closing(sqlite3.connect(data / "log.db")) as connection:
        assert connection.execute("SELECT id, content FROM dictionaries").fetchall() == [
            (NUMBER, shipped)
        ]


def test_a_redelivery_written_otherwise_is_known_by_its_unpacked_body(tmp_path):
    other = json.dumps(json.loads(told(1)), indent=2).encode()
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("a", told(1))])
        again = new_event("a", other, digest=hashlib.sha256(other).hexdigest())
        assert log.append([again])[0].duplicate


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("body = CAST(substr(body, 1, 12) AS BLOB)", id="cut off"),
        pytest.param(
            "body = CAST(substr(body, 1, 12) || x'00' || substr(body, 14) AS BLOB)", id="a byte"
        ),
        pytest.param("body = CAST(x'28b52ffd' AS BLOB)", id="its magic number alone"),
        pytest.param(
            "body = CAST(x'28b52ffdc0' || substr(body, 6) AS BLOB)", id="a size of terabytes"
        ),
    ],
)
def test_a_frame_that_was_altered_is_named_and_never_passed_on(tmp_path, change):
    data = keep(tmp_path / "data", folded=False)
    with closing(open_reader(data)) as reader:
        before = reader.event(7).body
    with tampered(data / "log.db") as connection:
        connection.execute(f"UPDATE log SET {change} WHERE position = 7")
    assert checked(data, "--log-only") == [("log.db", "events 7")]
    with closing(open_reader(data)) as reader:
        try:
            assert reader.event(7).body != before
        except LogUnavailable as error:
            assert "event 7" in str(error)  # noqa: PT017  either will do
