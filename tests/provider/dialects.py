"""How the provider speaks: which events there are, and what a resource looks like.

fit     FIT v0.0.1: all fourteen events, tasks, FaultTickets
fit-v1  FIT v1.0.0: no Resolved (its change of status says it), no Delete
v5      TMF621 v5.0.1: ten events, no tasks, its eight statuses; milestones and alerts are
        attributes
v4      TMF621 v4.0.0: six events, tickets only, its older names
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.provider.envelope import Notification
from tests.provider.known import KINDS, Resource, kind_of
from tests.provider.ticket import Fact

_V4_EVENTS = frozenset(
    f"TroubleTicket{what}Event"
    for what in (
        "Create", "AttributeValueChange", "StatusChange", "Delete", "Resolved", "InformationRequired",
    )
)  # fmt: skip
_ATTRIBUTES = "TroubleTicketAttributeValueChangeEvent"


@dataclass(frozen=True, slots=True)
class Dialect:
    kinds: tuple[str, ...]
    renamed: Mapping[str, str | None]
    """Event types that it tells as another one, or (None) not at all."""
    only: frozenset[str] | None = None
    """The event types that there are; None is all."""
    written: Callable[[Resource], Resource] = lambda resource: resource
    """A ticket, or a part of one, as it says it."""
    prefix: str = "/tmf-api/troubleTicketManagement/v5"
    version_4: bool = False
    """A subscription has no @type, and cannot be asked for; `timeOcurred`."""

    def told(self, fact: Fact) -> Fact | None:
        """The fact as it is told; None where it is not."""
        event_type = self.renamed.get(fact.event_type, fact.event_type)
        kind = kind_of(fact.event_type)
        if event_type is None or kind not in self.kinds:
            return None
        if self.only is not None and event_type not in self.only:
            return None
        payload = fact.payload | {kind: self.resource(kind, fact.payload[kind])}
        return Fact(fact.at, event_type, fact.about, payload)

    def enveloped(self, notification: Notification) -> Notification:
        """The envelope as it has it: v4 misspells a member."""
        if not self.version_4:
            return notification
        body = {
            "timeOcurred" if name == "timeOccurred" else name: value
            for name, value in notification.body.items()
        }
        return replace(notification, body=body)

    def resource(self, kind: str, resource: Resource) -> Resource:
        """A resource of this kind as it is answered."""
        return self.written(resource) if kind == "troubleTicket" else resource


def _with_official_statuses(ticket: Resource) -> Resource:
    """`assessingCancellation` is MEF's; in TMF621 such a ticket is pending."""

    def official(part: Any) -> Any:
        if part.get("status") == "assessingCancellation":
            return part | {"status": "pending"}
        return part

    told = official(ticket)
    if "statusChangeHistory" in told:
        told = told | {
            "statusChangeHistory": [official(one) for one in told["statusChangeHistory"]]
        }
    return told


def _as_in_version_4(ticket: Resource) -> Resource:
    told = dict(_with_official_statuses(ticket))
    if "statusChangeHistory" in told:
        told["statusChange"] = [
            {
                "changeDate": one["statusChangeDate"],
                "changeReason": one["statusChangeReason"],
                "status": one["status"],
                "@type": "StatusChange",
            }
            for one in told.pop("statusChangeHistory")
        ]
    for name, inner in (("relatedParty", "partyOrPartyRole"), ("relatedEntity", "entity")):
        if name in told:
            told[name] = [
                {"role": one["role"], **one[inner]} if inner in one else one for one in told[name]
            ]
    if told.get("externalIdentifier"):
        told["externalId"] = told.pop("externalIdentifier")[0]["id"]
    for name in ("troubleTicketSpecification", "troubleTicketCharacteristic"):
        told.pop(name, None)
    return told


DIALECTS: Mapping[str, Dialect] = {
    "fit": Dialect(KINDS, {}),
    "fit-v1": Dialect(
        KINDS, {"TroubleTicketResolvedEvent": None, "TroubleTicketDeleteEvent": None}
    ),
    "v5": Dialect(
        ("troubleTicketSpecification", "troubleTicket"),
        {
            "TroubleTicketMilestoneEvent": _ATTRIBUTES,
            "TroubleTicketJeopardyAlertEvent": _ATTRIBUTES,
        },
        written=_with_official_statuses,
        prefix="/tmf-api/troubleTicket/v5",
    ),
    "v4": Dialect(
        ("troubleTicket",),
        {
            "TroubleTicketMilestoneEvent": _ATTRIBUTES,
            "TroubleTicketJeopardyAlertEvent": _ATTRIBUTES,
        },
        only=_V4_EVENTS,
        written=_as_in_version_4,
        prefix="/tmf-api/troubleTicket/v4",
        version_4=True,
    ),
}
