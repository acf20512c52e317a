"""Backup and restore: the truth in another directory, proven sound before anybody relies on it.

    DIR/log.db         a copy of one moment, taken beside a running listener
    DIR/archive/…      the archive's files that it names
    DIR/replay.db      what was delivered elsewhere, from a moment before: never ahead of the log
    DIR/asked.db       which keys were asked of a provider, from a moment before too
    DIR/backup.json    when, how far, and the digest of each file

history.db is not among them: it is folded anew after a restore.
"""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from store.asked.ledger import ASKED_FILE
from store.history.asking import HISTORY_FILE
from store.keeping import files
from store.keeping.check import file_digest, must_be_sound
from store.keeping.head import head_of
from store.log.lock import lock
from store.log.protocol import LogError, LogMissing
from store.log.segments import ARCHIVE, segments
from store.log.sqlite import LOG_FILE
from store.replay.ledger import REPLAY_FILE

MANIFEST = "backup.json"
_LOCK_SECONDS = 0.5

Progress = Callable[[int], None]
Json = dict[str, Any]


class AlreadyThere(LogError):
    """There is something already that would be written over."""


class UnusableBackup(LogError):
    """A backup is not what was written."""


def back_up(directory: Path, target: Path, at: str, progress: Progress) -> Json:
    """Copy the log of a data directory into `target` and prove the copy; its manifest.

    The listener may go on: the copy is of the moment in which it began. Raises LogMissing,
    AlreadyThere where `target` has a backup, Unsound when the copy is not sound, OSError.
    """
    if not (directory / LOG_FILE).exists():
        raise LogMissing(f"{directory / LOG_FILE} does not exist.")
    if (target / LOG_FILE).exists() or (target / MANIFEST).exists():
        raise AlreadyThere(f"{target} has a backup already; give every backup its own directory.")
    files.make_directory(target)
    names = [LOG_FILE]
    for name in (REPLAY_FILE, ASKED_FILE):
        if (directory / name).exists():
            _copy_database(directory / name, target / name)
            names.append(name)
    _copy_database(directory / LOG_FILE, target / LOG_FILE)
    names += _copy_archive(directory, target)
    must_be_sound(target, progress)
    manifest = {
        **head_of(target, at).as_json(),
        "files": {name: file_digest(target / name) for name in names},
    }
    # Last: a directory without it holds no whole backup.
    files.write(target / MANIFEST, json.dumps(manifest, indent=2).encode())
    return manifest


def restore(source: Path, directory: Path, progress: Progress) -> Json:
    """Put a backup's log into a data directory that has none; the backup's manifest.

    Raises UnusableBackup, AlreadyThere, LogLocked, Unsound.
    """
    manifest = _manifest(source)
    for name, digest in manifest["files"].items():
        if file_digest(source / name) != digest:
            raise UnusableBackup(f"{source / name} is not the file that was written.")
    for name in (LOG_FILE, HISTORY_FILE, REPLAY_FILE, ASKED_FILE, ARCHIVE):
        if (directory / name).exists():
            raise AlreadyThere(f"{directory / name} exists; nothing is ever restored over a log.")
    files.make_directory(directory)
    descriptor = lock(directory / LOG_FILE, _LOCK_SECONDS)
    try:
        for name in sorted(manifest["files"], key=lambda one: one == LOG_FILE):
            # log.db last: where it is, everything is.
            files.make_directory((directory / name).parent)
            files.copy(source / name, directory / name)
    finally:
        os.close(descriptor)
    must_be_sound(directory, progress)
    return manifest


def _manifest(source: Path) -> Json:
    try:
        manifest: Json = json.loads((source / MANIFEST).read_bytes())
        named = manifest["files"]
    except FileNotFoundError:
        raise UnusableBackup(f"{source} has no {MANIFEST}: it holds no whole backup.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableBackup(f"{source / MANIFEST} cannot be read.") from error
    if LOG_FILE not in named or any(Path(name).is_absolute() or ".." in name for name in named):
        raise UnusableBackup(f"{source / MANIFEST} names files that no backup has.")
    return manifest


def _copy_database(database: Path, copy: Path) -> None:
    partial = copy.with_name(f"{copy.name}.partial")
    partial.unlink(missing_ok=True)
    uri = f"{database.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=30)) as present,
        closing(sqlite3.connect(partial, isolation_level=None)) as copied,
    ):
        # In one step: of one moment, in one read transaction, which holds no writer up.
        present.backup(copied, pages=-1)
        # One file, which can be read where nothing may be written beside it.
        copied.execute("PRAGMA journal_mode = DELETE")
    files.sync(partial)
    files.put(partial, copy)


def _copy_archive(directory: Path, target: Path) -> list[str]:
    with closing(sqlite3.connect(target / LOG_FILE)) as copied:
        known = segments(copied)
    if known:
        files.make_directory(target / ARCHIVE)
    names = [f"{ARCHIVE}/{name}" for one in known for name in (one.file, one.manifest)]
    for name in names:
        files.copy(directory / name, target / name)
    return names
