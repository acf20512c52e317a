"""Tasks: a buyer asks to cancel a ticket, or to change it in flight; each has its own states."""

from typing import Any

from tests.provider.ticket import API, Ticket, messages

CANCEL = "CancelTroubleTicket"
INFLIGHT = "InflightChangeTroubleTicket"
STATES = {
    "acknowledged": ("5001", "Auftrag angenommen und geprüft"),
    "inProgress": ("5002", "Auftrag in Bearbeitung"),
    "done": ("5003", "Auftrag ausgeführt"),
    "rejected": ("5004", "Abgelehnt: Techniker schon unterwegs"),
    "terminatedWithError": ("5005", "Terminated: target system did not answer"),
}


class Task:
    """One request about a ticket. Its states are told by events of the task, not of the ticket."""

    def __init__(self, ticket: Ticket, kind: str, members: dict[str, Any]) -> None:
        self.ticket = ticket
        self.kind = kind
        self.id = f"{kind[:3].upper()}-{ticket.chance.randrange(100_000, 999_999)}"
        self.history: list[dict[str, Any]] = []
        self.requested = ticket.when(ticket.clock)
        self.members = members

    def become(self, state: str) -> None:
        """Enter a state, and tell it (FIT: TaskEntity with stateChangeHistory)."""
        ticket = self.ticket
        change = {
            "state": state,
            "stateChangeDate": ticket.when(ticket.clock),
            "stateChangeMessage": messages(STATES[state]),
            "@type": "StateChange",
        }
        self.history.append(change)
        member = self.kind[0].lower() + self.kind[1:]
        body = {
            "id": self.id,
            "href": f"{API}/{member}/{self.id}",
            "requestDate": self.requested,
            "requestPostedDate": self.requested,
            "entity": self._reference("EntityRef"),
            "troubleTicket": self._reference("TroubleTicketRef"),
            **{name: value for name, value in change.items() if name != "@type"},
            "stateChangeHistory": list(self.history),
            **self.members,
            "@type": self.kind,
        }
        ticket.tell(f"{self.kind}StateChangeEvent", {member: body})

    def _reference(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.ticket.id,
            "href": self.ticket.href,
            "@type": kind,
            "@referredType": "TroubleTicket",
        }


def cancel(ticket: Ticket) -> Task:
    """The buyer wants the ticket cancelled."""
    reason = ticket.chance.choice(
        ("Fehler besteht nicht mehr", "Doppelt gemeldet", "Customer withdrew the complaint")
    )
    return Task(ticket, CANCEL, {"cancellationReason": reason})


def inflight_change(ticket: Ticket, category: str, wish: str) -> Task:
    """The buyer wants something else than the ticket says."""
    members: dict[str, Any] = {
        "category": [category],
        "buyerMessage": {"code": "5100", "text": wish, "@type": "Message"},
    }
    if category == "requestedResolutionDate":
        members["requestedResolutionDate"] = ticket.when(ticket.due)
    return Task(ticket, INFLIGHT, members)
