"""A provider's hub, spoken to: POST /hub, GET /hub/{id}, DELETE /hub/{id} (TMF630), and GET /hub.

TMF621 v5 has the first three; v4 has no GET, and its body is a bare EventSubscription. Nobody has
to list registrations, some do. What an answer means is told apart here:

    GET     200               it is there
            404, 410          not there, or this provider serves no GET: which, only a
                              provider that ever told one of ours says (registrations.serves)
            405, 501          this provider serves no GET
            all else          nothing is known
    DELETE  2xx               ended
            404, 410          was not there
            405, 501          this provider ends none
            all else          nothing is known
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from receiver.events import EVENT_TYPES, EventTypes
from receiver.provider.client import Answer, ProviderClient, segment

Form = Literal["v5", "v4"]

_CONFLICT = 409
_ABSENT = frozenset({404, 410})
_NOT_SERVED = frozenset({405, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRules:
    """How we want to be notified by one provider."""

    callback: str
    path: str = "/hub"
    query: str = ""
    form: Form = "v5"
    """v5: `@type` is told too. v4: callback and query, as its EventSubscriptionInput."""
    members: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Further members of the registration, by dotted path; may be secret."""
    registers: bool = False
    """Whether registering needs nobody who says so."""
    unregisters: bool = False
    """Whether it is ended when the listener is told to stop."""
    look_seconds: float = 60.0
    silence_seconds: float = 3_600.0
    silence_times: float = 10.0


class Found(Enum):
    """What asking for one registration told."""

    THERE = "there"
    ABSENT = "absent"
    NOT_SERVED = "not served"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Listed:
    """One registration in a provider's list."""

    hub_id: str
    callback: str
    query: str


@dataclass(frozen=True, slots=True)
class Registered:
    """What a POST /hub was answered."""

    status: int
    is_done: bool
    is_conflict: bool
    hub_id: str | None
    said: str


async def register(client: ProviderClient, rules: HubRules) -> Registered:
    """POST /hub, once. Raises ProviderAway."""
    answer = await client.post(rules.path, body_of(rules))
    is_conflict = answer.status == _CONFLICT
    hub_id = _id_of(answer) if answer.is_success or is_conflict else None
    return Registered(answer.status, answer.is_success, is_conflict, hub_id, answer.said())


async def find(client: ProviderClient, path: str, hub_id: str) -> tuple[Found, str]:
    """GET /hub/{id}: what it told, and the answer for a person. Raises ProviderAway."""
    answer = await client.get(f"{path}/{segment(hub_id)}")
    if answer.is_success:
        # Some answer 200 with nothing, or with a list, to every id.
        told = _object(answer.body)
        there = told is None or str(told.get("id", hub_id)) == hub_id
        return (Found.THERE if there else Found.ABSENT), answer.said()
    return _absent_or(answer), answer.said()


async def remove(client: ProviderClient, path: str, hub_id: str) -> tuple[Found, str]:
    """DELETE /hub/{id}: ABSENT once it is not there. Raises ProviderAway."""
    answer = await client.delete(f"{path}/{segment(hub_id)}")
    return (Found.ABSENT if answer.is_success else _absent_or(answer)), answer.said()


async def listed(client: ProviderClient, path: str) -> list[Listed] | None:
    """GET /hub: all that it names; None where this provider has no such list. Raises ProviderAway."""
    answer = await client.get(path)
    try:
        told = json.loads(answer.body) if answer.is_success else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, list):
        return None
    found: list[Listed] = []
    for one in cast("list[Any]", told):
        if isinstance(one, dict) and "id" in one:
            hub = cast("dict[str, Any]", one)
            callback, query = hub.get("callback"), hub.get("query")
            found.append(Listed(str(hub["id"]), str(callback or "").rstrip("/"), str(query or "")))
    return found


def body_of(rules: HubRules) -> bytes:
    """What is posted."""
    told: dict[str, Any] = {"@type": "Hub"} if rules.form == "v5" else {}
    told["callback"] = rules.callback
    if rules.query:
        told["query"] = rules.query
    for path, value in rules.members.items():
        *outer, last = path.split(".")
        place = told
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = value
    return json.dumps(told).encode()


def odd_types(query: str) -> list[str]:
    """Event types that a query names and that we do not take: a provider registers them without a
    word, and tells nothing.
    """
    known = EventTypes(EVENT_TYPES)
    named = [
        name for key, text in parse_qsl(query) if key == "eventType" for name in text.split(",")
    ]
    return [name.strip() for name in named if known.called(name.strip()) is None]


def _absent_or(answer: Answer) -> Found:
    if answer.status in _ABSENT:
        return Found.ABSENT
    return Found.NOT_SERVED if answer.status in _NOT_SERVED else Found.UNKNOWN


def _id_of(answer: Answer) -> str | None:
    """The body's id, else the last segment of Location."""
    told = _object(answer.body) or {}
    if answer.is_success and told.get("id") not in (None, ""):
        return str(told["id"])
    path = urlsplit(answer.headers.get("location", "")).path.rstrip("/")
    head, _, last = path.rpartition("/")
    return unquote(last) if last and head.endswith("hub") else None


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", told) if isinstance(told, dict) else None
