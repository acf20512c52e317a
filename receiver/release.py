"""Release: what the edge says today about a body that it once refused."""

from collections.abc import Mapping, Sequence

from receiver import envelope
from receiver.events import EVENT_TYPES, EventType, EventTypes
from receiver.gate import Arrival
from receiver.limits import DEFAULT_LIMITS, Limits
from receiver.oversized import TOO_LARGE
from receiver.rejections import InvalidEvent
from receiver.sources import SourceRules
from store import NewEvent, Quarantined, Reason
from store.events import NOT_WHOLE


def revalidated(
    entry: Quarantined,
    sources: Mapping[str, SourceRules],
    limits: Limits = DEFAULT_LIMITS,
    event_types: Sequence[EventType] = EVENT_TYPES,
) -> NewEvent | tuple[Reason, ...]:
    """The event an entry is by today's rules, received when it was; else why it is none.

    Media type and encoding are the edge's business with a sender, and do not matter here.
    """
    rules = sources.get(entry.source)
    if rules is None:
        return (Reason("unknown-source", "", "a source that the settings name"),)
    if not entry.body:
        return (Reason("erased", "", "bytes that were not erased"),)
    if any(reason.code == NOT_WHOLE for reason in entry.reasons):
        return (Reason(NOT_WHOLE, "", "the whole body; only its beginning is kept"),)
    if len(entry.body) > limits.max_body_bytes:
        return (Reason(TOO_LARGE, "", f"at most {limits.max_body_bytes} bytes (max_body_bytes)"),)
    given = {name.lower() for name, _ in entry.headers}
    arrival = Arrival(
        source=entry.source,
        rules=rules,
        path=entry.path,
        headers=entry.headers,
        received_at=entry.received_at,
        media_type_given="content-type" in given,
        body=entry.body,
    )
    types = EventTypes(event_types, rules.dialect.events)
    try:
        return envelope.parse(arrival, types, _by_path(entry.path, types), limits)
    except InvalidEvent as invalid:
        return invalid.reasons


def _by_path(path: str, types: EventTypes) -> EventType | None:
    """The event type that a path names, under whatever prefix it was served then."""
    told = path.rpartition("/listener")[2].strip("/").partition("/")[0]
    return types.by_path.get(told)
