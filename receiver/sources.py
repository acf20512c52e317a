"""SourceRules: what the edge is told about a sender by its door, in plain values."""

from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from store.dialects import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRules:
    """What was agreed with one sender."""

    validation: Literal["tolerant", "strict"] = "tolerant"
    on_invalid: Literal["refuse", "accept"] = "refuse"
    success_status: int = 204
    """204 (TMF621 v5), 200, or 201 with an EventSubscription body (v4)."""
    dialect: Dialect = field(default_factory=Dialect)
    """How it speaks; its status is not the answer's where success_status was said."""
    time_zone: str = "Europe/Berlin"
    """For times that name no zone (IANA name)."""

    def __post_init__(self) -> None:
        """Raise for an unknown zone now, not when the first event without one arrives."""
        ZoneInfo(self.time_zone)

    @property
    def strict(self) -> bool:
        """Whether what the guide requires is required."""
        return self.validation == "strict"
