"""Names on disk: a synced file is lost all the same when the names that lead to it are not."""

import errno
import os
from pathlib import Path

_NOT_OURS = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.EROFS})
"""Of a directory that we may not open, or whose file system knows no sync: we did not make it."""


def sync_names(directory: Path) -> None:
    """Sync the names in this directory, its own, and all above. Raises OSError.

    SQLite syncs the name of its write-ahead log, but goes on when that fails. All above, because
    who made them, and whether that was synced, nobody can tell afterwards.
    """
    here = directory.resolve()
    for one in (here, *here.parents):
        try:
            _sync(one)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
