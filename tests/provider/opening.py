"""What a consumer may ask for: a new ticket, to cancel one, to change one that is in work.

Each is checked, begins at once, and goes on with the steps of the ticket's life.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.provider.history import Living
from tests.provider.known import Resource
from tests.provider.life import cancelled_or, changed_then, life
from tests.provider.live import LiveSteps
from tests.provider.rhythm import ZONE
from tests.provider.tasks import CANCEL, INFLIGHT, Task
from tests.provider.ticket import Fact, Ticket

REQUIRED = ("description", "severity", "ticketType")
"""Of a new ticket (TMF621: TroubleTicket_FVO)."""
CATEGORIES = ("requestedResolutionDate", "note", "priority")
"""What may be changed in flight; another category is done without an effect on the ticket."""
OVER = frozenset({"resolved", "closed", "cancelled", "rejected"})
OURS = frozenset(
    {
        *("id", "href", "creationDate", "lastUpdate", "resolutionDate", "expectedResolutionDate"),
        *("status", "statusChangeDate", "statusChangeReason", "statusChangeHistory"),
        *("state", "stateChangeDate", "stateChangeMessage", "stateChangeHistory"),
        *("troubleTicket", "entity"),
    }
)
"""Members that only the provider says; references it completes."""


class NotOpened(Exception):
    """It is not done. (status, code, why)"""


def open_ticket(lives: LiveSteps, body: Resource) -> tuple[str, list[Fact]]:
    """A new ticket as it was asked for; its id, and what happened. Raises NotOpened."""
    for name in REQUIRED:
        if not isinstance(body.get(name), str) or not body[name]:
            raise NotOpened(400, "missingAttribute", f"{name} is required, and must be text.")
    for name in ("note", "relatedParty", "relatedEntity", "attachment", "externalIdentifier"):
        _objects(body, name)
    ticket = lives.new_ticket()
    _take(ticket, body)
    one = Living(ticket, life(ticket, acknowledged=True))
    lives.living.append(one)
    facts = lives.step(one)
    facts[0].payload["troubleTicket"].update(_theirs(body))
    return ticket.id, facts


def cancel_ticket(lives: LiveSteps, body: Resource) -> tuple[str, list[Fact]]:
    """Ask to cancel a ticket; the task's id, and what happened. Raises NotOpened."""
    one = _ticket_of(lives, body)
    task = Task(one.ticket, CANCEL, _theirs(body))
    one.steps = cancelled_or(one.ticket, task, one.steps)
    return task.id, lives.step(one)


def change_ticket(lives: LiveSteps, body: Resource) -> tuple[str, list[Fact]]:
    """Ask to change a ticket in flight; the task's id, and what happened. Raises NotOpened."""
    one = _ticket_of(lives, body)
    categories = body.get("category")
    if not isinstance(categories, list) or not categories or not isinstance(categories[0], str):
        raise NotOpened(400, "missingAttribute", "category is required, and must be a list.")
    _objects(body, "note")
    if "requestedResolutionDate" in body:
        one.ticket.due = _moment(body["requestedResolutionDate"])
    task = Task(one.ticket, INFLIGHT, _theirs(body))
    one.steps = changed_then(one.ticket, task, categories[0], one.steps)
    return task.id, lives.step(one)


OPENED: dict[str, Callable[[LiveSteps, Resource], tuple[str, list[Fact]]]] = {
    "troubleTicket": open_ticket,
    "cancelTroubleTicket": cancel_ticket,
    "inflightChangeTroubleTicket": change_ticket,
}


def _take(ticket: Ticket, body: Resource) -> None:
    """What was asked for is what later events go on from."""
    ticket.severity = body["severity"]
    ticket.priority = body.get("priority", ticket.priority)
    ticket.notes = list(body.get("note", ()))
    ticket.parties = list(body.get("relatedParty", ticket.parties))
    if "requestedResolutionDate" in body:
        ticket.due = _moment(body["requestedResolutionDate"])


def _ticket_of(lives: LiveSteps, body: Resource) -> Living:
    reference = body.get("troubleTicket")
    number = reference.get("id") if isinstance(reference, dict) else None
    if not isinstance(number, str):
        raise NotOpened(400, "missingAttribute", "troubleTicket.id is required.")
    one = next((one for one in lives.living if one.ticket.id == number), None)
    if one is None:
        raise NotOpened(409, "notChangeable", f"{number} is not known, or its life is over.")
    if one.ticket.status in OVER:
        raise NotOpened(409, "notChangeable", f"{number} is {one.ticket.status}.")
    return one


def _theirs(body: Resource) -> Resource:
    return {name: value for name, value in body.items() if name not in OURS and value is not None}


def _objects(body: Resource, name: str) -> None:
    items = body.get(name, [])
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise NotOpened(400, "invalidAttribute", f"{name} must be a list of objects.")
    if name == "note" and not all(isinstance(one.get("text"), str) for one in items):
        raise NotOpened(400, "invalidAttribute", "note.text must be text.")


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise NotOpened(
            400,
            "invalidAttribute",
            "requestedResolutionDate must be a time, as 2026-11-24T06:00:00Z.",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
