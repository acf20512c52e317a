"""Where a ticket says what was looked for: the texts that have it, cut to a few words, marked.

Only text and whether it is marked leave here; the template escapes it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from store.history.searching import spellings

_WORD = re.compile(r"[^\W_]+")
BEFORE, AFTER = 5, 18
"""Words shown before the first that was found, and from it on."""
MOST = 3
"""Texts shown of one ticket."""
LONGEST = 20_000
"""Characters of a text that are looked through."""


class Piece(NamedTuple):
    """A piece of a text, and whether it was looked for."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Snippet:
    """What kind of text it is, and its pieces in order."""

    where: str
    pieces: tuple[Piece, ...]


def snippets(
    texts: Iterable[tuple[str, str | None]], beginnings: Sequence[str], shown: str | None
) -> tuple[tuple[Piece, ...], tuple[Snippet, ...]]:
    """What is shown anyway (a name), marked, and of (kind of text, text) those in which further
    words begin: the fewest, at most MOST.

    `beginnings` are words in plain letters, as `searching.beginnings` gives them.
    """
    missing = set(beginnings)
    name = _marked(shown or "", beginnings)
    missing -= name[0] if name else set()
    found: list[Snippet] = []
    for where, text in texts:
        cut = _marked((text or "")[:LONGEST], beginnings) if missing else None
        if cut is not None and cut[0] & missing:
            found.append(Snippet(where, cut[1]))
            missing -= cut[0]
            if len(found) == MOST:
                break
    return name[1] if name else (Piece(shown or "", marked=False),), tuple(found)


def within(name: str, text: str) -> tuple[Piece, ...]:
    """A name that has the text somewhere, whatever the case of its letters."""
    at = name.lower().find(text.lower())
    if at < 0:
        return (Piece(name, marked=False),)
    end = at + len(text)
    cut = (Piece(name[:at], marked=False), Piece(name[at:end], marked=True))
    return (*cut, Piece(name[end:], marked=False))


def _marked(text: str, beginnings: Sequence[str]) -> tuple[set[str], tuple[Piece, ...]] | None:
    """The words that begin here, and the text round the first of them; None where none does."""
    words = list(_WORD.finditer(text))
    hits: dict[int, set[str]] = {}
    for number, word in enumerate(words):
        ways = spellings(word[0])
        begun = {one for one in beginnings if any(way.startswith(one) for way in ways)}
        if begun:
            hits[number] = begun
    if not hits:
        return None
    first, last = max(min(hits) - BEFORE, 0), min(min(hits) + AFTER, len(words) - 1)
    shown = [number for number in sorted(hits) if first <= number <= last]
    pieces: list[Piece] = [Piece("… ", marked=False)] if first else []
    at = words[first].start() if first else 0
    for number in shown:
        pieces.append(Piece(text[at : words[number].start()], marked=False))
        pieces.append(Piece(words[number][0], marked=True))
        at = words[number].end()
    end = words[last].end() if last < len(words) - 1 else len(text)
    pieces.append(Piece(text[at:end], marked=False))
    if end < len(text):
        pieces.append(Piece(" …", marked=False))
    told = set[str]().union(*(hits[number] for number in shown))
    return told, tuple(piece for piece in pieces if piece.text)
