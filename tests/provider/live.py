"""Going on in the present: open tickets take their next step now, and new ones come."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from tests.provider.history import History, Living, new_ticket
from tests.provider.life import life
from tests.provider.rhythm import to_milliseconds
from tests.provider.ticket import Fact, Ticket

ENOUGH = 40
"""With fewer open tickets than this, a new one comes."""
NEWCOMERS = 0.12


class LiveSteps:
    """Each call of `next_step` lets one ticket take one step, and gives the facts it leaves behind."""

    def __init__(self, past: History, seed: int, now: Callable[[], datetime]) -> None:
        self.living = list(past.living)
        self.number = past.next_number
        self.chance = Random(f"{seed}/live")
        self.seed = seed
        self.now = now

    def next_step(self) -> list[Fact]:
        """A step of an open ticket, or of a new one."""
        if len(self.living) < ENOUGH or self.chance.random() < NEWCOMERS:
            ticket = self.new_ticket()
            one = Living(ticket, life(ticket))
            self.living.append(one)
        else:
            one = self.chance.choice(self.living)
        return self.step(one)

    def step(self, one: Living) -> list[Fact]:
        """A step of this ticket; one whose life is over is not among the living any more."""
        one.ticket.clock = max(self._present(), one.ticket.clock)
        if next(one.steps, None) is None:
            self.living.remove(one)
        facts = one.ticket.facts[one.told :]
        one.told = len(one.ticket.facts)
        return facts

    def new_ticket(self) -> Ticket:
        """One that does not exist yet."""
        ticket = new_ticket(self.seed, self.number, self._present())
        self.number += 1
        return ticket

    def _present(self) -> datetime:
        """A little ago, so that nothing is told before it has happened."""
        return to_milliseconds(self.now()) - timedelta(seconds=12)
