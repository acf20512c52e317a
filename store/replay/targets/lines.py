"""NDJSON to stdout or into a file: one event a line, its body as received.

A file is added to. A last line that was cut off by a crash is removed; when a job goes on, what stands
at the file's end already is not written again.
"""

import fcntl
import mmap
import os
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from store.log.protocol import LogError
from store.replay.selection import Row
from store.replay.targets.protocol import Unwritable

_POSITION = re.compile(rb'\{"position":(\d+),')


class FileInUse(LogError):
    """Another job writes to this file."""

    hint = "Wait until it is done, or name another path."


class Lines:
    """A Stream of NDJSON."""

    def __init__(self, file: BinaryIO, *, is_file: bool = False) -> None:
        self._file = file
        self._is_file = is_file

    def tail(self, most: int) -> list[int]:
        return _positions(self._file, most) if self._is_file else []

    def write(self, page: Sequence[Row]) -> None:
        with _told():
            self._file.write(b"".join(map(line_of_row, page)))

    def sync(self) -> None:
        with _told():
            self._file.flush()
            if self._is_file:
                os.fdatasync(self._file.fileno())

    def close(self) -> None:
        if self._is_file:
            self._file.close()
            return
        try:
            self._file.flush()
        except OSError:
            # Whoever read is gone; Python would try once more at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())


def to_stdout() -> Lines:
    """Lines to whoever reads our output."""
    return Lines(sys.stdout.buffer)


def to_file(path: Path) -> Lines:
    """Lines at the end of this file, made where it is missing. Raises FileInUse, OSError."""
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _mend(file)
        return Lines(file, is_file=True)
    except BlockingIOError:
        file.close()
        raise FileInUse(f"{path} is being written by another job.") from None
    except BaseException:
        file.close()
        raise


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Unwritable(error.strerror or type(error).__name__) from error


def line_of_row(row: Row) -> bytes:
    """An event as a line. `event` is the body: its very bytes, but that line breaks between its
    members become spaces; null when it was erased.
    """
    body: bytes = row[16]
    for line_break in (b"\n", b"\r"):
        if line_break in body:
            body = body.replace(line_break, b" ")
    told = {
        "position": row[0],
        "source": row[1],
        "event_type": row[2],
        "event_id": row[3],
        "resource_type": row[4],
        "resource_id": row[5],
        "ticket_id": row[6],
        "occurred_at": row[7],
        "event_time": row[8],
        "received_at": row[9],
        "conflict_of": row[14],
        "digest": row[13].hex(),
        "event": msgspec.Raw(body or b"null"),
    }
    return msgspec.json.encode(told) + b"\n"


def _mend(file: BinaryIO) -> None:
    """Cut off a last line that has no end."""
    end = file.seek(0, os.SEEK_END)
    if end:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            whole = content.rfind(b"\n") + 1
        if whole < end:
            file.truncate(whole)


def _positions(file: BinaryIO, most: int) -> list[int]:
    """Positions in the last lines, up to so many; up to the last that is no line of ours."""
    found: list[int] = []
    end = file.seek(0, os.SEEK_END)
    if not end:
        return found
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while end and len(found) < most:
            start = content.rfind(b"\n", 0, end - 1) + 1
            line = _POSITION.match(content, start, end)
            if line is None:
                break
            found.append(int(line[1]))
            end = start
    return found[::-1]
