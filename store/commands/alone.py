"""Work that one node does at a time: waits for its turn, and ends at once where it is lost.

Without a cluster it is everybody's turn at once. With one, a lease says whose it is.
"""

import logging
import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from config.settings import Settings

LOST = 75
"""Exit code of a worker that lost its lease (EX_TEMPFAIL): start it again, and it waits for its turn."""
LOOK_SECONDS = 0.2

log = logging.getLogger("listener.lease")


class Turn(Protocol):
    """One's turn."""

    position: int
    """How far the node before came; 0 where that is not known."""

    def must_be_held(self) -> None:
        """Raises a LogError where it is another's turn now."""
        ...


class NobodyElse:
    """The turn of one that has no others."""

    position = 0

    def must_be_held(self) -> None:
        """It is."""


def node_of(settings: Settings) -> str:
    """What this node is called among the others: letters, digits, - and _."""
    name = settings.cluster.node or socket.gethostname()
    return "".join(one if one.isalnum() or one in "-_" else "-" for one in name)


@contextmanager
def alone(
    settings: Settings,
    work: str,
    is_stopping: Callable[[], bool] = lambda: False,
    reached: Callable[[], int] = lambda: 0,
) -> Generator[Turn]:
    """Wait until it is this node's turn to do `work`, or we are told to stop; keep it meanwhile.

    Where it is lost, the process ends at once, by LOST. Raises UnusableTarget.
    """
    from store.commands.cluster import place_of

    place = place_of(settings)
    if place is None:
        yield NobodyElse()
        return
    from store.log.lease import Lease

    def lost() -> None:
        log.warning("the lease on %s is lost; ending", work)
        os._exit(LOST)

    seconds = settings.cluster.lease_seconds
    lease = Lease(place, work, node_of(settings), lost=lost, reached=reached, seconds=seconds)
    lease.begin()
    try:
        if not lease.wait(seconds=2 * LOOK_SECONDS):
            log.info("%s: waiting for its turn among the nodes", work)
        while not is_stopping() and not lease.wait(LOOK_SECONDS):
            pass
        if not is_stopping():
            log.info("%s: this node's turn, number %d", work, lease.number)
        yield lease
    finally:
        lease.close()
