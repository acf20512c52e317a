"""Our own events: what we read from a provider, and what we asked it for, as events of the log.

They stand in the same log, so that chain, backup, replay, erasure and rebuild hold for them too.
Nobody can send them: the edge knows no such type. Pure functions from bytes to a NewEvent.

- `<Resource>ReconciledEvent`: at `received_at` the provider answered that its resource is so. The
  answer's very bytes are `event.<member>`. Body and id are a function of the resource and of when
  it became so: reading the same state twice is a redelivery.
- `<Resource>RequestedEvent`: what we asked for, by whom, and what the provider answered.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec

from store.dialects import Speech, resource_read
from store.events import NewEvent
from store.payload import RESOURCE_TYPES, Json, id_text, member_of, status_date, ticket_id_of
from store.times import read_time

RECONCILED: Mapping[str, str] = MappingProxyType(
    {name: f"{name}ReconciledEvent" for name in RESOURCE_TYPES}
)
"""Resource type -> the event that says it was read from the provider."""

REQUESTED: Mapping[str, str] = MappingProxyType(
    {
        name: f"{name}RequestedEvent"
        for name in RESOURCE_TYPES
        if name != "TroubleTicketSpecification"
    }
)
"""Resource type -> the event that says it was asked for."""

CERTIFICATE_RESOURCE = "Reconciliation"
CERTIFICATE_TYPE = "ReconciliationCertificateEvent"
"""What a reconciliation proved (store/reconciling/certificates.py): of no ticket's history."""

PROVENANCE: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(RECONCILED.values(), "reconciled")
    | dict.fromkeys(REQUESTED.values(), "requested")
)
"""Provenance of every type that is our own; of all others it is `received`."""

OWN_TYPES = (*PROVENANCE, CERTIFICATE_TYPE)
"""All event types that nobody but us makes."""

WINDOW_HEADER = "x-reconciled-window"
"""Header of a reconciled event: which window (certificate) it was read for."""


def reconciled(
    *,
    source: str,
    resource_type: str,
    resource: bytes,
    path: str,
    asked_at: str,
    after: str | None = None,
    complete: bool = False,
    zone: str = "UTC",
    window: str = "",
    speech: Speech | None = None,
) -> NewEvent:
    """A resource as the provider answered it: `resource` are the answer's bytes.

    `asked_at` (UTC text) is when we asked, `path` where. It became so at its own lastUpdate (else
    statusChangeDate), unless that lies in the future or before `after`, the latest event that we
    hold of it: then all that is known is that it was so when we asked. `complete`: the answer is
    the whole resource, what it does not name is not there. `speech`: in which words. Raises ValueError for bytes that are
    no JSON object with an id.
    """
    document = resource_read(_object(resource), speech)
    resource_id = id_text(document.get("id"))
    if resource_id is None:
        raise ValueError("the provider's answer names no id")
    return _event(
        source=source,
        resource_type=resource_type,
        resource_id=resource_id,
        ticket_id=ticket_id_of(resource_type, document),
        occurred_at=_became_so_at(document, zone, asked_at, after),
        asked_at=asked_at,
        path=path,
        window=window,
        said={"complete": True} if complete else {},
        resource=resource,
    )


def gone(
    *,
    source: str,
    resource_type: str,
    resource_id: str,
    status: int,
    path: str,
    asked_at: str,
    window: str = "",
) -> NewEvent:
    """The provider answered 404 or 410 (`status`): at `asked_at` it had no such resource."""
    return _event(
        source=source,
        resource_type=resource_type,
        resource_id=resource_id,
        ticket_id=resource_id if resource_type == "TroubleTicket" else None,
        occurred_at=asked_at,
        asked_at=asked_at,
        path=path,
        window=window,
        said={"gone": status},
        resource=_ENCODER.encode({"id": resource_id}),
    )


def requested(
    *,
    source: str,
    resource_type: str,
    request: bytes,
    path: str,
    asked_at: str,
    by: str,
    status: int | None = None,
    answer: bytes = b"",
    ticket_id: str | None = None,
    resource_id: str | None = None,
    key: str | None = None,
) -> NewEvent:
    """What we asked the provider for: `request` are the bytes we sent (a JSON object), `by` who.

    `status` and `answer` are the provider's; None: it never answered. `ticket_id` is the ticket
    asked for, or the id that the provider gave the new one; `resource_id` the id it gave what was
    asked for, where it did. `key` (an Idempotency-Key) makes the same request the same event.
    Raises ValueError for a request that is no JSON object.
    """
    _object(request)
    event_type = REQUESTED[resource_type]
    event_id = hashlib.sha256(
        b"\n".join((event_type.encode(), (key or asked_at).encode(), request))
    ).hexdigest()
    said: Json = {"by": by, "path": path}
    if status is not None:
        said |= {"status": status, "answer": _json_or_text(answer)}
    body = _written(
        event_type,
        event_id,
        {"eventTime": asked_at, "timeOccurred": asked_at, "requested": said},
        resource_type,
        request,
    )
    given_id = resource_id or (ticket_id if resource_type == "TroubleTicket" else None)
    return NewEvent(
        source=source,
        event_type=event_type,
        event_id=event_id,
        resource_type=resource_type,
        resource_id=given_id or event_id,
        ticket_id=ticket_id,
        occurred_at=asked_at,
        event_time=asked_at,
        received_at=asked_at,
        path=path,
        headers=(),
        drift=(),
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
    )


def _event(
    *,
    source: str,
    resource_type: str,
    resource_id: str,
    ticket_id: str | None,
    occurred_at: str,
    asked_at: str,
    path: str,
    window: str,
    said: Json,
    resource: bytes,
) -> NewEvent:
    event_type = RECONCILED[resource_type]
    told = [event_type, resource_id, occurred_at, said, msgspec.json.decode(resource)]
    event_id = hashlib.sha256(_ENCODER.encode(told)).hexdigest()
    # When and where we asked stands beside the body: of two readings of one state both would
    # differ in it, and the log keeps one.
    body = _written(
        event_type, event_id, {"timeOccurred": occurred_at, **said}, resource_type, resource
    )
    return NewEvent(
        source=source,
        event_type=event_type,
        event_id=event_id,
        resource_type=resource_type,
        resource_id=resource_id,
        ticket_id=ticket_id,
        occurred_at=occurred_at,
        event_time=None,
        received_at=asked_at,
        path=path,
        headers=((WINDOW_HEADER, window),) if window else (),
        drift=(),
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
    )


def _written(
    event_type: str, event_id: str, said: Json, resource_type: str, resource: bytes
) -> bytes:
    """The envelope in TMF621's shape, with the resource's bytes as they are."""
    inside = {member_of(resource_type): msgspec.Raw(resource.strip())}
    envelope = {
        "@type": event_type,
        "eventId": event_id,
        "eventType": event_type,
        **said,
        "event": inside,
    }
    return msgspec.json.encode(envelope)


def _became_so_at(document: Json, zone: str, asked_at: str, after: str | None) -> str:
    dates = (read_time(document.get("lastUpdate"), zone), read_time(status_date(document), zone))
    latest = max((date for date in dates if date and date <= asked_at), default=None)
    return latest if latest and latest >= (after or "") else asked_at


def _object(told: bytes) -> Json:
    try:
        document = msgspec.json.decode(told)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if isinstance(document, dict):
        return cast("Json", document)
    raise ValueError("not a JSON object")


def _json_or_text(told: bytes) -> Any:
    """An answer as it came where it is JSON, else as text."""
    try:
        msgspec.json.decode(told)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return told.decode("utf-8", "replace")
    return msgspec.Raw(told.strip())


_ENCODER = msgspec.json.Encoder(order="sorted")
