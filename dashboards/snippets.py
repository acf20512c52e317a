"""Where a ticket says what was looked for: the first text that has it, cut to a few words, marked.

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


def snippet(texts: Iterable[tuple[str, str | None]], beginnings: Sequence[str]) -> Snippet | None:
    """Of (kind of text, text), the one in which most of these words begin; None when none does.

    `beginnings` are words in plain letters, as `searching.beginnings` gives them.
    """
    best: tuple[int, Snippet] | None = None
    for where, text in texts:
        if not text:
            continue
        found = _marked(text[:LONGEST], beginnings)
        if found is None:
            continue
        different, pieces = found
        if best is None or different > best[0]:
            best = different, Snippet(where, pieces)
        if different == len(set(beginnings)):
            break
    return best[1] if best else None


def within(name: str, text: str) -> Snippet:
    """A name that has the text somewhere, whatever the case of its letters."""
    at = name.lower().find(text.lower())
    if at < 0:
        return Snippet("name", (Piece(name, marked=False),))
    end = at + len(text)
    cut = (Piece(name[:at], marked=False), Piece(name[at:end], marked=True))
    return Snippet(
        "name", tuple(one for one in (*cut, Piece(name[end:], marked=False)) if one.text)
    )


def _marked(text: str, beginnings: Sequence[str]) -> tuple[int, tuple[Piece, ...]] | None:
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
    told = set().union(*(hits[number] for number in shown))
    return len(told), tuple(piece for piece in pieces if piece.text)
