"""CloudEvents 1.0 over HTTP: an event's context as attributes, its body as data, untouched.

Written by hand, because libraries parse the data and write it anew: numbers, escapes and the order
of members would no longer be the sender's. The tests read it with the official library.
"""

from urllib.parse import quote

import msgspec

from store.events import RecordedEvent
from store.replay.targets.http import Headers

_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What stands as it is in a header (HTTP protocol binding, 3.1.3.2); all else is percent-encoded."""


def structured(event: RecordedEvent, key: str) -> tuple[Headers, bytes]:
    """Everything in the body: `application/cloudevents+json`."""
    told = {"specversion": "1.0", **_attributes(event, key)}
    told["datacontenttype"] = "application/json"
    told["data"] = msgspec.Raw(event.body)
    return {"content-type": "application/cloudevents+json"}, msgspec.json.encode(told)


def binary(event: RecordedEvent, key: str) -> tuple[Headers, bytes]:
    """The context in headers, the body as received."""
    headers = {"ce-specversion": "1.0", "content-type": "application/json"}
    for name, value in _attributes(event, key).items():
        headers[f"ce-{name}"] = quote(str(value), safe=_PRINTABLE)
    return headers, event.body


def _attributes(event: RecordedEvent, key: str) -> dict[str, object]:
    """`source` and `id` together are unique, as the specification demands."""
    told: dict[str, object] = {
        "id": key,
        "source": f"/sources/{quote(event.source, safe='')}",
        "type": event.event_type,
        "time": event.occurred_at,
        "position": str(event.position),
    }
    # An empty subject is not allowed.
    if subject := event.ticket_id or event.resource_id:
        told["subject"] = subject
    return told
