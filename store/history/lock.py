"""The lock that makes the follower the only one to write history.db."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from store.log.lock import lock
from store.log.protocol import LogLocked


@contextmanager
def locked(history: Path, seconds: float = 5.0) -> Generator[None]:
    """Hold the lock. Raises LogLocked when another follower still has it after `seconds`."""
    try:
        descriptor = lock(history, seconds)
    except LogLocked as error:
        raise LogLocked(f"Another follower already writes to {history}.") from error
    try:
        yield
    finally:
        os.close(descriptor)
