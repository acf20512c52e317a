"""MirrorRules: how much the mirror may cost, in plain values; config/mirror.py says why so much."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorRules:
    """For every GET of the mirror."""

    page_resources: int = 100
    most_resources: int = 1_000
    page_bytes: int = 16_777_216
    readers: int = 2
    waiting: int = 32
    seconds: float = 5.0
