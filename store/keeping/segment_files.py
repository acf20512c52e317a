"""Writing a segment: the archive's file of events in a row, and the manifest that describes it."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from store.events import RecordedEvent
from store.keeping import files
from store.log.protocol import LogUnavailable
from store.log.segments import Segment, line_of

FRAME_EVENTS = 32
"""Events of one gzip member: more compress better, fewer are read faster one by one."""


class SegmentFile(NamedTuple):
    """A segment's file as it was written."""

    first: int
    last: int
    size: int
    digest: str
    """SHA-256, hex."""


class _Frame(NamedTuple):
    first: int
    offset: int
    length: int


def write_segment(
    archive: Path, number: int, version: int, events: Iterable[RecordedEvent]
) -> SegmentFile:
    """Write events (at least one, in a row) as a segment; both files are on disk, and were read back.

    Raises LogUnavailable when what is read back is not what was written, OSError.
    """
    files.make_directory(archive)
    name = Segment(number, version, 0, 0, "")
    partial = archive / f"{name.file}.partial"
    written = _Written()
    with partial.open("wb") as file:
        for frame in _frames(events, written):
            file.write(frame)
        file.flush()
        os.fsync(file.fileno())
    _read_back(partial, written)
    made = SegmentFile(written.first, written.last, written.offset, written.digest.hexdigest())
    files.write(archive / name.manifest, _manifest(number, version, made, written))
    files.put(partial, archive / name.file)
    return made


class _Written:
    """What was written so far."""

    def __init__(self) -> None:
        self.frames: list[_Frame] = []
        self.digest = hashlib.sha256()
        self.lines = hashlib.sha256()
        self.offset = 0
        self.first = 0
        self.last = 0
        self.chain = ""


def _frames(events: Iterable[RecordedEvent], written: _Written) -> Iterator[bytes]:
    waiting = iter(events)
    while some := list(islice(waiting, FRAME_EVENTS)):
        lines = b"".join(line_of(event) for event in some)
        frame = gzip.compress(lines, mtime=0)
        written.frames.append(_Frame(some[0].position, written.offset, len(frame)))
        written.digest.update(frame)
        written.lines.update(lines)
        written.offset += len(frame)
        written.first = written.first or some[0].position
        written.last = some[-1].position
        written.chain = some[-1].chain
        yield frame


def _read_back(path: Path, written: _Written) -> None:
    lines = hashlib.sha256()
    with gzip.open(path) as file:
        while part := file.read(1_048_576):
            lines.update(part)
    if lines.digest() != written.lines.digest():
        raise LogUnavailable(f"{path} does not read as it was written.")


def _manifest(number: int, version: int, made: SegmentFile, written: _Written) -> bytes:
    told = {
        "segment": number,
        "version": version,
        "first_position": made.first,
        "last_position": made.last,
        "chain": written.chain,
        "sha256": made.digest,
        "frames": written.frames,
    }
    return json.dumps(told).encode()
