"""What the provider knows: each resource as its facts told it. A member told replaces, others stay."""

from typing import Any

from tests.provider.ticket import Fact

Resource = dict[str, Any]

KINDS = (
    "troubleTicketSpecification",
    "cancelTroubleTicket",
    "inflightChangeTroubleTicket",
    "troubleTicket",
)
"""Resource types as paths and payloads name them; a longer name before its beginning."""


class Known:
    """Every resource that there is, by kind and id, in the order of coming into being."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Resource]] = {kind: {} for kind in KINDS}

    def learn(self, fact: Fact) -> None:
        """Take what a fact tells into what is known. What it deletes is there no more."""
        kind = kind_of(fact.event_type)
        told = fact.payload[kind]
        found = self._kinds[kind]
        if fact.event_type.endswith("DeleteEvent"):
            found.pop(told["id"], None)
        else:
            found[told["id"]] = found.get(told["id"], {}) | told

    def every(self, kind: str) -> list[Resource]:
        """Oldest first."""
        return list(self._kinds[kind].values())

    def one(self, kind: str, number: str) -> Resource | None:
        return self._kinds[kind].get(number)


def kind_of(event_type: str) -> str:
    """The resource type that an event type is about."""
    return next(kind for kind in KINDS if event_type.lower().startswith(kind.lower()))
