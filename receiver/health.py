"""Readiness: can every promise be kept now, and if not, which one cannot?

    writer      an event could be committed
    log         of several machines: a quorum could acknowledge, and it is copied here
    disk        there is room for what comes next, and the data directory can be written
    follower    what was taken in is folded
    clock       received_at does not run backwards

What a provider does to us is no promise of ours: it is a warning, and readiness stays green.
Looked at when somebody asks, at most once a second, however many ask.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from store import Appender, Forwarding, HubStanding, Progress, progress

FRESH_SECONDS = 1.0
"""How long a look is good for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How near to breaking a promise is too near; config/health.py says more."""

    disk_free_bytes: int = 268_435_456
    follower_seconds: float = 60.0
    clock_seconds: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things were at the last look; None is not known."""

    broken: tuple[str, ...] = ()
    """Promises that cannot be kept, each with its reason."""
    disk_free: int | None = None
    head: int | None = None
    checkpoint: int | None = None
    quarantined: int | None = None
    forwardings: tuple[Forwarding, ...] = ()
    """How far each target is that events are forwarded to."""
    hubs: tuple[HubStanding, ...] = ()
    """How our registration stands at each provider."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong elsewhere: taking us out of service would make it no better."""
        return tuple(f"hub: {one.source}: {one.problem}" for one in self.hubs if one.problem)

    @property
    def lag(self) -> int | None:
        """Events that are not folded yet."""
        if self.head is None or self.checkpoint is None:
            return None
        return max(0, self.head - self.checkpoint)


class Health:
    """Looks after one receiver. Without a directory (a log in memory) only at its writer."""

    def __init__(
        self,
        appender: Appender,
        directory: Path | None = None,
        thresholds: Thresholds | None = None,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._appender = appender
        self._directory = directory
        self._thresholds = thresholds or Thresholds()
        self._monotonic = monotonic
        self._clock = Clock(self._thresholds.clock_seconds, wall, monotonic)
        self._follower = Follower(self._thresholds.follower_seconds, monotonic)
        self._standing = Standing()
        self._looked_at = -FRESH_SECONDS
        self._looking = asyncio.Lock()
        self._stopping = False

    def stop(self) -> None:
        """From now on it is not ready: it ends soon."""
        self._stopping = True

    async def standing(self) -> Standing:
        """How things stand; never raises."""
        if self._stopping:
            return Standing(broken=("receiver: it is stopping; send to another",))
        async with self._looking:
            if self._monotonic() - self._looked_at >= FRESH_SECONDS:
                self._standing = await self._look()
                self._looked_at = self._monotonic()
        if not self._appender.is_ready() and not self._standing.broken:
            # Known at once, whenever the last look was.
            return Standing(broken=(self._appender.why_not_ready(),))
        return self._standing

    async def _look(self) -> Standing:
        free, unwritable, at = None, "", Progress(None, None, None)
        if self._directory is not None:
            # In a thread: a disk in trouble answers late, and deliveries must not wait for it.
            free, unwritable, at = await asyncio.to_thread(_measure, self._directory)
        return Standing(
            broken=tuple(self._broken(free, unwritable, at)),
            disk_free=free,
            head=at.head,
            checkpoint=at.checkpoint,
            quarantined=at.quarantined,
            forwardings=at.forwardings,
            hubs=at.hubs,
        )

    def _broken(self, free: int | None, unwritable: str, at: Progress) -> Iterator[str]:
        if why := self._appender.why_not_ready():
            yield why
        if unwritable:
            yield f"disk: the data directory cannot be written ({unwritable})"
        least = self._thresholds.disk_free_bytes
        if free is not None and free < least:
            yield f"disk: {free} bytes are free, fewer than {least}"
        stalled = self._follower.stalled_seconds(at)
        if stalled:
            yield f"follower: behind the log, and not moving for {stalled:.0f} s"
        behind = self._clock.behind()
        if behind:
            yield f"clock: set back; {behind:.0f} s until it shows again what it showed"


class Clock:
    """Notices when the wall clock is set back, by comparing it with one that cannot be."""

    def __init__(
        self, tolerated: float, wall: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._tolerated = tolerated
        self._wall = wall
        self._monotonic = monotonic
        self._ahead = wall() - monotonic()
        self._shown = wall()

    def behind(self) -> float:
        """Seconds until it shows again what it would have shown; 0 while it runs as it should."""
        steady, now = self._monotonic(), self._wall()
        if now - steady < self._ahead - self._tolerated:
            self._shown = max(self._shown, self._ahead + steady)
        # Small steps are forgiven for ever: they do not add up.
        self._ahead = now - steady
        return max(0.0, self._shown - now) if self._shown - now > self._tolerated else 0.0


class Follower:
    """Notices when the follower does not move although there is something to fold."""

    def __init__(self, patience: float, monotonic: Callable[[], float]) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._checkpoint: int | None = None
        self._moved_at = monotonic()

    def stalled_seconds(self, at: Progress) -> float:
        """For how long; 0 while it moves, has nothing to do, or never ran here."""
        up_to_date = at.checkpoint is None or at.head is None or at.head <= at.checkpoint
        if up_to_date or at.checkpoint != self._checkpoint:
            self._moved_at = self._monotonic()
        self._checkpoint = at.checkpoint
        still = self._monotonic() - self._moved_at
        return still if still > self._patience else 0.0


def _measure(directory: Path) -> tuple[int | None, str, Progress]:
    """Free bytes, why the directory cannot be written, and where log and history are."""
    try:
        free = shutil.disk_usage(directory).free
        # A file without a name: nothing is left behind, whatever happens.
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"?")
    except OSError as error:
        return None, error.strerror or type(error).__name__, Progress(None, None, None)
    return free, "", progress(directory)
