"""NDJSON: the log's events, one JSON object a line, bodies passed through as they came.

The same lines as GET /events answers. Pages hold no transaction: the log grows meanwhile, and the
export ends where the log ended when it began.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

from store.export.chosen import Chosen
from store.log.lines import LineReader
from store.log.sqlite import LOG_FILE
from store.replay.selection import Selection

PAGE_EVENTS = 250
PAGE_BYTES = 4_194_304

Reached = Callable[[int, int], None]
"""Told how many positions of how many are done."""


def export(directory: Path, selection: Selection, out: IO[bytes], reached: Reached) -> int:
    """Write every selected event; how many. Raises as Selected, and OSError."""
    count = 0
    with (
        closing(Chosen(directory, selection)) as chosen,
        closing(LineReader(directory / LOG_FILE)) as reader,
    ):
        after, end = chosen.range()
        for at, lines in _pages(chosen, reader, after, end):
            # One piece: writing line by line costs more than all the rest.
            out.write(b"".join(lines))
            count += len(lines)
            reached(at - after, max(end - after, 0))
    return count


def _pages(
    chosen: Chosen, reader: LineReader, after: int, end: int
) -> Iterator[tuple[int, list[bytes]]]:
    if chosen.is_range:
        yield from reader.lines(after, end, events=PAGE_EVENTS, size=PAGE_BYTES)
        return
    for at, positions in chosen.positions(end):
        left = positions
        while left:
            lines = reader.lines_at(left[:PAGE_EVENTS], size=PAGE_BYTES)
            left = left[len(lines) :]
            yield at, lines
