"""The service clock: seconds that count towards a promise.

Pure. Every second of a status counts, save of those that stop the clock (waiting for somebody
else) and of those in which nobody works any more. Time is counted between instants, so a night
on which the clocks change has its true length.
"""

from dataclasses import dataclass

from store.history.statuses import OPEN_ENDED
from store.times import seconds_between


@dataclass(frozen=True, slots=True)
class ServiceClock:
    """When the clock runs."""

    stopped_by: frozenset[str] = frozenset({"pending", "held"})

    def seconds(self, status: str, start: str, end: str) -> float:
        """Service seconds between two UTC texts in one status."""
        if status in self.stopped_by or status in OPEN_ENDED:
            return 0.0
        return seconds_between(start, end)
