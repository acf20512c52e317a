"""How the log's rows are written and read: the only place that knows their columns."""

import json
from functools import lru_cache
from typing import Any

from store.events import (
    Decision,
    EventHead,
    NewEvent,
    Quarantined,
    Reason,
    RecordedEvent,
    Redelivery,
    Refused,
)

EVENT_TABLES = ("early_events", "log")
"""Where the rows are that the view `events` tells."""
EVENT_COLUMNS = (
    "position, source, event_type, event_id, resource_type, resource_id, ticket_id, occurred_at, "
    "event_time, received_at, path, headers, drift, digest, conflict_of, chain, body"
)
"""Of the view `events`."""
LOG_COLUMNS = (
    "position, context, key, event_id, resource_id, ticket_id, occurred_at, event_time, "
    "received_at, headers, conflict_of, digest, chain, body"
)
CONTEXT_COLUMNS = "source, event_type, resource_type, path, headers, drift"
HEAD_COLUMNS = (
    "position, source, event_type, event_id, resource_type, resource_id, ticket_id, occurred_at, "
    "event_time, received_at, drift, digest, conflict_of"
)
TELLING_COLUMNS = (
    "position, event_type, event_id, resource_type, resource_id, occurred_at, event_time, "
    "received_at, digest"
)
BARE_QUARANTINE_COLUMNS = (
    "id, source, path, headers, received_at, status, reasons, fingerprint, body"  # body stays last
)
QUARANTINE_COLUMNS = (
    "id, source, path, headers, received_at, status, reasons, fingerprint, "
    "coalesce(request_id, ''), coalesce(digest, x''), coalesce(chain, x''), body"
)
"""Of an entry and its seal; without one they are empty."""
UNSEALED_QUARANTINE_COLUMNS = (
    "id, source, path, headers, received_at, status, reasons, fingerprint, '', x'', x'', body"
)
"""The same of a log that was not opened yet since entries have seals: a backup, say."""
REDELIVERY_COLUMNS = "id, position, received_at"
DECISION_COLUMNS = "id, entry, decision, reason, position, decided_at, decided_by"

_USUAL_HEADERS = frozenset({"content-type", "user-agent"})
"""Of what is kept of a request's headers, those that a sender says alike again and again."""
_NO_HEADERS = "[]"

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def context_of(event: NewEvent) -> tuple[tuple[str, str, str, str, str, str], str | None]:
    """An event's context in the order of CONTEXT_COLUMNS, and the headers that stand in its own row
    because one of them differs from request to request.
    """
    headers = _text(event.headers)
    is_usual = all(name in _USUAL_HEADERS for name, _ in event.headers)
    context = (
        event.source,
        event.event_type,
        event.resource_type,
        event.path,
        headers if is_usual else _NO_HEADERS,
        _text(event.drift),
    )
    return context, None if is_usual else headers


def event_row(
    event: NewEvent, position: int, conflict_of: int | None, chain: bytes, body: bytes
) -> tuple[Any, ...]:
    """In the order of EVENT_COLUMNS, as the view `events` tells it."""
    return (
        position,
        event.source,
        event.event_type,
        event.event_id,
        event.resource_type,
        event.resource_id,
        event.ticket_id,
        event.occurred_at,
        event.event_time,
        event.received_at,
        event.path,
        _text(event.headers),
        _text(event.drift),
        bytes.fromhex(event.digest),
        conflict_of,
        chain,
        body,
    )


def log_row(
    event: NewEvent,
    position: int,
    *,
    context: int,
    key: int,
    headers: str | None,
    conflict_of: int | None,
    chain: bytes,
    packed: bytes,
) -> tuple[Any, ...]:
    """In the order of LOG_COLUMNS; `packed` is what is kept of the body. What another column tells
    already is left out, see schema/tables/log.sql.
    """
    told = event.received_at if event.event_time is None else event.event_time
    return (
        position,
        context,
        key,
        event.event_id,
        event.resource_id,
        1 if event.ticket_id == event.resource_id else event.ticket_id,
        None if event.occurred_at == told else event.occurred_at,
        event.event_time,
        event.received_at,
        headers,
        conflict_of,
        bytes.fromhex(event.digest),
        chain,
        packed,
    )


def recorded_event(row: tuple[Any, ...], body: bytes) -> RecordedEvent:
    return RecordedEvent(
        position=row[0],
        source=row[1],
        event_type=row[2],
        event_id=row[3],
        resource_type=row[4],
        resource_id=row[5],
        ticket_id=row[6],
        occurred_at=row[7],
        event_time=row[8],
        received_at=row[9],
        path=row[10],
        headers=_headers(row[11]),
        drift=_drift(row[12]),
        digest=row[13].hex(),
        conflict_of=row[14],
        chain=row[15].hex(),
        body=body,
    )


def read_row(event: RecordedEvent) -> tuple[Any, ...]:
    """What recorded_event makes an event of, and its body last."""
    return (
        event.position,
        event.source,
        event.event_type,
        event.event_id,
        event.resource_type,
        event.resource_id,
        event.ticket_id,
        event.occurred_at,
        event.event_time,
        event.received_at,
        event.path,
        _text(event.headers),
        _text(event.drift),
        bytes.fromhex(event.digest),
        event.conflict_of,
        bytes.fromhex(event.chain),
        event.body,
    )


def event_head(row: tuple[Any, ...], size: int) -> EventHead:
    """Of a row that begins with HEAD_COLUMNS, and the size of its body."""
    return EventHead._make((*row[:10], _drift(row[10]), row[11].hex(), row[12], size))


def quarantine_row(refused: Refused, number: int) -> tuple[Any, ...]:
    """In the order of BARE_QUARANTINE_COLUMNS."""
    return (
        number,
        refused.source,
        refused.path,
        _text(refused.headers),
        refused.received_at,
        refused.status,
        _JSON.encode([(why.code, why.pointer, why.expected) for why in refused.reasons]),
        refused.fingerprint,
        refused.body,
    )


def quarantined(row: tuple[Any, ...]) -> Quarantined:
    return Quarantined(
        id=row[0],
        source=row[1],
        path=row[2],
        headers=_headers(row[3]),
        received_at=row[4],
        status=row[5],
        reasons=tuple(Reason(*why) for why in json.loads(row[6])),
        fingerprint=row[7],
        request_id=row[8],
        digest=row[9].hex(),
        chain=row[10].hex(),
        body=row[11],
    )


def redelivery(row: tuple[Any, ...]) -> Redelivery:
    return Redelivery(*row)


def decision(row: tuple[Any, ...]) -> Decision:
    return Decision(
        id=row[0],
        entry=row[1],
        decision=row[2],
        reason=row[3],
        position=row[4],
        decided_at=row[5],
        decided_by=row[6],
    )


@lru_cache(maxsize=256)
def _text(values: tuple[object, ...]) -> str:
    # Most events of a sender have the same headers and the same drift.
    return _JSON.encode(values)


@lru_cache(maxsize=256)
def _drift(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


@lru_cache(maxsize=256)
def _headers(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))
