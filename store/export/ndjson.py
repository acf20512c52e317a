"""NDJSON: the log's events, one JSON object a line, bodies passed through as they came.

The same lines as GET /events answers. Pages hold no transaction: the log grows meanwhile, and the
export ends where the log ended when it began.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO

from store.export.chosen import Chosen
from store.log.lines import LineReader
from store.log.sqlite import LOG_FILE
from store.replay.selection import Selection
from store.turns import in_turns, processors

PAGE_EVENTS = 250
PAGE_BYTES = 4_194_304
SPREAD_EVENTS = 100
"""Events that one process writes at a time, where several do."""
SPREAD_FROM = 20_000
"""Events from which on starting processes takes less than it saves."""

Reached = Callable[[int, int], None]
"""Told how many positions of how many are done."""


def export(directory: Path, selection: Selection, out: IO[bytes], reached: Reached) -> int:
    """Write every selected event; how many. Raises as Selected, and OSError, WorkerLost."""
    count = 0
    with (
        closing(Chosen(directory, selection)) as chosen,
        closing(LineReader(directory / LOG_FILE)) as reader,
    ):
        after, end = chosen.range()
        file = _file_of(out)
        if file and chosen.is_range and end - after >= SPREAD_FROM:
            out.flush()
            told = _spread(directory, reader, file, after, end)
        else:
            told = _written(out, _pages(chosen, reader, after, end))
        for at, events in told:
            count += events
            reached(at - after, max(end - after, 0))
        if file:
            # Others have added to it: what is written next goes behind that.
            out.seek(0, os.SEEK_END)
    return count


def _file_of(out: IO[bytes]) -> Path | None:
    """The file that a stream writes to, redirected output too, where others can add to it."""
    try:
        number = out.fileno()
        here = os.fstat(number)
        path = Path(f"/proc/self/fd/{number}").resolve()
        is_it = stat.S_ISREG(here.st_mode) and os.path.samestat(path.stat(), here)
    except OSError:
        return None
    return path if is_it else None


def _written(out: IO[bytes], pages: Iterator[tuple[int, list[bytes]]]) -> Iterator[tuple[int, int]]:
    for at, lines in pages:
        # One piece: writing line by line costs more than all the rest.
        out.write(b"".join(lines))
        yield at, len(lines)


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


def _spread(
    directory: Path, reader: LineReader, file: Path, after: int, end: int
) -> Iterator[tuple[int, int]]:
    """All of a range, by as many processes as there are processors: each adds to the file in turn."""
    jobs = [(at, min(at + SPREAD_EVENTS, end)) for at in range(after, end, SPREAD_EVENTS)]
    done = in_turns(jobs, partial(_Adding, directory / LOG_FILE, file), processors())
    for (_, until), (at, events) in zip(jobs, done, strict=True):
        yield at, events
        # Of very large bodies a process adds only a page; nobody writes until the next turn.
        if at < until:
            with file.open("ab") as rest:
                pages = reader.lines(at, until, events=PAGE_EVENTS, size=PAGE_BYTES)
                yield from _written(rest, pages)


class _Adding:
    """Reads some events, makes lines of them, and adds them to a file."""

    def __init__(self, log: Path, file: Path) -> None:
        self._reader = LineReader(log)
        self._file = file.open("ab")

    def prepare(self, job: tuple[int, int]) -> tuple[int, int, bytes]:
        after, until = job
        pages = self._reader.lines(after, until, events=SPREAD_EVENTS, size=PAGE_BYTES)
        at, lines = next(pages)
        return at, len(lines), b"".join(lines)

    def write(self, prepared: tuple[int, int, bytes]) -> tuple[int, int]:
        at, events, text = prepared
        self._file.write(text)
        self._file.flush()
        return at, events

    def close(self) -> None:
        self._file.close()
        self._reader.close()
