"""Opening a database to read beside whoever writes it."""

import sqlite3
from pathlib import Path

from store.log.protocol import LogMissing


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises LogMissing where there is no such file."""
    if not path.exists():
        raise LogMissing(f"{path} does not exist.")
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30, isolation_level=None
    )
