"""What a fold is told about a source and its clock. Plain values, filled from settings by the doors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from store.history.clock import ServiceClock


@dataclass(frozen=True, slots=True)
class Rules:
    """For one source."""

    zone: str = "Europe/Berlin"
    """Of times that name none (IANA name)."""
    clock: ServiceClock = field(default_factory=ServiceClock)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """For every source: those that settings name, and all others."""

    by_source: Mapping[str, Rules] = field(default_factory=dict[str, Rules])
    others: Rules = field(default_factory=Rules)

    def of(self, source: str) -> Rules:
        """The rules for a source."""
        return self.by_source.get(source, self.others)
