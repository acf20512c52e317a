"""erase: nothing of it is left in any file, and the chain still verifies."""

import json
import sqlite3
from contextlib import closing

import pytest

from store import open_log, open_reader, verify_chain
from store.keeping import naming
from store.log.sqlite import SqliteLog
from tests.keeping import (
    BETWEEN,
    NEW,
    OLD,
    checked,
    every_byte,
    fold_anew,
    folded_rows,
    listener,
    receiving,
    run,
)
from tests.new_events import new_event, refused

PARTY = "IND-4711"
# A name that no dictionary has, as it has the words of statuses.
PENDING = {"status": "pending", "name": "Zweitmeldung"}
SECRETS = [b"IND-4711", b"Zelda", b"Geheim", b"\\u00d6zg\\u00fcr", "Özgür".encode(), b"geheim"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def event(number: int, ticket: str, members: dict, **others):
    """An event whose ticket has these members."""
    at = f"2026-10-01T08:{number:02}:00.000Z"
    told = {"eventId": f"e{number}", "eventTime": at, "event": {"troubleTicket": {"id": ticket}}}
    told["event"]["troubleTicket"] |= members
    body = json.dumps(told, ensure_ascii=others.pop("ascii", False)).encode()
    return new_event(
        f"e{number}", body, ticket_id=ticket, resource_id=ticket, occurred_at=at, **others
    )


def party(**members):
    return {"relatedParty": [{"role": "reporter", "partyOrPartyRole": {"id": PARTY} | members}]}


@pytest.fixture
def data(tmp_path):
    """Two people, three tickets, refused bodies; the older half archived, all of it folded."""
    directory = tmp_path / "data"
    filler = {"description": "words " * 400}
    with closing(open_log(directory)) as log:
        log.append(
            [
                event(1, "T1", party(name="Zelda Geheim") | filler, received_at=OLD),
                event(2, "T1", PENDING | filler, received_at=OLD),
                event(3, "T2", {"note": [{"text": "rang zelda geheim back"}]}, received_at=OLD),
                event(4, "T2", {"status": "inProgress"} | filler, received_at=OLD),
                event(5, "T3", {"name": "kept", "status": "held"}, received_at=NEW),
                event(6, "T3", party(name="Özgür Geheim"), ascii=True, received_at=NEW),
                event(7, "T3", {"relatedParty": [{"id": "IND-4712", "name": "Kept Ann"}]}),
                event(8, "T1", {"note": [{"author": PARTY, "text": "called"}]}, received_at=NEW),
            ]
        )
        log.append([event(2, "T1", PENDING | filler)])
        log.quarantine(
            [
                refused(b'{"relatedParty": {"id": "IND-4711", '),
                refused(b'{"note": "of T1", "id": "T1", "status": 7}'),
                refused(b'{"id": "T3"}'),
            ]
        )
    listener(directory, "archive", "--before", BETWEEN)
    fold_anew(directory)
    return directory


def left(data, secrets) -> list[tuple[str, bytes]]:
    """Where any of this can still be read."""
    found = every_byte(data)
    return [(name, one) for name, content in found.items() for one in secrets if one in content]


def test_a_party_is_gone_from_every_file_and_everything_else_stays(data):
    places = {name for name, _ in left(data, SECRETS)}
    assert {"log.db", "log.db frames", "history.db", "000001.1.jsonl.gz unpacked"} <= places
    told = json.loads(listener(data, "erase", "--party", PARTY, "--yes", "--json"))
    assert told == {
        "events": [1, 3, 6, 8],
        "refusals": [1],
        "tickets": ["default/T1", "default/T2", "default/T3"],
    }
    assert left(data, SECRETS) == []
    assert left(data, [b"Kept Ann"]) != []
    assert checked(data) == []
    with closing(open_reader(data)) as reader:
        assert [one.position for one in reader.read() if not one.body] == [1, 3, 6, 8]
        assert verify_chain(reader) == 1  # it knows of no erasures
        assert [bool(one.body) for one in reader.quarantined()] == [False, True, True]


def test_the_search_index_forgets_the_words_too(data):
    secrets = {"4711", "zelda", "geheim"}
    assert secrets <= words_of_search(data)
    listener(data, "erase", "--party", PARTY, "--yes")
    assert not secrets & words_of_search(data)
    assert "4712" in words_of_search(data)
    # FTS5 stores a word without what it shares with the word before it.
    assert left(data, [b"elda", b"eheim"]) == []


def words_of_search(data) -> set[str]:
    with closing(sqlite3.connect(data / "history.db")) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, search, row)")
        return {word for (word,) in connection.execute("SELECT term FROM temp.words")}


def test_an_erased_event_stays_in_its_timeline_as_that(data):
    listener(data, "erase", "--party", PARTY, "--yes")
    told = json.loads(listener(data, "ticket", "T3", "--json"))
    assert [entry["kind"] for entry in told["timeline"]] == ["status", "erased", "status"]
    assert told["timeline"][1]["title"] == "erased"
    assert told["ticket"]["status"] == "held"


def test_a_ticket_is_gone_with_its_refusals_and_stands_as_a_tombstone(data):
    assert left(data, [b"Zweitmeldung"])
    told = json.loads(listener(data, "erase", "--ticket", "T1", "--yes", "--json"))
    assert told == {"events": [1, 2, 8], "refusals": [2], "tickets": ["default/T1"]}
    assert left(data, [b'"of T1"', b"Zweitmeldung"]) == []
    assert checked(data) == []
    ticket = json.loads(listener(data, "ticket", "T1", "--json"))
    assert {entry["kind"] for entry in ticket["timeline"]} == {"erased"}
    assert (ticket["ticket"]["is_open"], ticket["ticket"]["name"]) == (0, None)


def test_what_is_written_down_of_an_erasure_does_not_say_whose_it_was(data):
    listener(data, "erase", "--party", PARTY, "--yes", "--by", "the officer")
    with closing(sqlite3.connect(data / "log.db")) as connection:
        assert connection.execute("SELECT rule, erased_by FROM erasures").fetchall() == [
            ("party", "the officer")
        ]
        assert connection.execute("SELECT kind, number FROM erased").fetchall() == [
            *[("event", number) for number in (1, 3, 6, 8)],
            ("refusal", 1),
        ]


def test_an_erased_event_that_comes_again_is_known_and_brings_nothing_back(data):
    listener(data, "erase", "--party", PARTY, "--yes")
    with closing(open_log(data)) as log:
        told = event(1, "T1", party(name="Zelda Geheim") | {"description": "words " * 400})
        assert log.append([told])[0].duplicate
        assert log.event(1).body == b""


def test_erasing_again_finds_nothing_and_changes_nothing(data):
    listener(data, "erase", "--party", PARTY, "--yes")
    rows = folded_rows(data)
    told = json.loads(listener(data, "erase", "--party", PARTY, "--yes", "--json"))
    assert told == {"events": [], "refusals": [], "tickets": []}
    assert folded_rows(data) == rows


def test_what_a_killed_rebuild_check_or_archive_left_goes_too(data):
    (data / "history.db.rebuild").write_bytes(b"Zelda Geheim")
    (data / "check-abc").mkdir()
    (data / "check-abc" / "history.db").write_bytes(b"Zelda Geheim")
    (data / "archive" / "000009.1.jsonl.gz.partial").write_bytes(b"Zelda Geheim")
    listener(data, "erase", "--party", PARTY, "--yes")
    assert left(data, SECRETS) == []


@pytest.mark.parametrize("name", ["log.db", "history.db"])
def test_what_free_pages_still_have_goes_too(data, name):
    with closing(sqlite3.connect(data / name, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE gone AS SELECT ? AS text", ("Zelda Geheim " * 5_000,))
        connection.execute("DROP TABLE gone")
    found = every_byte(data)[name].count(b"Zelda Geheim")
    assert found > 1_000
    listener(data, "erase", "--party", PARTY, "--yes")
    assert left(data, SECRETS) == []


def test_a_dry_run_and_a_no_erase_nothing(data):
    before = every_byte(data)
    assert "4 events of 3 tickets" in listener(data, "erase", "--party", PARTY, "--dry-run")
    assert run(data, "erase", "--party", PARTY).exit_code == 1  # nobody said yes
    assert "4 events" in run(data, "erase", "--party", PARTY).output
    after = every_byte(data)
    assert {name: after[name] for name in ("log.db", "history.db")} == {
        name: before[name] for name in ("log.db", "history.db")
    }


def test_nothing_is_erased_while_a_listener_runs(data):
    with receiving(data):
        told = run(data, "erase", "--party", PARTY, "--yes")
        assert told.exit_code == 3
        assert "Nothing may write while something is erased" in told.stderr
    assert left(data, SECRETS) != []


def test_nothing_is_erased_while_another_command_writes(data):
    with closing(SqliteLog(data / "log.db", as_guest=True)):
        for command in (["erase", "--party", PARTY, "--yes"], ["archive", "--before", NEW]):
            told = run(data, *command)
            assert (told.exit_code, "Another command is at work" in told.stderr) == (3, True)


def test_a_ticket_that_several_sources_have_is_erased_of_one(data):
    with closing(open_log(data)) as log:
        log.append([event(9, "T1", {"name": "elsewhere"}, source="other")])
    assert "default/T1, other/T1" in listener(data, "erase", "--ticket", "T1", "--yes", code=1)
    told = listener(data, "erase", "--ticket", "T1", "--source", "other", "--yes", "--json")
    assert json.loads(told)["events"] == [9]


def test_a_source_keeps_what_another_told(data):
    told = listener(data, "erase", "--party", PARTY, "--source", "other", "--yes", "--json")
    assert json.loads(told)["events"] == []


def test_a_body_is_erased_only_where_that_is_written_down(data):
    with closing(sqlite3.connect(data / "log.db")) as connection:
        for change in (
            "UPDATE log SET body = x'' WHERE position = 8",
            "UPDATE quarantine SET body = x'' WHERE id = 1",
            "DELETE FROM erasures",
        ):
            if "DELETE" in change:
                connection.execute(
                    "INSERT INTO erasures (rule, erased_at, erased_by) VALUES ('party', '', '')"
                )
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"relatedParty": [{"id": "P1", "name": "Ann"}]}', {"Ann"}),
        (b'{"a": [{"relatedParty": {"partyOrPartyRole": {"id": "P1", "name": "Ann"}}}]}', {"Ann"}),
        (b'{"x": {"@type": "Individual", "id": "P1", "name": "Ann"}}', {"Ann"}),
        (b'{"x": {"@referredType": "Organization", "id": "P1"}}', set()),
        (b'{"note": [{"author": "P1"}]}', set()),
        (b'{"relatedParty": [{"id": "P2", "name": "Ann"}]}', None),
        (b'{"id": "P1"}', None),
        (b"no JSON P1", None),
    ],
)
def test_a_party_is_named_where_parties_stand(body, names):
    assert naming.names_of_party(body, "P1") == names


def test_names_are_found_as_words_in_any_case_and_escape():
    words = naming.words("P1", {"Jörg Groß", "Al"})
    for text in (
        '"rang Jörg GROSS."'.encode(),
        b'"J\\u00f6rg Gro\\u00df"',
        '{"JÖRG groß": 1'.encode(),
    ):
        assert naming.speaks_of(text, words), text
    assert not naming.speaks_of(b'"Al and J\xc3\xb6rg Gro\xc3\x9fmann, P1"', words)
    assert naming.speaks_of(b"x IND-4711 y", naming.words("IND-4711", ()))
