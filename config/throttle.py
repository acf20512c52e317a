"""Failed attempts, counted per address: a bucket of them each, refilled with time, then 429."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

MOST_ADDRESSES = 10_000
"""Addresses remembered; beyond it the one that failed longest ago is forgotten."""
_IPV6_NETWORK_BITS = 64


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Throttle:
    """How many more wrong credentials each address may try."""

    def __init__(
        self,
        burst: int,
        per_minute: float,
        *,
        most_addresses: int = MOST_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = float(burst)
        self._per_second = per_minute / 60
        self._most = most_addresses
        self._clock = clock
        self._buckets: OrderedDict[object, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._buckets)

    def seconds_to_wait(self, address: Address | None) -> int:
        """0 when it may try; else whole seconds until it may again."""
        bucket = self._buckets.get(_owner(address))
        if bucket is None:
            return 0
        missing = 1 - self._left(bucket)
        return math.ceil(missing / self._per_second) if missing > 0 else 0

    def failed(self, address: Address | None) -> bool:
        """Count one; whether it was the last that it may."""
        owner = _owner(address)
        bucket = self._buckets.pop(owner, None) or _Bucket(self._burst, self._clock())
        before = self._left(bucket)
        bucket.left, bucket.at = max(before - 1, 0.0), self._clock()
        # Put back at the end: the one that failed longest ago stays in front.
        self._buckets[owner] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return before >= 1 > bucket.left

    def _left(self, bucket: _Bucket) -> float:
        gained = (self._clock() - bucket.at) * self._per_second
        return min(self._burst, bucket.left + gained)


def _owner(address: Address | None) -> object:
    """IPv6 hands a customer a /64 at least: addresses in it are one's own to choose."""
    if isinstance(address, IPv6Address):
        return int(address) >> (128 - _IPV6_NETWORK_BITS)
    return address
