"""The lock that makes the writer the only one: a file beside the log, locked while it writes.

The operating system lets go of it when the process ends, however it ends. Readers need none.
"""

import fcntl
import os
import time
from pathlib import Path

from store.log.protocol import LogLocked

LOCK_SECONDS = 5.0
"""How long to wait for a predecessor that is just ending."""
GUEST_SECONDS = 30.0
"""How long a guest that only appends waits for another command that writes to the log."""

_PAUSE = 0.02


def lock(log: Path, seconds: float) -> int:
    """Lock the log for writing; the descriptor to close when done.

    Raises LogLocked when somebody else still holds it after `seconds`, OSError when the lock file
    cannot be opened.
    """
    descriptor = os.open(f"{log}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + seconds
    while not _locked(descriptor):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            raise LogLocked(f"Another process already writes to {log}.")
        time.sleep(_PAUSE)
    return descriptor


def lock_guests(log: Path, seconds: float = 0.0) -> int:
    """Keep other guests out, those who write beside a listener now and then.

    Raises LogLocked when one is still there after `seconds`, OSError as lock.
    """
    try:
        return lock(log.with_name(f"{log.name}.guest"), seconds)
    except LogLocked:
        raise LogLocked(f"Another command is at work on {log}: wait until it is done.") from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
