"""ReconcileRules: how one provider is reconciled with; config/provider.py says why so."""

from dataclasses import dataclass, field
from pathlib import Path

from store.dialects import Dialect

RESOURCE_TYPES = (
    "TroubleTicketSpecification",
    "CancelTroubleTicket",
    "InflightChangeTroubleTicket",
    "TroubleTicket",
)
"""In the order in which they are read: a task may name a ticket that we never heard of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRules:
    """For one source."""

    source: str
    dialect: Dialect = field(default_factory=Dialect)
    """Where the provider has what, and in which words."""
    zone: str = "UTC"
    """Of times that name none."""
    page_size: int = 100
    grace_seconds: float = 10.0
    """What changed this short a while ago may still be on its way to us."""
    most: int = 1_000_000
    """Resources of one type read at most."""
    most_asked: int = 500
    """Open tickets that the list did not name, asked for one by one, at most."""
    key: Path | None = None
    """ed25519 private key, PEM, that signs certificates."""
    at_start: bool = True
    every_seconds: float = 900.0
    """0: never by the clock."""
    whole_every_seconds: float = 86_400.0
    """How often everything is read, not only what changed."""
    thin: bool = True
    """Whether notifications that tell an id alone are completed."""
