"""How forwarding stands, target by target: cheap enough to ask every second."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.replay.ledger import REPLAY_FILE

_FORWARDINGS = """
SELECT target, checkpoint, delivered, failures,
  (SELECT count(*) FROM deliveries WHERE job = jobs.job AND outcome IN ('waiting', 'dead')
     AND outcome = 'waiting'),
  (SELECT count(*) FROM deliveries WHERE job = jobs.job AND outcome IN ('waiting', 'dead')
     AND outcome = 'dead'),
  problem, updated_at
FROM jobs WHERE kind = 'forward' ORDER BY target
"""


class Forwarding(NamedTuple):
    """One target that new events go to."""

    target: str
    checkpoint: int
    """Every event up to here is delivered, waits, or is dead."""
    delivered: int
    """Since it was first forwarded to."""
    failures: int
    """Attempts that failed."""
    waiting: int
    """Events that are tried again, or wait behind one of their ticket."""
    dead: int
    """Dead letters: `listener deadletters`."""
    problem: str | None
    updated_at: str


def forwardings(directory: Path) -> tuple[Forwarding, ...]:
    """All of them; none where there is no replay.db, or it cannot be read now. Never raises."""
    path = directory / REPLAY_FILE
    if not path.exists():
        return ()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            return tuple(Forwarding(*row) for row in file.execute(_FORWARDINGS))
    except sqlite3.Error:
        return ()
