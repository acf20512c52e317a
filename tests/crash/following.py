"""A child for crash tests: fold, or rebuild, the log in a directory, a few events at a time."""

import functools
import sys
from contextlib import closing
from pathlib import Path

from store import open_reader
from store.history import follower, rebuild
from store.history.rules import RuleBook


def main() -> None:
    what, directory = sys.argv[1], Path(sys.argv[2])
    if what == "rebuild":
        rebuild.FOLD_BATCH = rebuild.INDEX_BATCH = 20
        open_log = functools.partial(open_reader, directory)
        rebuild.rebuild(directory / "history.db", open_log, RuleBook(), _say)
        return
    with closing(open_reader(directory)) as reader:
        connection = follower.connect(directory / "history.db")
        following = follower.Follower(reader, connection, RuleBook())
        while following.step(5):
            _say(following.checkpoint(), 0)


def _say(done: int, _total: int) -> None:
    print(done, flush=True)


if __name__ == "__main__":
    main()
