"""The log in memory: the same promises, but for the disk. For tests and trials."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, TypeVar

from store.events import (
    Appended,
    Decision,
    EventHead,
    NewEvent,
    Quarantined,
    RecordedEvent,
    Redelivery,
    Refused,
    Telling,
)
from store.log.group_commit import Answer, Entry, GroupCommit
from store.log.identity import FIRST_CHAIN, chain_of, known
from store.log.protocol import LogUnavailable
from store.log.seals import FIRST_SEAL, seal_of

Row = TypeVar("Row")


class MemoryLog:
    """An EventLog that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._events: list[RecordedEvent] = []
        self._keys: dict[tuple[str, str, str], list[tuple[int, bytes]]] = {}
        self._redeliveries: list[Redelivery] = []
        self._quarantine: list[Quarantined] = []
        self._closed = False

    def append(self, events: Sequence[NewEvent]) -> list[Appended]:
        self._must_be_open()
        self._must_be_text(events)
        return [self._append(event) for event in events]

    def quarantine(self, refused: Sequence[Refused]) -> list[int]:
        self._must_be_open()
        return [self._refuse(entry) for entry in refused]

    def head(self) -> int:
        self._must_be_open()
        return len(self._events)

    def event(self, position: int) -> RecordedEvent | None:
        return next(iter(self.events([position])), None)

    def events(self, positions: Sequence[int]) -> list[RecordedEvent]:
        self._must_be_open()
        wanted = sorted(set(positions))
        return [self._events[n - 1] for n in wanted if 1 <= n <= len(self._events)]

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        return self._from(self._events, after, limit)

    def heads(self, after: int = 0, limit: int | None = None) -> Iterator[EventHead]:
        return map(EventHead.of, self.read(after, limit))

    def told(self, positions: Sequence[int]) -> list[tuple[Telling, bytes]]:
        return [(Telling.of(event), event.body) for event in self.events(positions)]

    def redeliveries(self, after: int = 0, limit: int | None = None) -> Iterator[Redelivery]:
        return self._from(self._redeliveries, after, limit)

    def quarantine_entry(self, number: int) -> Quarantined | None:
        return next(self.quarantined(number - 1, 1), None) if number > 0 else None

    def quarantined(self, after: int = 0, limit: int | None = None) -> Iterator[Quarantined]:
        return self._from(self._quarantine, after, limit)

    def decisions(self, after: int = 0, limit: int | None = None) -> Iterator[Decision]:
        """None: nobody decides about what is forgotten when the process ends."""
        return self._from(list[Decision](), after, limit)

    def close(self) -> None:
        self._closed = True

    def _append(self, event: NewEvent) -> Appended:
        kept = self._keys.setdefault((event.source, event.event_type, event.event_id), [])
        repeated = known(event, kept, lambda position: self._events[position - 1].body)
        if repeated:
            number = len(self._redeliveries) + 1
            self._redeliveries.append(Redelivery(number, repeated.position, event.received_at))
            return repeated
        position = len(self._events) + 1
        conflict_of = kept[0][0] if kept else None
        previous = bytes.fromhex(self._events[-1].chain) if self._events else FIRST_CHAIN
        chain = chain_of(previous, event, position, conflict_of).hex()
        self._events.append(
            RecordedEvent(
                **_members(event, NewEvent), position=position, conflict_of=conflict_of, chain=chain
            )
        )
        kept.append((position, bytes.fromhex(event.digest)))
        return Appended(position, conflict_of=conflict_of)

    def _refuse(self, refused: Refused) -> int:
        number = len(self._quarantine) + 1
        digest = hashlib.sha256(refused.body).hexdigest()
        previous = bytes.fromhex(self._quarantine[-1].chain) if self._quarantine else FIRST_SEAL
        chain = seal_of(previous, refused, number, digest).hex()
        told = _members(refused, Refused)
        self._quarantine.append(Quarantined(**told, id=number, digest=digest, chain=chain))
        return number

    def _must_be_open(self) -> None:
        if self._closed:
            raise LogUnavailable("The log is closed.")

    def _must_be_text(self, events: Sequence[NewEvent]) -> None:
        # Before anything is kept: an append is whole or it is nothing.
        for event in events:
            bytes.fromhex(event.digest)
            chain_of(FIRST_CHAIN, event, 0, None)

    def _from(self, rows: list[Row], after: int, limit: int | None) -> Iterator[Row]:
        self._must_be_open()
        return islice(rows, max(after, 0), None if limit is None else max(after, 0) + limit)


def _members(entry: NewEvent | Refused, kind: type[NewEvent | Refused]) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(kind)}


class MemoryAppender(GroupCommit):
    """An Appender over a MemoryLog."""

    def __init__(
        self, log: MemoryLog, *, queue_events: int = 10_000, queue_bytes: int = 67_108_864
    ) -> None:
        super().__init__(_Committer(log), queue_events=queue_events, queue_bytes=queue_bytes)


class _Committer:
    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def commit(self, batch: Sequence[Entry]) -> list[Answer]:
        return [self._keep(entry) for entry in batch]

    def is_ready(self) -> bool:
        return True

    async def close(self) -> None:
        """The log stays readable: whoever made it closes it."""

    def _keep(self, entry: Entry) -> Answer:
        try:
            if isinstance(entry, NewEvent):
                return self._log.append([entry])[0]
            return self._log.quarantine([entry])[0]
        except ValueError as error:
            return error
