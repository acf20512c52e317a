"""A new history.db takes the place of the present one.

Where somebody has the present one open, its content becomes the new in one transaction: readers
keep their connections and see the old or the new, never half of either. Where nobody has, the
file itself is put in place, which costs nothing however large it is.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from store.history import follower
from store.history.lock import locked
from store.log.protocol import LogLocked


def take_place(new: Path, present: Path) -> None:
    """Make `present` what `new` is. `new` may be gone afterwards; nobody may have it open."""
    try:
        # A follower that starts now would write to a file that is about to have no name.
        with locked(present, seconds=0.0):
            alone = _rename(new, present)
    except LogLocked:
        alone = False
    if not alone:
        with (
            closing(sqlite3.connect(new, isolation_level=None)) as source,
            closing(follower.connect(present)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rename(new: Path, present: Path) -> bool:
    """Whether the file was put in place: not while somebody has the present one open."""
    with closing(sqlite3.connect(present, isolation_level=None, timeout=0.0)) as old:
        try:
            # Refused while there is another connection; empties and removes the write-ahead log.
            mode = old.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
            if mode != "delete":
                return False
            old.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return False
        _sync(new)
        shutil.copymode(present, new)
        new.replace(present)
        _sync(present.parent)
        old.execute("ROLLBACK")
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
