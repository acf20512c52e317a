"""Going on in the present: open tickets take their next step now, and new ones come."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from random import Random

from tests.provider.envelope import Delivery, wrap
from tests.provider.history import History, Living, new_ticket
from tests.provider.life import life
from tests.provider.mischief import posts
from tests.provider.rhythm import to_milliseconds
from tests.provider.ticket import Fact

ENOUGH = 40
"""With fewer open tickets than this, a new one comes."""
NEWCOMERS = 0.12
SOON = timedelta(seconds=5)


class LiveSteps:
    """Each call of `next_step` gives what one step of one ticket makes the provider send."""

    def __init__(self, past: History, seed: int, now: Callable[[], datetime]) -> None:
        self.living = list(past.living)
        self.number = past.next_number
        self.chance = Random(f"{seed}/live")
        self.seed = seed
        self.now = now
        self._held_back: list[Delivery] = []

    def next_step(self) -> list[Delivery]:
        """One ticket takes a step: what is sent now. Some are odd, or come twice, or come later."""
        told = [wrap(fact, self.chance) for fact in self._live_on()]
        posted = [
            delivery for notification in told for delivery in posts(notification, self.chance)
        ]
        self._held_back.extend(one for one in posted if one.at > self.now() + SOON)
        due = [one for one in self._held_back if one.at <= self.now()]
        self._held_back = [one for one in self._held_back if one not in due]
        return [one for one in posted if one.at <= self.now() + SOON] + due

    def _live_on(self) -> list[Fact]:
        known = 0
        if len(self.living) < ENOUGH or self.chance.random() < NEWCOMERS:
            ticket = new_ticket(self.seed, self.number, self._present())
            self.number += 1
            one = Living(ticket, life(ticket))
            self.living.append(one)
        else:
            one = self.chance.choice(self.living)
            known = len(one.ticket.facts)
            one.ticket.clock = max(self._present(), one.ticket.clock)
        if next(one.steps, None) is None:
            self.living.remove(one)
        return one.ticket.facts[known:]

    def _present(self) -> datetime:
        """A little ago, so that nothing is told before it has happened."""
        return to_milliseconds(self.now()) - timedelta(seconds=12)


async def trickle(live: LiveSteps) -> AsyncIterator[Delivery]:
    """An event every one to three seconds, for ever."""
    while True:
        for delivery in live.next_step():
            yield delivery
            await asyncio.sleep(live.chance.uniform(1, 3))
