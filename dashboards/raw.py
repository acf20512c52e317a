"""Notifications as received: the very bytes, from log.db beside history.db.

Datasette never opens log.db; the pages ask the store's front, read only, in a thread of its own.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import store
from store.events import Quarantined, RecordedEvent

Answer = TypeVar("Answer")


class LogUnreachable(Exception):
    """The notifications as received cannot be read: log.db is not beside history.db."""


async def events(directory: Path, positions: Sequence[int]) -> dict[int, RecordedEvent]:
    """Those events that exist, by position. Raises LogUnreachable."""

    def read(reader: store.LogReader) -> dict[int, RecordedEvent]:
        return {event.position: event for event in reader.events(positions)}

    return await asyncio.to_thread(_ask, directory, read)


async def refused(directory: Path, number: int) -> Quarantined | None:
    """An entry of the quarantine, with its bytes. Raises LogUnreachable."""
    return await asyncio.to_thread(_ask, directory, lambda reader: reader.quarantine_entry(number))


def _ask(directory: Path, question: Callable[[store.LogReader], Answer]) -> Answer:
    # Opened anew each time: a few milliseconds, and nothing to drop when the file is replaced.
    try:
        reader = store.open_reader(directory)
    except (store.LogError, OSError, sqlite3.Error) as error:
        raise LogUnreachable(f"{LogUnreachable.__doc__} ({error})") from error
    try:
        return question(reader)
    except (store.LogError, sqlite3.Error) as error:
        raise LogUnreachable(f"log.db cannot be read: {error}") from error
    finally:
        reader.close()


_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def pretty(body: bytes) -> str:
    """The body with line breaks and indentation when it is JSON, else as it is.

    Its parts are moved, never rewritten: numbers, escapes and repeated members stay as sent.
    """
    text = body.decode("utf-8", "replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    written: list[str] = []
    depth, before = 0, ""
    for part in _PART.findall(text):
        if part in "}]":
            depth -= 1
            if before not in ("{", "["):
                written.append(f"\n{'  ' * depth}")
        elif before in ("{", "[", ","):
            written.append(f"\n{'  ' * depth}")
        written.append(": " if part == ":" else part)
        depth += part in ("{", "[")
        before = part
    return "".join(written)
