"""A data directory to keep: a provider's log on disk, folded, and the commands that work on it."""

import functools
import gzip
import io
import json
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import zstandard
from click.testing import CliRunner, Result

from receiver.__main__ import main
from store import RuleBook, open_log, open_reader
from store.history.rebuild import rebuild
from store.log import packing
from tests.logs import provider_log, rows

OLD, NEW = "2026-10-01T08:00:00.000Z", "2026-11-20T08:00:00.000Z"
BETWEEN = "2026-11-01"
"""Before it the first half of the events was received, after it the other."""


def keep(directory: Path, tickets: int = 12, *, folded: bool = True) -> Path:
    """A provider's log in this directory, half of it old, and its history."""
    log = provider_log(tickets)
    events = list(log.read())
    half = len(events) // 2
    with closing(open_log(directory)) as kept:
        kept.append([replace(event, received_at=OLD) for event in events[:half]])
        kept.append([replace(event, received_at=NEW) for event in events[half:]])
        kept.append([events[again.position - 1] for again in log.redeliveries()])
        kept.quarantine(list(log.quarantined()))
    if folded:
        fold_anew(directory)
    return directory


def fold_anew(directory: Path) -> None:
    """`listener rebuild`, without the command."""
    open_log = functools.partial(open_reader, directory)
    rebuild(directory / "history.db", open_log, RuleBook(), lambda *_: None)


def listener(directory: Path, *arguments: str, code: int = 0) -> str:
    """What a command prints; it must end with this exit code."""
    told = run(directory, *arguments)
    assert told.exit_code == code, (told.exit_code, told.output, told.exception)
    return told.stdout if code == 0 else told.output


def run(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--data", str(directory)])


def checked(directory: Path, *arguments: str) -> list[tuple[str, str]]:
    """What `listener check` finds wrong: where, which row."""
    told = run(directory, "check", "--json", *arguments)
    found = json.loads(told.stdout)
    assert told.exit_code == (0 if found["sound"] else 1), told.output
    return [(one["where"], one["row"]) for one in found["wrong"]]


@contextmanager
def tampered(path: Path) -> Iterator[sqlite3.Connection]:
    """A database without its guards, as somebody has it who holds the file."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        connection.commit()


def every_byte(directory: Path) -> dict[str, bytes]:
    """All files, compressed ones unpacked too: also every body that a database still holds anywhere,
    in a row, a free page or a write-ahead log."""
    found: dict[str, bytes] = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(directory))] = path.read_bytes()
            if path.suffix == ".gz":
                found[f"{path.name} unpacked"] = gzip.decompress(path.read_bytes())
            found[f"{path.name} frames"] = b"\n".join(frames(path.read_bytes()))
    return found


def frames(content: bytes) -> Iterator[bytes]:
    """What every frame of Zstandard in these bytes unpacks to, whole or as far as it goes."""
    shipped = files("store.log").joinpath(f"dictionaries/{packing.NUMBER}.zdict").read_bytes()
    unpacker = zstandard.ZstdDecompressor(zstandard.ZstdCompressionDict(shipped))
    place = content.find(packing.MAGIC)
    while place >= 0:
        unpacked = io.BytesIO()
        with suppress(zstandard.ZstdError), unpacker.stream_reader(content[place:]) as reader:
            while part := reader.read(64):
                unpacked.write(part)
        yield unpacked.getvalue()
        place = content.find(packing.MAGIC, place + 1)


def folded_rows(directory: Path) -> dict[str, list[Any]]:
    """Every row of history.db, those about arrival too."""
    with closing(sqlite3.connect(directory / "history.db")) as connection:
        return rows(connection, arrival=True)


@contextmanager
def receiving(directory: Path) -> Iterator[str]:
    """A `listener receive` of its own on this directory; its address."""
    command = [sys.executable, "-m", "receiver", "receive", "--data", str(directory), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                break
        else:
            raise AssertionError("the receiver did not start")
        # Somebody has to read what it says, or it stops when the pipe is full.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield found[1]
        finally:
            process.terminate()
            assert process.wait(20) == 0
