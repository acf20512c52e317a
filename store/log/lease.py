"""One at a time across the nodes: a lease on some work, kept in the bucket that they share.

    who waits    takes it when it was given back, or when its number stood still for `seconds`
    who holds    writes it anew, three times within `seconds`, each time with a greater number
    who fails to do so for two thirds of that time is at the end of it, before anybody can take over

Every instant is of the node's own monotonic clock: no two clocks have to agree. The number is the
fence: it grows with each change of hands, and `must_be_held`, asked before each commit, refuses a
worker that was frozen longer than its lease (a machine that slept, SIGSTOP). How far the work is
travels in the lease, so that the next holder goes on there.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

import msgspec

from store.log.jetstream_keys import Keys, Value
from store.log.place import Place
from store.log.protocol import LogError, LogUnavailable

LEASE_SECONDS = 6.0
LOOK_SECONDS = 0.5
CONNECT_SECONDS = 10.0
PREFIX = "lease."


class LeaseLost(LogError):
    """Another node may have this work now."""

    hint = "It goes on there; this process starts again and waits for its turn."


class Held(msgspec.Struct, frozen=True):
    """What the bucket has of a lease."""

    holder: str
    """Empty: it was given back."""
    node: str = ""
    position: int = 0
    """How far the work is; 0 where it counts no positions."""


def read_held(value: Value) -> Held:
    """Raises LogUnavailable for what no lease is."""
    try:
        return msgspec.json.decode(value.payload, type=Held)
    except msgspec.DecodeError as error:
        raise LogUnavailable(f"What the bucket has of a lease is none: {error}.") from error


class Lease:
    """A lease on `work`; `begin`, then `wait`. From one thread; it is kept in a thread of its own.

    `reached` tells how far the work is. `lost` is called, in that other thread, when the lease
    cannot be kept: it has to end the work at once.
    """

    def __init__(
        self,
        place: Place,
        work: str,
        node: str,
        *,
        lost: Callable[[], None],
        reached: Callable[[], int] = lambda: 0,
        seconds: float = LEASE_SECONDS,
    ) -> None:
        self.work = work
        self.number = 0
        """Of the moment at which it was taken."""
        self.position = 0
        """How far the work was then."""
        self._place = place
        self._key = PREFIX + work
        self._holder = uuid.uuid4().hex
        self._node = node
        self._lost = lost
        self._reached = reached
        self._seconds = seconds
        self._held = threading.Event()
        self._ending = threading.Event()
        self._until = 0.0
        self._thread = threading.Thread(target=self._run, name=f"lease {work}", daemon=True)

    def begin(self) -> None:
        """Try to take it, from now on."""
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it is held, after so long at most; None: until it is."""
        return self._held.wait(seconds)

    def must_be_held(self) -> None:
        """Raises LeaseLost."""
        if time.monotonic() >= self._until:
            raise LeaseLost(f"The lease on {self.work} (number {self.number}) has run out.")

    def close(self) -> None:
        """Give it back; the work must have ended."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self._until = 0.0

    def _run(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        keys = Keys(self._place)
        while not self._ending.is_set():
            try:
                await keys.connect(CONNECT_SECONDS)
                break
            except LogUnavailable:
                await keys.close()
                keys = Keys(self._place)
                await asyncio.sleep(LOOK_SECONDS)
        try:
            number = await self._take(keys)
            if number:
                await self._keep(keys, number)
        finally:
            await keys.close()

    async def _take(self, keys: Keys) -> int:
        """Return the number by which it is ours; 0 when told to end before."""
        seen, since = -1, time.monotonic()
        while not self._ending.is_set():
            with suppress(LogUnavailable):
                began = time.monotonic()
                found = await keys.get(self._key)
                number = found.number if found else 0
                if number != seen:
                    seen, since = number, began
                before = read_held(found) if found else Held("")
                if not before.holder or began - since >= self._seconds:
                    told = Held(self._holder, self._node, before.position)
                    taken = await keys.swap(self._key, msgspec.json.encode(told), number)
                    if taken:
                        self._until = began + self._seconds * 2 / 3
                        self.number, self.position = taken, before.position
                        self._held.set()
                        return taken
            await asyncio.sleep(LOOK_SECONDS)
        return 0

    async def _keep(self, keys: Keys, number: int) -> None:
        while True:
            ending = self._ending.is_set()
            began = time.monotonic()
            position = max(self._reached(), self.position)
            told = Held("" if ending else self._holder, self._node, position)
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._left()):
                    number = await self._renewed(keys, number, told)
            except (LogUnavailable, TimeoutError):
                pass
            else:
                if not number:
                    self._end()
                    return
                self._until = began + self._seconds * 2 / 3
            if ending:
                return
            if self._left() <= 0:
                self._end()
                return
            await asyncio.to_thread(self._ending.wait, min(self._seconds / 3, LOOK_SECONDS * 2))

    async def _renewed(self, keys: Keys, number: int, told: Held) -> int:
        """The new number; 0 where somebody else has it."""
        kept = await keys.swap(self._key, msgspec.json.encode(told), number)
        if kept is not None:
            return kept
        # An attempt of ours that was not answered may have been kept.
        found = await keys.get(self._key)
        ours = found is not None and read_held(found).holder == self._holder
        return found.number if ours and found else 0

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _end(self) -> None:
        self._until = 0.0
        if not self._ending.is_set():
            self._lost()
