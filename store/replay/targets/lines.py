"""NDJSON to stdout or into a file: one event a line, its body as received.

A file is added to. When a job goes on after a crash, a line that was cut off is removed, and what
stands behind the job's checkpoint already is not written again.
"""

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from store.log.protocol import LogError
from store.replay.selection import Row

_TAIL_BYTES = 65_536


class FileInUse(LogError):
    """Another job writes to this file."""

    hint = "Wait until it is done, or name another path."


class Lines:
    """A Stream of NDJSON."""

    def __init__(self, file: BinaryIO, *, last: int = 0, is_file: bool = False) -> None:
        self._file = file
        self._last = last
        self._is_file = is_file

    def last(self) -> int:
        return self._last

    def write(self, page: Sequence[Row]) -> None:
        self._file.write(b"".join(map(line_of_row, page)))

    def sync(self) -> None:
        self._file.flush()
        if self._is_file:
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        if self._file is not sys.stdout.buffer:
            self._file.close()


def to_stdout() -> Lines:
    """Lines to whoever reads our output."""
    return Lines(sys.stdout.buffer)


def to_file(path: Path) -> Lines:
    """Lines at the end of this file, made where it is missing. Raises FileInUse, OSError."""
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return Lines(file, last=_mend(file), is_file=True)
    except BlockingIOError:
        file.close()
        raise FileInUse(f"{path} is being written by another job.") from None
    except BaseException:
        file.close()
        raise


def line_of_row(row: Row) -> bytes:
    """An event as a line. `event` is the body: its very bytes, but that line breaks between its
    members become spaces; null when it was erased.
    """
    body: bytes = row[16]
    if b"\n" in body or b"\r" in body:
        body = body.replace(b"\n", b" ").replace(b"\r", b" ")
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
        "event": orjson.Fragment(body or b"null"),
    }
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _mend(file: BinaryIO) -> int:
    """Cut off a last line that has no end; the position in the line before it."""
    end = file.seek(0, os.SEEK_END)
    tail = b""
    start = end
    # The last whole line may be as long as a body, so look back until it is all there.
    while start > 0 and tail[:-1].count(b"\n") <= 1:
        start = max(0, start - _TAIL_BYTES)
        file.seek(start)
        tail = file.read(end - start)
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        file.truncate(start + whole)
    lines = tail[:whole].splitlines()
    try:
        position = orjson.loads(lines[-1])["position"] if lines else 0
    except (ValueError, KeyError, TypeError):
        return 0
    return position if isinstance(position, int) else 0
