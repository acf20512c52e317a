"""The provider: tickets that live on by its own clock, subscribers that are told, an API over both.

    provider = Provider(seed=7, tickets=60)
    provider.habits = replace(provider.habits, lose=0.1)
    await provider.advance(minutes=10)
    provider.tickets()["TT-104211"]

The same seed, tickets and `now` give the same facts, however the time is cut into pieces; what
every subscription is told, loses and gets late is its own chance. One event loop drives it.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from tests.provider.access import Access, Guard
from tests.provider.dialects import DIALECTS
from tests.provider.habits import Habits
from tests.provider.history import SEED, History, history
from tests.provider.hub import Hub
from tests.provider.known import Known, Resource
from tests.provider.live import LiveSteps
from tests.provider.opening import OPENED
from tests.provider.telling import Teller, Told
from tests.provider.ticket import Fact

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
TICKETS = 40
STEP_SECONDS = (1.0, 3.0)
"""Between two steps, of all tickets together."""
KEPT = 20_000
"""How many tellings and requests are remembered: the last ones."""


class Provider:
    def __init__(
        self,
        seed: int = SEED,
        tickets: int = TICKETS,
        *,
        now: datetime = NOW,
        past: History | None = None,
        dialect: str = "fit",
        access: Access | None = None,
        habits: Habits | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        verify: bool | ssl.SSLContext = True,
        noticed: Callable[[Told], None] | None = None,
    ) -> None:
        """`headers` go with every notification (credentials); `noticed` hears of each one's end."""
        past = past or history(seed, tickets, now=now)
        self.now = now
        self.seed = seed
        self.dialect = DIALECTS[dialect]
        self.habits = habits or Habits()
        self.guard = Guard(access or Access())
        self.hubs: dict[str, Hub] = {}
        self.told: deque[Told] = deque(maxlen=KEPT)
        self.asked: deque[str] = deque(maxlen=KEPT)
        """Every request, as `GET /troubleTicket?limit=5 200`."""
        self.changes = 0
        """How often anything changed: the same number, the same answers."""
        self._known = Known()
        for fact in past.facts:
            self._known.learn(fact)
        self._lives = LiveSteps(past, seed, lambda: self.now)
        self._rhythm = Random(f"{seed}/rhythm")
        self._next_step = now + self._pause()
        self._hubs_made = 0
        self._noticed = noticed
        self._teller = Teller(lambda: self.habits, self._note, headers, verify)
        self._telling = asyncio.Lock()

    async def advance(self, *, seconds: float = 0, minutes: float = 0, settle: bool = True) -> None:
        """Let time pass and tell what happens; with `settle`, until every attempt has ended."""
        until = self.now + timedelta(seconds=seconds, minutes=minutes)
        while self._next_step <= until:
            self.now = self._next_step
            self._next_step += self._pause()
            self._happened(self._lives.next_step())
            await self.tell()
        self.now = max(self.now, until)
        if settle:
            for hub in self.hubs.values():
                hub.release()
        await self.tell()
        if settle:
            await self._teller.settled()

    async def go_on(self, speed: float = 1.0, now: datetime | None = None) -> None:
        """Live on for ever, `speed` times as fast as the clock on the wall.

        From `now` on: in the time until then nothing happened.
        """
        if now is not None and now > self.now:
            self.now, self._next_step = now, now + self._pause()
        began, start = time.monotonic(), self.now
        while True:
            pause = (self._next_step - self.now).total_seconds()
            await asyncio.sleep(max(pause / speed, 0.001))
            target = start + timedelta(seconds=(time.monotonic() - began) * speed)
            passed = max((target - self.now).total_seconds(), pause)
            await self.advance(seconds=passed, settle=False)

    async def tell(self) -> None:
        """Send what is due: to each subscriber one after the other, to all of them side by side."""
        async with self._telling:
            await asyncio.gather(*(self._tell(hub) for hub in self.hubs.values()))

    def subscribe(self, make: Callable[[str, str], Hub]) -> Hub:
        """Add a subscription, made from its id and the seed of its chance."""
        self._hubs_made += 1
        identity = Random(f"{self.seed}/hub/{self._hubs_made}").getrandbits(48)
        hub = make(f"{identity:012x}", str(self.seed))
        self.hubs[hub.id] = hub
        return hub

    def open(self, kind: str, body: Resource) -> Resource:
        """A new ticket or task as it was asked for. Raises NotOpened."""
        number, facts = OPENED[kind](self._lives, body)
        self._happened(facts)
        resource = self.one(kind, number)
        assert resource is not None
        return resource

    def forget_hubs(self) -> None:
        """Lose every subscription, without a word to anybody."""
        self.hubs.clear()

    def tickets(self) -> dict[str, Resource]:
        return self.resources("troubleTicket")

    def resources(self, kind: str) -> dict[str, Resource]:
        """Everything of a kind as a GET answers it, by id, oldest first."""
        return {one["id"]: self.dialect.resource(kind, one) for one in self._known.every(kind)}

    def one(self, kind: str, number: str) -> Resource | None:
        found = self._known.one(kind, number)
        return None if found is None else self.dialect.resource(kind, found)

    async def close(self) -> None:
        await self._teller.close()

    async def _tell(self, hub: Hub) -> None:
        for delivery in hub.due(self.now):
            await self._teller.tell(hub, delivery)

    def _happened(self, facts: list[Fact]) -> None:
        for fact in facts:
            self.changes += 1
            self._known.learn(fact)
            told = None if self.habits.down else self.dialect.told(fact)
            if told is None:
                continue
            for hub in self.hubs.values():
                if not hub.wants(told.event_type):
                    continue
                for one in hub.take(self.changes, told, self.now, self.habits, self.dialect):
                    lost = (one.about, one.event_type, one.note, "lost", None, 0, one.body)
                    self._note(Told(hub.id, *lost))

    def _note(self, one: Told) -> None:
        self.told.append(one)
        if self._noticed is not None:
            self._noticed(one)

    def _pause(self) -> timedelta:
        return timedelta(seconds=self._rhythm.uniform(*STEP_SECONDS))
