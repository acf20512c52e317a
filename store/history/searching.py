"""What search knows of tickets: a full-text index beside the tables of history.db.

Of each ticket: its ids, name, description, notes and parties as they are last told. The index
has no text of its own (an FTS5 table without content, sqlite.org/fts5.html#contentless_tables):
what was written is taken out again by telling the same text, which the rows still say. It is no
table of rows, so it is in no comparison of rows; a test compares its words instead.

Letters: "Müller" is found as müller, Mueller and Muller, "Straße" as strasse.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from unicodedata import combining, normalize

from store.history import rows
from store.history.fold import History

PARTS = ("ids", "name", "description", "notes", "parties")
WEIGHTS = (10.0, 5.0, 1.0, 1.0, 2.0)
"""How much a word counts in each part, when the best are to come first (bm25)."""

GATHERED = 500
"""Small trees that a rebuild leaves beside each other; FTS5 knows at most 2,000."""
LONGEST_QUERY = 20
"""Words of a query that are looked for; further ones are left out."""

_GERMAN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ẞ": "Ss"}
)
_WORD = re.compile(r"[^\W_]+")


class Document(NamedTuple):
    """What is to be found of one ticket, part by part; each with its lines in alphabetical order."""

    ids: str
    name: str
    description: str
    notes: str
    parties: str


Pair = tuple[History, History]
"""A ticket's rows before and after a fold."""


def create(connection: sqlite3.Connection) -> None:
    """Make the index, empty. Datasette hides it and what begins with its name."""
    connection.execute(
        f"CREATE VIRTUAL TABLE search USING fts5({', '.join(PARTS)}, content='', prefix='2 3')"
    )
    connection.execute(
        "INSERT INTO search (search, rank) VALUES ('rank', ?)",
        (f"bm25({', '.join(map(str, WEIGHTS))})",),
    )
    # The numbers of documents: those of rows in `tickets` change whenever one is replaced.
    connection.execute(
        "CREATE TABLE search_tickets (number INTEGER PRIMARY KEY, ticket TEXT NOT NULL UNIQUE)"
    )


def update(connection: sqlite3.Connection, pairs: Iterable[Pair]) -> None:
    """Write what these tickets' texts became, where they changed; in the caller's transaction."""
    for before, after in pairs:
        if _same(before, after):
            continue
        was, will_be = document(before), document(after)
        if was == will_be:
            continue
        ticket = str((*before.tickets, *after.tickets)[0][_TICKET])
        if was is not None:
            connection.execute(_DELETE, (_number(connection, ticket), *was))
        if will_be is not None:
            connection.execute(_INSERT, (_number(connection, ticket), *will_be))
        else:
            connection.execute("DELETE FROM search_tickets WHERE ticket = ?", (ticket,))


def document(history: History) -> Document | None:
    """What is to be found of a ticket; None where there is no ticket."""
    if not history.tickets:
        return None
    (ticket,) = history.tickets
    return _made(
        _TEXT(ticket),
        [_NOTE(one) for one in history.notes],
        [_PARTY(one) for one in history.parties],
        [_EXTERNAL(one) for one in history.external_ids],
    )


def add(connection: sqlite3.Connection, documents: Sequence[tuple[str, Document]]) -> None:
    """Index tickets that are not in the index yet; in the caller's transaction."""
    select = "SELECT coalesce(max(number), 0) + 1 FROM search_tickets"
    first: int = connection.execute(select).fetchone()[0]
    connection.executemany(
        "INSERT INTO search_tickets (number, ticket) VALUES (?, ?)",
        [(number, ticket) for number, (ticket, _) in enumerate(documents, first)],
    )
    connection.executemany(
        _INSERT, [(number, *told) for number, (_, told) in enumerate(documents, first)]
    )


def gather(connection: sqlite3.Connection) -> None:
    """Before very many are added: leave the small trees that each transaction makes for `tidy`.

    FTS5 would merge them again and again meanwhile (sqlite.org/fts5.html#the_automerge_configuration_option).
    """
    _merge_by(connection, automerge=0, crisismerge=GATHERED)


def tidy(connection: sqlite3.Connection) -> None:
    """Make one tree of the many small ones that adding leaves: a search then reads less."""
    connection.execute("INSERT INTO search (search) VALUES ('optimize')")
    _merge_by(connection, automerge=4, crisismerge=16)  # FTS5's own figures


def _merge_by(connection: sqlite3.Connection, **trees: int) -> None:
    connection.executemany("INSERT INTO search (search, rank) VALUES (?, ?)", trees.items())


def match(text: str) -> str | None:
    """What to ask FTS5 for: every word of the text, as the beginning of one. None: no word in it.

    Nothing in the text is syntax: each word is a string of letters and digits in quotes.
    """
    phrases = [_words(word) for word in text.split()[:LONGEST_QUERY]]
    return " ".join(f'"{" ".join(phrase)}"*' for phrase in phrases if phrase) or None


def beginnings(text: str) -> tuple[str, ...]:
    """The words that `match` looks for, in plain letters."""
    return tuple(found for word in text.split()[:LONGEST_QUERY] for found in _words(word))


def spellings(word: str) -> tuple[str, str]:
    """A word in plain letters: as Germans write it without umlauts, and with the dots left out."""
    word = normalize("NFC", word)
    return _plain(word.translate(_GERMAN)).lower(), _plain(word).replace("ß", "ss").lower()


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(normalize("NFC", text).translate(_GERMAN)).lower())


def _plain(text: str) -> str:
    if text.isascii():
        return text
    return "".join(letter for letter in normalize("NFKD", text) if not combining(letter))


def _indexed(text: str) -> str:
    """A text in plain letters, and its words with umlauts once more with the dots left out."""
    if text.isascii():
        return text
    words: list[str] = []
    again: list[str] = []
    for word in normalize("NFC", text).split():
        if word.isascii():
            words.append(word)
        else:
            german, dotless = _both(word)
            words.append(german)
            if dotless is not None:
                again.append(dotless)
    return " ".join(words + again)


@lru_cache(maxsize=4_096)  # few words of a text have umlauts, and the same ones in many
def _both(word: str) -> tuple[str, str | None]:
    """A word in plain letters, and with the dots left out where that is another."""
    german = word.translate(_GERMAN)
    return _plain(german), None if german == word else _plain(word)


_TICKET = rows.Ticket._fields.index("ticket")
_TEXT = itemgetter(
    *(rows.Ticket._fields.index(name) for name in ("id", "external_id", "name", "description"))
)
_NOTE = itemgetter(*(rows.Note._fields.index(name) for name in ("author", "text")))
_PARTY = itemgetter(*(rows.Party._fields.index(name) for name in ("role", "id", "name")))
_EXTERNAL = itemgetter(rows.ExternalId._fields.index("id"))


def _same(before: History, after: History) -> bool:
    return (
        len(before.tickets) == len(after.tickets)
        and before.notes == after.notes
        and before.parties == after.parties
        and before.external_ids == after.external_ids
        and [_TEXT(one) for one in before.tickets] == [_TEXT(one) for one in after.tickets]
    )


def _made(
    ticket: Sequence[str | None],
    notes: Sequence[Sequence[str | None]],
    parties: Sequence[Sequence[str | None]],
    external_ids: Sequence[str | None],
) -> Document:
    number, external_id, name, description = ticket
    authors = [author for author, _ in notes]
    return Document(
        _lines([number, external_id, *external_ids]),
        _lines([name]),
        _lines([description]),
        _lines([text for _, text in notes]),
        _lines([*(told for party in parties for told in party), *authors]),
    )


def _lines(texts: Iterable[str | None]) -> str:
    """Each text once, in an order that no arrival changes."""
    return _indexed("\n".join(sorted({text for text in texts if text})))


def _number(connection: sqlite3.Connection, ticket: str) -> int:
    select = "SELECT number FROM search_tickets WHERE ticket = ?"
    found = connection.execute(select, (ticket,)).fetchone()
    if found:
        return found[0]
    insert = "INSERT INTO search_tickets (ticket) VALUES (?) RETURNING number"
    return connection.execute(insert, (ticket,)).fetchone()[0]


_COLUMNS = f"rowid, {', '.join(PARTS)}"
_INSERT = f"INSERT INTO search ({_COLUMNS}) VALUES (?{', ?' * len(PARTS)})"
_DELETE = f"INSERT INTO search (search, {_COLUMNS}) VALUES ('delete', ?{', ?' * len(PARTS)})"
