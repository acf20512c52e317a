"""The fields every TMF event shares: bytes → Envelope → NewEvent.

parse places an event: its type, its id, the resource and ticket it is about, when it happened.
The body is parsed once; models check the types of known members, and receiver/drift.py says
which of their complaints pass. Identity and times follow section 2 of TMF621's Event and FIT.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn, cast

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from receiver import usual
from receiver.drift import Findings
from receiver.events import EXTENSIONS, EventType, EventTypes
from receiver.gate import Arrival
from receiver.limits import DEFAULT_LIMITS, Limits, excess, marks
from receiver.models.common import Open
from receiver.models.event import Envelope, JsonPatch
from receiver.rejections import InvalidEvent
from receiver.sources import SourceRules
from store.dialects import Dialect, Opened, Speech, as_told, context_of, in_our_words, opened
from store.dialects.opening import CLOUD_EVENT
from store.events import NewEvent, Reason
from store.payload import TASK_TYPES, Json, id_text, objects, payload_of, text_of, ticket_id_of
from store.times import parse_time

MOST_ID_CHARACTERS = 1_000
"""Longer ids are no ids; the store indexes them."""

_TICKET_V4_NAMES = ("statusChange", "externalId")
_NESTED_SINCE_V5 = (("relatedParty", "partyOrPartyRole"), ("relatedEntity", "entity"))


def parse(
    arrival: Arrival,
    types: EventTypes,
    by_path: EventType | None,
    limits: Limits = DEFAULT_LIMITS,
) -> NewEvent:
    """An event out of the bytes, or InvalidEvent with every reason that was found.

    `by_path` is the event type that the path names; without one (the bare callback) `@type`,
    then `eventType` decide.
    """
    rules = arrival.rules
    dialect = rules.dialect
    shape = marks(arrival.body)
    usual_document = usual.document(arrival.body, shape)
    document = _document(arrival.body) if usual_document is None else usual_document
    findings = _findings(rules)
    if not arrival.media_type_given:
        findings.note("no-media-type")
    _check_shape(arrival.body, document, shape, limits)
    if usual_document is None:
        _check_body(arrival.body, document, shape, findings)
    if dialect.speech is not None:
        document = _opened(arrival, document, dialect.speech, findings)
    _check(Envelope, document, "", findings)
    event_type = _event_type(document, types, by_path, dialect, findings)
    if dialect.speech is not None:
        document = in_our_words(document, event_type.name, dialect.speech)
    pointer, resource = _payload(event_type, document, findings)
    resource_id, ticket_id = _resource_ids(event_type, pointer, resource, findings)
    occurred_at, event_time = _times(document, findings)
    digest = hashlib.sha256(arrival.body).hexdigest()
    event_id = _event_id(document, findings) or digest
    findings.check()
    return NewEvent(
        source=arrival.source,
        event_type=event_type.name,
        event_id=event_id,
        resource_type=event_type.resource_type,
        resource_id=resource_id,
        ticket_id=ticket_id,
        occurred_at=occurred_at or arrival.received_at,
        event_time=event_time,
        received_at=arrival.received_at,
        path=arrival.path,
        headers=arrival.headers,
        drift=tuple(findings.drift),
        digest=digest,
        body=arrival.body,
    )


def _findings(rules: SourceRules) -> Findings:
    return Findings(
        strict=rules.strict,
        zone=rules.time_zone,
        optional=rules.dialect.optional,
        statuses=rules.dialect.statuses,
    )


def _opened(arrival: Arrival, document: Json, speech: Speech, findings: Findings) -> Json:
    """The TMF event inside; from here on findings name what the sender has."""
    headers = dict(arrival.headers)
    if speech.envelope == "cloudevents":
        _check_cloud_event(document, headers, findings)
    found = opened(document, speech, context_of(headers))
    findings.where = partial(_where, found, speech)
    return found.document


def _where(found: Opened, speech: Speech, pointer: str) -> str:
    return found.pointer(as_told(pointer, found.document, speech))


def _check_cloud_event(document: Json, headers: Mapping[str, str], findings: Findings) -> None:
    """What CloudEvents 1.0 requires beside what an event is known by (id and type)."""
    structured = CLOUD_EVENT in document
    told = document if structured else {name.removeprefix("ce-"): headers[name] for name in headers}
    for name in (CLOUD_EVENT, "source"):
        if not text_of(told.get(name)):
            findings.note("missing", f"/{name}")
    if told.get(CLOUD_EVENT, "1.0") != "1.0":
        findings.note("unknown-value", f"/{CLOUD_EVENT}")


def _document(body: bytes) -> Json:
    """The body as a JSON object.

    Refused with the rest that is not JSON: bytes that are no UTF-8, NaN and Infinity, halves of
    surrogate pairs (no text, RFC 8259 section 8.2), and arrays or objects nested 200 deep.
    """
    try:
        document = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        # The parser's text tells the place, never the content.
        _refuse("not-json", "", f"JSON ({error})")
    if not isinstance(document, dict):
        _refuse("wrong-type", "", "an object")
    return cast("Json", document)


def _refuse(code: str, pointer: str, expected: str) -> NoReturn:
    raise InvalidEvent((Reason(code, pointer, expected),))


def _check_shape(body: bytes, document: Json, shape: bytes, limits: Limits) -> None:
    too_much = excess(body, document, shape, limits)
    if too_much:
        raise InvalidEvent((too_much,))


def _check_body(body: bytes, document: Json, shape: bytes, findings: Findings) -> None:
    """What receiver/usual.py was in doubt about."""
    written = to_json(document)
    if b"Infinity" in written and _has_infinity(document):
        _refuse("not-json", "", "numbers that a double can hold")
    # Members that were overwritten took their colons with them: cheaper than watching each one.
    if shape.count(b":") != written.count(b":") and _repeats_a_member(body):
        findings.note("duplicate-member")


def _has_infinity(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return True
    return False


def _repeats_a_member(body: bytes) -> bool:
    repeated = False

    def once(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) != len(pairs)

    json.loads(body, object_pairs_hook=once)
    return repeated


def _check(model: type[Open], value: object, prefix: str, findings: Findings) -> None:
    if usual.fits(model, value):
        return
    try:
        # Only the complaints are wanted: unknown members need not be copied.
        model.__pydantic_validator__.validate_python(value, extra="ignore")
    except ValidationError as error:
        findings.problems(error, value, prefix)


def _event_type(
    document: Json,
    types: EventTypes,
    by_path: EventType | None,
    dialect: Dialect,
    findings: Findings,
) -> EventType:
    """Path, then @type, then eventType: official examples contradict themselves in the latter."""
    if by_path is not None and document.get("@type") == by_path.name == document.get("eventType"):
        return by_path
    told = {name: document.get(name) for name in ("@type", "eventType")}
    if isinstance(told["@type"], str) and told["@type"] in dialect.vague:
        told["@type"] = None
    event_type = by_path or types.called(told["@type"]) or types.called(told["eventType"])
    if event_type is None:
        place = findings.where("/@type") if findings.where else "/@type"
        _refuse("unknown-type", place, "the name of a trouble ticket event")
    for name, text in told.items():
        if text == event_type.name or not isinstance(text, str) or not text.strip():
            continue
        if dialect.events.get(text) == event_type.name:
            continue
        same = types.called(text) is event_type
        findings.note("type-spelling" if same else "type-contradiction", f"/{name}")
    return event_type


def _payload(event_type: EventType, document: Json, findings: Findings) -> tuple[str, Json]:
    place = f"/event/{event_type.member}"
    found = payload_of(event_type.name, document)
    if found is None:
        findings.refuse("missing", place, "an object with the id of the resource")
        findings.check()
        return place, {}
    pointer, resource = found
    if pointer != place:
        findings.note("payload-place", pointer)
    kind = resource.get("@type")
    model = EXTENSIONS.get(kind, event_type.model) if isinstance(kind, str) else event_type.model
    # An extension of something else says nothing about this resource.
    _check(
        model if issubclass(model, event_type.model) else event_type.model,
        resource,
        pointer,
        findings,
    )
    _check_patches(document.get("event"), findings)
    _note_v4_names(resource, pointer, findings)
    return pointer, resource


def _check_patches(event: object, findings: Findings) -> None:
    if not isinstance(event, dict):
        return
    place = "/event/informationRequired"
    asked = cast("Json", event).get("informationRequired")
    if isinstance(asked, list):
        for number, patch in enumerate(cast("list[object]", asked)):
            _check(JsonPatch, patch, f"{place}/{number}", findings)
    elif asked is not None:
        _check(JsonPatch, asked, place, findings)


def _note_v4_names(resource: Json, pointer: str, findings: Findings) -> None:
    for name in _TICKET_V4_NAMES:
        if name in resource:
            findings.note("v4-name", f"{pointer}/{name}")
    for name, nested in _NESTED_SINCE_V5:
        if name in resource and any(
            "id" in one and nested not in one for one in objects(resource[name])
        ):
            findings.note("v4-name", f"{pointer}/{name}")


def _resource_ids(
    event_type: EventType, pointer: str, resource: Json, findings: Findings
) -> tuple[str, str | None]:
    """The resource's id and its ticket's; a task without id is named by its ticket and date."""
    kind = event_type.resource_type
    ticket_id = ticket_id_of(kind, resource)
    resource_id = id_text(resource.get("id"))
    if resource_id is None and kind in TASK_TYPES and ticket_id is not None:
        dates = ("requestDate", "requestPostedDate", "creationDate")
        date = next((text for name in dates if (text := text_of(resource.get(name)))), None)
        resource_id = f"{ticket_id}/{date}" if date else ticket_id
        findings.note("derived-id", f"{pointer}/id")
    # An id of another type was refused as such already, by any model that names it.
    if resource_id is None and (isinstance(resource.get("id"), str | None) or not findings.reasons):
        findings.refuse("missing", f"{pointer}/id", "the id of the resource, a string")
    for text in (resource_id, ticket_id):
        _check_length(text, f"{pointer}/id", findings)
    return resource_id or "", ticket_id


def _check_length(text: str | None, pointer: str, findings: Findings) -> None:
    if text is not None and len(text) > MOST_ID_CHARACTERS:
        findings.refuse("too-long", pointer, f"at most {MOST_ID_CHARACTERS} characters")


def _event_id(document: Json, findings: Findings) -> str | None:
    for name in ("eventId", "eventUuid", "id"):
        text = id_text(document.get(name))
        if text is not None:
            _check_length(text, f"/{name}", findings)
            return text
    return None


def _times(document: Json, findings: Findings) -> tuple[str | None, str | None]:
    """When it happened (the next best time where one cannot be read), and when it was sent."""
    if "timeOcurred" in document:
        findings.note("v4-name", "/timeOcurred")
    event_time = _time(document, "eventTime", findings)
    occurred_at = _time(document, "timeOccurred", findings)
    if occurred_at is None:
        occurred_at = _time(document, "timeOcurred", findings)
    return occurred_at or event_time, event_time


def _time(document: Json, name: str, findings: Findings) -> str | None:
    text = document.get(name)
    if text is None or text == "":
        return None
    read = parse_time(text, findings.zone)
    if read is None:
        findings.note("unreadable-time", f"/{name}")
        return None
    return read[0]
