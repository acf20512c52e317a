"""`listener hub watch`: looks after our registrations, in a process of its own, until told to stop.

A process of its own under `serve`, because a provider that hangs must not keep anybody waiting, and
one that dies is started again. It keeps nothing in memory: each look begins from hub.db and ends
there, so kill -9 between any two steps costs a look. One look at a source at a time, whoever looks:
`turn` says whose turn it is. Here that is a lock on this machine; where receivers run on several,
it is given one that all of them share, and a look whose turn it is not is left out.
"""

import asyncio
import logging
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from receiver.provider.client import ProviderAway, ProviderClient
from receiver.provider.hub import HubRules
from receiver.provider.looking import Look, Reconcile
from receiver.provider.ours import HubTrouble, Ours
from receiver.provider.rules import ProviderRules
from store import LogError, LogLocked
from store.hub.file import HubFile, only_one
from store.hub.heard import now_text
from store.hub.standing import standing
from store.times import seconds_between

Turn = Callable[[str], AbstractContextManager[None]]
"""Whose turn it is to act for a source. Raises LogLocked where it is another's."""

LISTENING_SECONDS = 60.0
"""How long to wait for the receiver before registering: some providers try the callback at once."""

GRACE_SECONDS = 5.0
"""How long a look may take once we were told to stop."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """One source whose provider notifies us."""

    source: str
    provider: ProviderRules
    hub: HubRules


def turn_of(directory: Path) -> Turn:
    """On one machine: at once, or not at all."""
    return lambda source: only_one(directory, source, 0.0)


async def watch(
    directory: Path,
    watched: Sequence[Watched],
    *,
    listens_at: tuple[str, int],
    reconcile: Reconcile | None = None,
    turn: Turn | None = None,
) -> None:
    """Watch until SIGTERM, SIGINT or SIGHUP."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    await _receiver(stop, *listens_at)
    _log.info("looking after registrations of %s", ", ".join(one.source for one in watched))
    one_watch = partial(_watch_one, directory, stop, reconcile, turn or turn_of(directory))
    async with asyncio.TaskGroup() as tasks:
        for one in watched:
            tasks.create_task(one_watch(one))
    _log.info("looks after registrations no more")


async def _watch_one(
    directory: Path, stop: asyncio.Event, reconcile: Reconcile | None, turn: Turn, one: Watched
) -> None:
    file = HubFile(directory)
    async with ProviderClient(one.provider) as client:
        ours = Ours(one.source, one.hub, client, file)
        look = Look(directory, ours, reconcile)
        is_first = True
        while not stop.is_set():
            looking = asyncio.create_task(_look(file, look, turn, one, is_first=is_first))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            # Told to stop: a POST under way is better ended than wondered about later.
            await asyncio.wait({looking}, timeout=GRACE_SECONDS)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            is_first = False
            # Not in step with whoever else looks.
            pause = one.hub.look_seconds * random.uniform(0.9, 1.1)  # noqa: S311  no secret
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()
        if one.hub.unregisters:
            await _unregister(ours, turn)


async def _look(file: HubFile, look: Look, turn: Turn, one: Watched, *, is_first: bool) -> None:
    """One look, unless it is another's turn, or another has just looked."""
    try:
        with turn(one.source):
            looked_at = standing(file, one.source).looked_at
            if is_first or looked_at is None or _is_due(looked_at, one.hub.look_seconds):
                await look.look()
    except LogLocked:
        return
    except LogError as error:
        _log.warning("%s: %s", one.source, error)
    except Exception:  # noqa: BLE001  a fault of ours ends one look, not the watch over all sources
        _log.exception("%s: a look ended", one.source)


def _is_due(looked_at: str, look_seconds: float) -> bool:
    # A clock that was set back does not keep us from looking.
    return not 0 <= seconds_between(looked_at, now_text()) < look_seconds / 2


async def _unregister(ours: Ours, turn: Turn) -> None:
    try:
        with turn(ours.source):
            for note in await ours.unregister():
                _log.info("%s: %s", ours.source, note)
    except (HubTrouble, ProviderAway, LogError) as error:
        _log.warning("%s: still registered: %s", ours.source, error)


async def _receiver(stop: asyncio.Event, host: str, port: int) -> None:
    """Wait until it listens, for a while, or until we are told to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LISTENING_SECONDS):
            while not stop.is_set():
                if await _listens(host, port):
                    return
                await asyncio.sleep(0.1)


async def _listens(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
