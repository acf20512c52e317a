"""Segments: bodies that were moved out of log.db into the archive beside it, read back.

    archive/000001.1.jsonl.gz   one JSON object a line, one event each; `zcat` reads it
    archive/000001.1.json       first and last position, the chain's ends, digest, where frames are

The rows stay in log.db; only their bodies are read from here. A file is many gzip members (frames)
of a few events each, so that one event costs no more than its frame.
"""

import base64
import json
import sqlite3
import zlib
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.events import RecordedEvent
from store.log.protocol import LogUnavailable

ARCHIVE = "archive"
"""The archive's name in a data directory."""
FRAMES_KEPT = 64
"""Frames of read bodies kept in memory, some 100 KB each."""

_NEWEST = """
SELECT segment, max(version), first_position, last_position, hex(digest)
FROM segments GROUP BY segment ORDER BY segment
"""
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the archive, as log.db knows it."""

    number: int
    version: int
    first: int
    last: int
    digest: str
    """SHA-256 of the file, hex."""

    @property
    def file(self) -> str:
        """The name of its events' file."""
        return f"{self.number:06}.{self.version}.jsonl.gz"

    @property
    def manifest(self) -> str:
        """The name of the file that describes it."""
        return f"{self.number:06}.{self.version}.json"


def segments(connection: sqlite3.Connection) -> list[Segment]:
    """The newest version of every segment, in the order of positions."""
    return [
        Segment(number, version, first, last, digest.lower())
        for number, version, first, last, digest in connection.execute(_NEWEST)
    ]


def line_of(event: RecordedEvent) -> bytes:
    """An event as a line of a segment: everything that its seal covers, and its body."""
    told: dict[str, Any] = {
        "position": event.position,
        "source": event.source,
        "event_type": event.event_type,
        "event_id": event.event_id,
        "resource_type": event.resource_type,
        "resource_id": event.resource_id,
        "ticket_id": event.ticket_id,
        "occurred_at": event.occurred_at,
        "event_time": event.event_time,
        "received_at": event.received_at,
        "path": event.path,
        "headers": event.headers,
        "drift": event.drift,
        "digest": event.digest,
        "conflict_of": event.conflict_of,
        "chain": event.chain,
    }
    try:
        told["body"] = event.body.decode() if event.body else None
    except UnicodeDecodeError:
        told["body_base64"] = base64.b64encode(event.body).decode()
    return _JSON.encode(told).encode() + b"\n"


def body_of(line: bytes) -> tuple[int, bytes]:
    """Position and body of a line; the body of an erased event is empty."""
    told = json.loads(line)
    if "body_base64" in told:
        return told["position"], base64.b64decode(told["body_base64"])
    return told["position"], (told["body"] or "").encode()


class Archive:
    """The bodies of one log's archived events. From any thread, one thread at a time."""

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self.directory = directory
        self._connection = connection
        self._segments: list[Segment] = []
        self._frames: dict[str, list[list[int]]] = {}
        self._read: OrderedDict[tuple[str, int], dict[int, bytes]] = OrderedDict()

    def body(self, position: int) -> bytes | None:
        """An event's body; empty when it was erased, None when no segment has the event.

        Raises LogUnavailable when the archive's file cannot be read.
        """
        segment = self._of(position)
        if segment is None:
            return None
        try:
            return self._body(segment, position)
        except FileNotFoundError:
            # An erasure may just have written another version of it.
            self._segments = segments(self._connection)
            segment = self._of(position) or segment
        except (OSError, ValueError, KeyError, zlib.error) as error:
            raise _damaged(segment, position, error) from error
        try:
            return self._body(segment, position)
        except (OSError, ValueError, KeyError, zlib.error) as error:
            raise _damaged(segment, position, error) from error

    def _of(self, position: int) -> Segment | None:
        found = self._find(position)
        if found is None:
            self._segments = segments(self._connection)
            found = self._find(position)
        return found

    def _find(self, position: int) -> Segment | None:
        place = bisect_right(self._segments, position, key=lambda one: one.first) - 1
        if place < 0 or self._segments[place].last < position:
            return None
        return self._segments[place]

    def _body(self, segment: Segment, position: int) -> bytes:
        frames = self._frames.get(segment.manifest)
        if frames is None:
            manifest = json.loads((self.directory / segment.manifest).read_bytes())
            frames = self._frames[segment.manifest] = manifest["frames"]
        place = bisect_right(frames, position, key=lambda one: one[0]) - 1
        key = (segment.file, place)
        bodies = self._read.pop(key, None)
        if bodies is None:
            bodies = self._frame(segment, *frames[place][1:])
        self._read[key] = bodies
        while len(self._read) > FRAMES_KEPT:
            self._read.popitem(last=False)
        return bodies[position]

    def _frame(self, segment: Segment, offset: int, length: int) -> dict[int, bytes]:
        with (self.directory / segment.file).open("rb") as file:
            file.seek(offset)
            packed = file.read(length)
        lines = zlib.decompress(packed, wbits=31).splitlines(keepends=True)
        return dict(body_of(line) for line in lines)


def _damaged(segment: Segment, position: int, error: Exception) -> LogUnavailable:
    why = error.strerror if isinstance(error, OSError) else error or type(error).__name__
    return LogUnavailable(
        f"The body of event {position} cannot be read from {ARCHIVE}/{segment.file}: {why}."
    )
