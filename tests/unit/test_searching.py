"""What search knows: the same words however they came, umlauts either way, no syntax from outside."""

import functools
import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import MemoryLog, open_reader
from store.history import searching
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from tests.logs import copy, fold, provider_log
from tests.new_events import new_event

DAY = "2026-10-01T08:"


def told(number: int, ticket: str = "T1", **members) -> object:
    """An event whose ticket has these members."""
    at = f"{DAY}{number:02}:00.000Z"
    body = {"eventId": f"e{number}", "eventTime": at, "event": {"troubleTicket": {"id": ticket}}}
    body["event"]["troubleTicket"] |= members
    return new_event(
        f"e{number}",
        json.dumps(body).encode(),
        ticket_id=ticket,
        resource_id=ticket,
        occurred_at=at,
    )


def folded(*events, batch: int = 1_000) -> sqlite3.Connection:
    log = MemoryLog()
    log.append(list(events))
    return fold(log, batch)


def found(connection: sqlite3.Connection, text: str) -> list[str]:
    asked = searching.match(text)
    select = (
        "SELECT ticket FROM search JOIN search_tickets ON number = search.rowid "
        "WHERE search MATCH ? ORDER BY rank, ticket"
    )
    return [ticket for (ticket,) in connection.execute(select, (asked,))] if asked else []


def words(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Every word of the index, with its part and ticket."""
    connection.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab(main, search, instance)"
    )
    select = (
        "SELECT term, col, ticket FROM temp.words LEFT JOIN search_tickets ON number = doc "
        "ORDER BY 1, 2, 3"
    )
    return connection.execute(select).fetchall()


def test_following_event_by_event_and_a_rebuild_know_the_same_words(tmp_path):
    log = provider_log()
    whole = words(fold(log))
    assert len({ticket for _, _, ticket in whole}) > 20
    assert words(fold(log, 1)) == words(fold(log, 7)) == whole
    copy(log, tmp_path).close()
    path = tmp_path / "history.db"
    rebuild(path, functools.partial(open_reader, tmp_path), RuleBook(), lambda *_: None)
    with closing(sqlite3.connect(path)) as connection:
        assert words(connection) == whole


@pytest.mark.parametrize(
    ("told_as", "asked"),
    [
        ("Müller", "Mueller"),
        ("Mueller", "Müller"),
        ("Müller", "müller"),
        ("Müller", "MULLER"),
        ("Mu\u0308ller", "Mueller"),
        ("Weiß", "weiss"),
        ("Weiss", "weiß"),
        ("Größe", "groesse"),
        ("GROẞ", "gross"),
        ("Wójcik", "wojcik"),
        ("Wojcik", "Wójcik"),
        ("Übermuth", "über"),
    ],
)
def test_a_name_is_found_however_its_letters_are_written(told_as, asked):
    assert found(folded(told(1, name=told_as)), asked) == ["default/T1"]


def test_what_a_ticket_no_longer_says_is_not_found():
    connection = folded(
        told(1, name="Ausfall", description="alt"), told(2, description="neu"), batch=1
    )
    assert found(connection, "neu") == ["default/T1"]
    assert found(connection, "alt") == []
    assert found(connection, "ausfall neu") == ["default/T1"]


def test_ids_come_before_names_and_names_before_texts():
    connection = folded(
        told(1, "T1", description="4711 was mentioned"),
        told(2, "T2", name="4711 was mentioned"),
        told(3, "4711", name="unlike the others"),
    )
    assert found(connection, "4711") == ["default/4711", "default/T2", "default/T1"]


def test_notes_parties_and_other_systems_ids_lead_to_the_ticket():
    connection = folded(
        told(
            1,
            note=[{"id": "1", "author": "Zelda", "text": "Portkarte getauscht"}],
            relatedParty=[
                {"role": "reporter", "partyOrPartyRole": {"id": "IND-9", "name": "Özgür"}}
            ],
            externalIdentifier=[{"id": "INC-77.5", "owner": "CRM"}],
        ),
        told(2, "T2", name="another"),
    )
    for asked in ("portk", "zelda", "ozgur", "Oezgür", "IND-9", "reporter", "INC-77.5", "77.5"):
        assert found(connection, asked) == ["default/T1"], asked


@given(st.text())
def test_no_text_is_syntax(text):
    asked = searching.match(text)
    if asked is not None:
        _EMPTY.execute("SELECT rowid FROM search WHERE search MATCH ? ORDER BY rank", (asked,))


@pytest.mark.parametrize(
    "text",
    [
        *('"', "*", "-", "'", "NEAR(a b)", "a AND", "OR", "NOT a", "ids:4711", "{ids name}: a"),
        *("^a", '"a" + "b"', "a*b*", "\u202eevil", "\x00", "a\x00b", "(", "%", "<script>"),
    ],
)
def test_what_fts5_takes_for_syntax_is_only_words(text):
    asked = searching.match(text)
    assert asked is None or _EMPTY.execute(
        "SELECT count(*) FROM search WHERE search MATCH ?", (asked,)
    ).fetchone() == (0,)


_EMPTY = sqlite3.connect(":memory:")
searching.create(_EMPTY)
