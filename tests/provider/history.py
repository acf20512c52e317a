"""Everything a provider sent in the past weeks: the same seed and `now`, the same bytes."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from tests.provider.envelope import Delivery, wrap
from tests.provider.life import Steps, life
from tests.provider.mischief import deliveries
from tests.provider.problems import PROBLEMS
from tests.provider.rhythm import arrivals, to_milliseconds
from tests.provider.specifications import specification_facts
from tests.provider.ticket import Fact, Ticket

SPAN = timedelta(days=42)
SEED = 621
TICKETS = 500
FIRST_NUMBER = 104_211


@dataclass(slots=True)
class Living:
    """A ticket and the rest of its life."""

    ticket: Ticket
    steps: Steps
    told: int = 0
    """How many of its facts are told, or lost on the way."""


@dataclass(frozen=True, slots=True)
class History:
    deliveries: list[Delivery]
    """In the order in which they are sent."""
    living: list[Living]
    """Tickets whose life goes on."""
    facts: list[Fact]
    """What happened until `now`, whatever was told of it; oldest first."""
    next_number: int


def history(seed: int = SEED, tickets: int = TICKETS, *, now: datetime) -> History:
    """Live the lives of `tickets` tickets until `now` (aware, UTC), and tell about them."""
    chance = Random(f"{seed}/arrivals")
    facts = specification_facts(now - SPAN, now, Random(f"{seed}/catalogue"))
    living: list[Living] = []
    outage: Ticket | None = None
    for number, moment in enumerate(arrivals(chance, tickets, now - SPAN, now)):
        ticket = new_ticket(seed, FIRST_NUMBER + number, moment, outage)
        outage = ticket if ticket.problem.key == "dslamOutage" else outage
        steps = life(ticket)
        if _live_until(now, ticket, steps):
            happened = sum(fact.at <= now for fact in ticket.facts)
            living.append(Living(ticket, steps, happened))
        facts.extend(fact for fact in ticket.facts if fact.at <= now)
    facts.sort(key=lambda fact: fact.at)
    envelopes = Random(f"{seed}/envelopes")
    told = [wrap(fact, envelopes) for fact in facts]
    return History(
        deliveries(told, now, Random(f"{seed}/mischief")), living, facts, FIRST_NUMBER + tickets
    )


def new_ticket(seed: int, number: int, moment: datetime, outage: Ticket | None = None) -> Ticket:
    """A ticket that does not exist yet; a recent outage nearby may be its reason."""
    chance = Random(f"{seed}/{number}")
    problem = chance.choices(PROBLEMS, [one.share for one in PROBLEMS])[0]
    ticket = Ticket(f"TT-{number}", problem, moment, chance)
    if outage and problem.key == "noSync" and moment - outage.clock < timedelta(hours=8):
        ticket.related.append(
            {
                "id": outage.id,
                "href": outage.href,
                "name": "Großstörung",
                "relationshipType": "causedBy",
                "@type": "TroubleTicketRelationship",
                "@referredType": "TroubleTicket",
            }
        )
    return ticket


def interesting(past: History) -> str:
    """Id of the ticket with the most to see: kinds of events, reopened, and not over yet."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for one in past.deliveries:
        if one.about.startswith("TT-"):
            kinds[one.about][one.event_type] += 1
    going_on = {one.ticket.id for one in past.living if one.ticket.status != "closed"}

    def score(about: str) -> tuple[int, int, str]:
        told = kinds[about]
        reopened = told["TroubleTicketResolvedEvent"] > 1
        return len(told) + 2 * reopened + 2 * (about in going_on), told.total(), about

    return max(kinds, key=score)


def _live_until(now: datetime, ticket: Ticket, steps: Steps) -> bool:
    """Live on, step by step; True when the next step lies in the future."""
    for pause in steps:
        if ticket.clock + pause > now:
            return True
        ticket.clock = to_milliseconds(ticket.clock + pause)
    return False
