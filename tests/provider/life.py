"""A ticket's life, step by step: each step changes the ticket, then says how long it waits.

A life is a generator. Whoever drives it moves the ticket's clock by the time it yields (history)
or to the present (live), so that the same life can stop today and go on tomorrow.
"""

from collections.abc import Callable, Generator
from datetime import timedelta

from tests.provider import words
from tests.provider.people import TECHNICIANS
from tests.provider.rhythm import around, at_work
from tests.provider.tasks import Task, cancel, inflight_change
from tests.provider.ticket import Ticket

Steps = Generator[timedelta, None, None]
"""What a life yields: how long until its next step."""


def life(ticket: Ticket, *, acknowledged: bool = False) -> Steps:
    """From creation to closing; the way there is the ticket's own chance.

    Some are acknowledged when they come into being; `acknowledged` makes this one so.
    """
    chance = ticket.chance
    at_once = chance.random() < 0.4 or acknowledged
    ticket.create(acknowledged=at_once)
    if not at_once:
        yield timedelta(minutes=chance.uniform(0.3, 25))
        if chance.random() < 0.05:
            ticket.become("rejected", chance.choice(words.REJECTED))
            return
        ticket.become("acknowledged", chance.choice(words.ACCEPTED))
    yield from _pause(ticket, 1.2)
    _start(ticket)
    if chance.random() < 0.07 and (yield from _cancel_task(ticket)):
        return
    for _ in range((chance.random() < 0.8) + (chance.random() < 0.35) + (chance.random() < 0.12)):
        yield from _work(ticket, ticket.problem.hours[1] / 3)
        yield from chance.choices(EPISODES, SHARES)[0](ticket)
    yield from _work(ticket, ticket.problem.hours[1] / 2)
    ticket.become("resolved", chance.choice(ticket.problem.causes))
    while chance.random() < 0.13:
        yield from _reopened(ticket)
    yield from _pause(ticket, 40)
    ticket.become("closed", chance.choice(words.CLOSED))
    if chance.random() < 0.012:
        yield around(chance, 60)
        ticket.delete()


def _start(ticket: Ticket) -> None:
    chance = ticket.chance
    ticket.become("inProgress", chance.choice(words.STARTED))
    ticket.promise(ticket.clock + (ticket.due - ticket.clock) * chance.uniform(0.5, 1.0))
    if chance.random() < 0.3:
        ticket.assign(chance.choice(TECHNICIANS))


def _pause(ticket: Ticket, hours: float) -> Steps:
    """Wait until somebody is at work; critical tickets are worked on round the clock."""
    pause = around(ticket.chance, hours)
    if ticket.severity == "Critical":
        yield pause / 2
    else:
        yield at_work(ticket.chance, ticket.clock + pause) - ticket.clock


def _work(ticket: Ticket, hours: float) -> Steps:
    """Work on it; say so when the agreed time comes near, and when the promise slips."""
    (pause,) = _pause(ticket, hours)
    end = ticket.clock + pause
    # A tenth of the agreed time before its end: hours for a line, a day for a bill.
    warned = ticket.due - timedelta(hours=ticket.problem.hours[0]) / 10
    if not ticket.alerted and ticket.clock < warned < end and ticket.chance.random() < 0.75:
        yield warned - ticket.clock
        ticket.alert(*ticket.chance.choice(words.JEOPARDY), ends=end)
    if end > ticket.promised and ticket.chance.random() < 0.4:
        yield max(ticket.promised - ticket.clock, timedelta(seconds=5)) * 0.9
        ticket.promise(max(end, ticket.promised) + around(ticket.chance, 4))
    yield max(end - ticket.clock, timedelta(seconds=30))
    if ticket.chance.random() < 0.18:
        author = ticket.chance.choice(TECHNICIANS)[1]
        ticket.add_note(author, ticket.chance.choice(words.NOTES))


def _question(ticket: Ticket) -> Steps:
    """Pending and InformationRequired, until the member asked for comes."""
    chance = ticket.chance
    code, text, path = chance.choice(words.QUESTIONS)
    ticket.become("pending", (code, text))
    ticket.ask(path)
    yield from _pause(ticket, 10)
    if path == "/attachment":
        ticket.change(attachment=[ticket.attachment()])
    elif path == "/requestedResolutionDate":
        ticket.due += timedelta(days=1)
        ticket.change(requestedResolutionDate=ticket.when(ticket.due))
    elif path == "/relatedParty":
        ticket.assign(chance.choice(TECHNICIANS))
    else:
        ticket.add_note(ticket.line.customer[1], chance.choice(words.ANSWERS))
    yield from _pause(ticket, 0.7)
    ticket.become("inProgress", chance.choice(words.RESUMED))


def _hold(ticket: Ticket) -> Steps:
    """Waiting for something that nobody here can hasten."""
    chance = ticket.chance
    ticket.become("held", chance.choice(words.HOLDS))
    ticket.promise(ticket.promised + around(chance, 14))
    yield from _pause(ticket, 26)
    ticket.become("inProgress", chance.choice(words.RESUMED))


def _visit(ticket: Ticket) -> Steps:
    """A technician drives there."""
    chance = ticket.chance
    if chance.random() < 0.5:
        ticket.assign(chance.choice(TECHNICIANS))
    yield from _pause(ticket, 3)
    ticket.milestone(*chance.choice(words.MILESTONES))
    yield timedelta(minutes=chance.uniform(20, 90))
    ticket.add_note(chance.choice(TECHNICIANS)[1], chance.choice(words.NOTES))


def _progress(ticket: Ticket) -> Steps:
    """An interim word, because the partner asked for one."""
    ticket.milestone(*ticket.chance.choice(words.MILESTONES[1:]))
    yield timedelta(minutes=ticket.chance.uniform(5, 60))


def _escalation(ticket: Ticket) -> Steps:
    ticket.raise_priority()
    yield timedelta(minutes=ticket.chance.uniform(5, 60))
    ticket.add_note(ticket.line.originator[1], "Kunde eskaliert, bitte bevorzugt behandeln.")


def _inflight(ticket: Ticket) -> Steps:
    """The buyer changes his mind: a task, and what it does to the ticket."""
    chance = ticket.chance
    category, wish = chance.choice(words.INFLIGHT)
    if category == "requestedResolutionDate":
        ticket.due += timedelta(days=2)
    yield from changed(ticket, inflight_change(ticket, category, wish), category)


def changed(ticket: Ticket, task: Task, category: str) -> Steps:
    """What becomes of the wish for a change, and of the ticket by it."""
    chance = ticket.chance
    task.become("acknowledged")
    yield timedelta(minutes=chance.uniform(2, 40))
    if chance.random() < 0.2:
        task.become("rejected")
        return
    task.become("inProgress")
    yield from _pause(ticket, 1.5)
    if chance.random() < 0.12:
        task.become("terminatedWithError")
        return
    if category == "requestedResolutionDate":
        ticket.change(requestedResolutionDate=ticket.when(ticket.due))
    elif category == "priority":
        ticket.raise_priority()
    elif category == "note":
        said = [one["text"] for one in task.members.get("note", ())]
        ticket.add_note(ticket.line.originator[1], *(said[:1] or [chance.choice(words.ANSWERS)]))
    task.become("done")


def _cancel_task(ticket: Ticket) -> Generator[timedelta, None, bool]:
    """The buyer asks to cancel; granted unless a technician is on the way. True when cancelled."""
    yield from _pause(ticket, 3)
    return (yield from cancelled(ticket, cancel(ticket)))


def cancelled(ticket: Ticket, task: Task) -> Generator[timedelta, None, bool]:
    """What becomes of the wish to cancel, and of the ticket by it. True when it is cancelled."""
    chance = ticket.chance
    task.become("acknowledged")
    yield timedelta(minutes=chance.uniform(1, 30))
    task.become("inProgress")
    if chance.random() < 0.25 and ticket.status == "inProgress":
        ticket.become("assessingCancellation", ("0073", "Stornierung wird geprüft"))
    yield from _pause(ticket, 1)
    if chance.random() < 0.3:
        task.become("rejected")
        if ticket.status == "assessingCancellation":
            ticket.become("inProgress", chance.choice(words.RESUMED))
        return False
    task.become("done")
    ticket.become("cancelled", chance.choice(words.CANCELLED))
    return True


def cancelled_or(ticket: Ticket, task: Task, rest: Steps) -> Steps:
    """The wish to cancel interrupts a life, which goes on where it is refused."""
    if not (yield from cancelled(ticket, task)):
        yield from rest


def changed_then(ticket: Ticket, task: Task, category: str, rest: Steps) -> Steps:
    """The wish for a change interrupts a life, which then goes on."""
    yield from changed(ticket, task, category)
    yield from rest


def _reopened(ticket: Ticket) -> Steps:
    """The fault is back, or was never gone."""
    chance = ticket.chance
    yield around(chance, 8)
    ticket.become("inProgress", chance.choice(words.REOPENED))
    ticket.raise_priority()
    yield from _work(ticket, ticket.problem.hours[1] / 3)
    if chance.random() < 0.5:
        yield from _visit(ticket)
    yield from _work(ticket, ticket.problem.hours[1] / 6)
    ticket.become("resolved", chance.choice(ticket.problem.causes))


EPISODES: tuple[Callable[[Ticket], Steps], ...] = (
    _question,
    _hold,
    _visit,
    _progress,
    _escalation,
    _inflight,
)
SHARES = (24, 18, 26, 12, 9, 11)
