"""EVENT_TYPES: one line per event type. To take a new one, add its line (and its model).

An event is posted to /listener/{path}; path is the name with its first letter lowered.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from receiver.models.common import Open
from receiver.models.specification import TroubleTicketSpecification
from receiver.models.tasks import CancelTroubleTicket, InflightChangeTroubleTicket
from receiver.models.ticket import FaultTicket, TroubleTicket


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event: what it is called and what it carries."""

    name: str
    """Canonical, `TroubleTicketCreateEvent`; begins with the resource type it is about."""
    member: str
    """The member of `event` that carries the resource."""
    resource_type: str
    model: type[Open]

    @property
    def path(self) -> str:
        """The last segment of the path it is posted to."""
        return _lowered(self.name)


# fmt: off
EVENT_TYPES: tuple[EventType, ...] = (
    EventType("TroubleTicketCreateEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("TroubleTicketAttributeValueChangeEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("TroubleTicketStatusChangeEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("TroubleTicketResolvedEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("TroubleTicketInformationRequiredEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("TroubleTicketDeleteEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("TroubleTicketMilestoneEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("TroubleTicketJeopardyAlertEvent", "troubleTicket", "TroubleTicket", TroubleTicket),
    EventType("CancelTroubleTicketStateChangeEvent", "cancelTroubleTicket", "CancelTroubleTicket", CancelTroubleTicket),
    EventType("InflightChangeTroubleTicketStateChangeEvent", "inflightChangeTroubleTicket", "InflightChangeTroubleTicket", InflightChangeTroubleTicket),
    EventType("TroubleTicketSpecificationCreateEvent", "troubleTicketSpecification", "TroubleTicketSpecification", TroubleTicketSpecification),
    EventType("TroubleTicketSpecificationAttributeValueChangeEvent", "troubleTicketSpecification", "TroubleTicketSpecification", TroubleTicketSpecification),
    EventType("TroubleTicketSpecificationStatusChangeEvent", "troubleTicketSpecification", "TroubleTicketSpecification", TroubleTicketSpecification),
    EventType("TroubleTicketSpecificationDeleteEvent", "troubleTicketSpecification", "TroubleTicketSpecification", TroubleTicketSpecification),
)
# fmt: on

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        # v4 and FIT's prose say state, Salesforce and V.tal send it so.
        "TroubleTicketStateChangeEvent": "TroubleTicketStatusChangeEvent",
        "TroubleTicketSpecificationStateChangeEvent": "TroubleTicketSpecificationStatusChangeEvent",
        # TMF641 names its listener without Alert.
        "TroubleTicketJeopardyEvent": "TroubleTicketJeopardyAlertEvent",
    }
)
"""Other names that have a path of their own."""

EXTENSIONS: Mapping[str, type[Open]] = MappingProxyType({"FaultTicket": FaultTicket})
"""Resources that are told from their base by `@type`."""

_SYNONYMS = (
    ("statechange", "statuschange"),
    ("creation", "create"),
    ("remove", "delete"),
    ("attributechange", "attributevaluechange"),
)


class EventTypes:
    """The event types that an app takes, found by path or by what senders call them."""

    def __init__(
        self, lines: Sequence[EventType], agreed: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`agreed`: names of events in the dialects of sources, and ours."""
        self.lines = tuple(lines)
        self.by_name = {line.name: line for line in self.lines}
        self.agreed = {_lowered(alias) for alias in agreed}
        aliases = {
            alias: self.by_name[name]
            for alias, name in {**ALIASES, **agreed}.items()
            if name in self.by_name
        }
        self.by_path = {line.path: line for line in self.lines} | {
            _lowered(alias): line for alias, line in aliases.items()
        }
        self._loosely = {_loose(name): line for name, line in (self.by_name | aliases).items()}

    def called(self, text: object) -> EventType | None:
        """The event type a sender means by `@type` or `eventType`, whatever the spelling.

        Any case, `…Notification`, State for Status, Creation, Remove, AttributeChange, and words
        after Event (`…CreateEventForCase`) are understood.
        """
        if not isinstance(text, str):
            return None
        return self.by_name.get(text) or self._loosely.get(_loose(text))


def _lowered(name: str) -> str:
    return name[0].lower() + name[1:]


def _loose(name: str) -> str:
    loose = re.sub(r"(event|notification).*", "", name.casefold(), flags=re.DOTALL)
    for word, same in _SYNONYMS:
        loose = loose.replace(word, same)
    return loose
