"""COLLECTIONS: what is served, one line each, and which attributes each is known to have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from receiver.events import EXTENSIONS
from receiver.models.common import Open
from receiver.models.specification import TroubleTicketSpecification
from receiver.models.tasks import CancelTroubleTicket, InflightChangeTroubleTicket
from receiver.models.ticket import TroubleTicket


@dataclass(frozen=True, slots=True)
class Collection:
    """One resource type of TMF621."""

    model: type[Open]

    @property
    def resource_type(self) -> str:
        """TMF621's name of it."""
        return self.model.__name__

    @property
    def path(self) -> str:
        """Behind a prefix."""
        return f"/{self.resource_type[0].lower()}{self.resource_type[1:]}"

    def has(self, path: Sequence[str]) -> bool:
        """Whether TMF621, FIT or v4 give it this member, those of its extensions included."""
        models = [self.model, *(one for one in EXTENSIONS.values() if issubclass(one, self.model))]
        return any(_leads_somewhere(model, path) for model in models)


def _leads_somewhere(annotation: Any, path: Sequence[str]) -> bool:
    """Whether a type has a member there; through optional ones and lists."""
    if not path:
        return True
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return any(_leads_somewhere(inner, path) for inner in get_args(annotation))
    fields = annotation.model_fields.items()
    return any(
        path[0] == (field.alias or name) and _leads_somewhere(field.annotation, path[1:])
        for name, field in fields
    )


COLLECTIONS = tuple(
    Collection(model)
    for model in (
        TroubleTicket,
        TroubleTicketSpecification,
        CancelTroubleTicket,
        InflightChangeTroubleTicket,
    )
)
