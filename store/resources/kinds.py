"""KINDS: the resources that can be read, by TMF621's name; where history.db keeps each."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Kind:
    """One line: a FROM clause and the columns that matter in it."""

    resource_type: str
    rows: str
    """FROM, with aliases; WHERE too, where it needs one."""
    key: str
    """Column of the primary key."""
    id: str
    source: str
    state: str
    """JSON of the whole resource."""
    deleted_at: str = "NULL"


_TASKS = "tasks AS k WHERE k.resource_type = '{}'"

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.resource_type: kind
        for kind in (
            Kind(
                "TroubleTicket",
                # From the narrow rows to the wide ones: an index on the former finds most.
                "tickets AS k CROSS JOIN states AS s ON s.ticket = k.ticket WHERE true",
                *("k.ticket", "k.id", "k.source", "s.state", "k.deleted_at"),
            ),
            Kind(
                "TroubleTicketSpecification",
                "specifications AS k WHERE true",
                *("k.specification", "k.id", "k.source", "k.state", "k.deleted_at"),
            ),
            *(
                Kind(name, _TASKS.format(name), "k.task", "k.id", "k.source", "k.state_json")
                for name in ("CancelTroubleTicket", "InflightChangeTroubleTicket")
            ),
        )
    }
)
