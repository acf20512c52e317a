"""What every target promises, and how it says that an event was not delivered.

A stream takes events in a row: when `sync` returns, they are where they belong. An endpoint takes
one event at a time, several tickets at once: when `deliver` returns, it has been acknowledged.
Both may be given an event again after a crash; `key_of` is the same then, and is what they
recognise it by.

    Undelivered
      Rejected      it will never be taken as it is: 400, 404, 413, 422, …
      Failed        the target fell over it, or over something else: 500
      Unavailable   the target cannot be reached, or lets nobody in: says nothing about the event
        NotLetIn    who gives out tokens has none for us
        Busy        it said so itself: 429, 503
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import msgspec

from store.events import RecordedEvent
from store.replay.selection import Row


class Undelivered(Exception):
    """An event was not acknowledged. The text says why, without payload or credentials."""

    retry_after: float | None = None
    """Seconds that the target asked us to wait."""


class Rejected(Undelivered):
    """The target will never take this event."""


class Failed(Undelivered):
    """The target failed, perhaps because of this event."""


class Unavailable(Undelivered):
    """The target answers nobody at the moment."""


class NotLetIn(Unavailable):
    """Whoever gives out tokens has none for us: asking again will not help."""


class Busy(Unavailable):
    """The target asks for time."""


class Unwritable(Exception):
    """A stream could not take what it was given. The text says why."""


class Stream(Protocol):
    """Takes pages of rows, in order."""

    def tail(self, most: int) -> list[int]:
        """Positions of the last events that it took, up to so many, in order; empty when it need
        not know, because the same event again changes nothing.
        """
        ...

    def write(self, page: Sequence[Row]) -> None:
        """Take all of them. Raises Unwritable."""
        ...

    def sync(self) -> None:
        """What was written is kept when it returns. Raises as write."""
        ...

    def close(self) -> None: ...


class Endpoint(Protocol):
    """Takes single events, several at once."""

    async def deliver(self, event: RecordedEvent) -> None:
        """Return when the event has been acknowledged. Raises Undelivered."""
        ...

    async def close(self) -> None: ...


Target = Stream | Endpoint


def key_of(event: RecordedEvent) -> str:
    """The identity of an event, the same for ever and in every copy of the log: 40 hex digits.

    An event is known by source, type and id; a conflict (the same with other content) also by what
    it says.
    """
    content = event.digest if event.conflict_of is not None else ""
    return key(event.source, event.event_type, event.event_id, content)


def key_of_row(row: Row) -> str:
    """The same for a row."""
    return key(row[1], row[2], row[3], row[13].hex() if row[14] is not None else "")


def key(source: str, event_type: str, event_id: str, content: str) -> str:
    """From the parts of an identity; `content` is a digest, or empty."""
    told = msgspec.json.encode([source, event_type, event_id, content])
    return hashlib.sha256(told).hexdigest()[:40]


@lru_cache(maxsize=64)
def path_of(event_type: str) -> str:
    """The last segment of the path that an event of this type is posted to."""
    return event_type[:1].lower() + event_type[1:]
