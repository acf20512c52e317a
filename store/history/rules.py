"""What a fold is told about a source and its clock. Plain values, filled from settings by the doors."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from store.dialects import Speech
from store.history.clock import ServiceClock


@dataclass(frozen=True, slots=True)
class Rules:
    """For one source."""

    zone: str = "Europe/Berlin"
    """Of times that name none (IANA name)."""
    clock: ServiceClock = field(default_factory=ServiceClock)
    speech: Speech | None = None
    """How its bytes are read; None: as TMF621 v5 has them."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """For every source: those that settings name, and all others."""

    by_source: Mapping[str, Rules] = field(default_factory=dict[str, Rules])
    others: Rules = field(default_factory=Rules)

    def of(self, source: str) -> Rules:
        """The rules for a source."""
        return self.by_source.get(source, self.others)

    @property
    def fingerprint(self) -> int:
        """The same for the same rules: histories folded by others have to be folded anew."""
        others = {name: one for name, one in self.by_source.items() if one != self.others}
        said = msgspec.json.encode([others, self.others], order="sorted")
        return int.from_bytes(hashlib.sha256(said).digest()[:7])
