"""Keeping up: what is in the log is in history.db before anything is compared with it."""

import time
from contextlib import closing
from pathlib import Path

import store
from store.history import follower
from store.history.lock import locked
from store.history.rules import RuleBook
from store.log.protocol import LogError, LogLocked

PAUSE = 0.02


class Behind(LogError):
    """history.db does not follow the log."""

    hint = "Is the follower running? `listener status` tells how far it is."


def keep_up(directory: Path, rules: RuleBook, seconds: float = 120.0) -> None:
    """Return when all that is in the log now is folded; fold it here where no follower runs.

    Raises Behind after `seconds` without getting there, LogMissing.
    """
    with closing(store.open_reader(directory)) as reader:
        head = reader.head()
        path = directory / store.HISTORY_FILE
        until = time.monotonic() + seconds
        while (store.progress(directory).checkpoint or 0) < head or not path.exists():
            try:
                with locked(path, 0), closing(follower.connect(path)) as connection:
                    if follower.outdated(connection, rules):
                        raise Behind("history.db is of another version or of other rules.")
                    following = follower.Follower(reader, connection, rules)
                    while following.step():
                        pass
                    return
            except LogLocked:
                time.sleep(PAUSE)
            if time.monotonic() > until:
                raise Behind(f"history.db is behind the log for {seconds:g} s.")
