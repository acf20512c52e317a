"""A log of any size: the simulated provider's six weeks, told again under other ids."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from itertools import count, islice
from pathlib import Path

from store import NewEvent, open_log
from tests.logs import provider_log

TICKETS = 200
"""Of the lives that are told again and again: some 2,300 events."""


def make(directory: Path, events: int) -> int:
    """Write a log of this many events into an empty directory; its size in bytes of bodies."""
    size = 0
    with closing(open_log(directory)) as log:
        stream = islice(_told_again(), events)
        while batch := list(islice(stream, 500)):
            log.append(batch)
            size += sum(len(event.body) for event in batch)
    return size


def _told_again() -> Iterator[NewEvent]:
    first = list(provider_log(TICKETS).read())
    members = [one.name for one in fields(NewEvent)]
    for copy in count():
        for event in first:
            values = {name: getattr(event, name) for name in members}
            yield NewEvent(**{**values, **_renamed(event, copy)})


def _renamed(event: NewEvent, copy: int) -> dict[str, object]:
    """Other tickets, tasks and specifications of the same shape: every id gets the copy's mark."""
    old, new = b"TT-1", b"T%d-1" % copy
    event_id = f"{copy}-{event.event_id}"
    body = event.body.replace(old, new).replace(event.event_id.encode(), event_id.encode())
    found: dict[str, object] = {
        "event_id": event_id,
        "body": body,
        "digest": hashlib.sha256(body).hexdigest(),
        "resource_id": event.resource_id.replace(old.decode(), new.decode()),
    }
    if event.ticket_id is not None:
        found["ticket_id"] = event.ticket_id.replace(old.decode(), new.decode())
        if event.resource_type != "TroubleTicket":
            found["resource_id"] = f"{copy}-{event.resource_id}"
    return found
