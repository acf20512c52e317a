"""PullRules: how much consumers may cost, in plain values; config/consumers.py says why so much."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRules:
    """For GET /events and its stream."""

    streams: int = 32
    readers: int = 2
    page_events: int = 1_000
    page_bytes: int = 1_048_576
    wait_seconds: int = 60
    heartbeat_seconds: float = 15.0
    stream_seconds: float = 3_600.0
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRules:
    """For POST /hub and what is delivered."""

    private_addresses: bool = False
    subscriptions: int = 100
    timeout_seconds: float = 10.0
    at_once: int = 8
    longest_pause_seconds: float = 60.0
