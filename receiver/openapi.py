"""What is really served, as OpenAPI 3.1: made from EVENT_TYPES and the models.

The models say what is right; a tolerant source may leave out or misspell more than they say
(receiver/drift.py lists it).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import models_json_schema

from receiver.dialect_paths import AgreedPaths
from receiver.events import EXTENSIONS, EventType, EventTypes
from receiver.models.common import Extensible, Text
from receiver.models.event import Envelope, JsonPatch
from receiver.openapi_refusals import described_refusals, references_to_refusals
from receiver.relay.kinds import KINDS
from receiver.security import OPEN, Security
from store.payload import TASK_TYPES

Json = dict[str, Any]

NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})

NOTHING_AGREED = AgreedPaths()

CLOUD_EVENT: Mapping[str, Any] = MappingProxyType(
    {
        "application/cloudevents+json": {
            "schema": {
                "type": "object",
                "description": "CloudEvents 1.0, structured; binary mode has ce- headers and the "
                "data as application/json.",
                "required": ["specversion", "id", "source", "type"],
                "properties": {
                    "specversion": {"const": "1.0"},
                    "id": {"type": "string"},
                    "source": {"type": "string"},
                    "type": {"type": "string"},
                    "time": {"type": "string", "format": "date-time"},
                    "data": {
                        "type": "object",
                        "description": "An event of TMF621, its payload, or the resource alone.",
                    },
                },
            }
        }
    }
)
"""What else a listener takes where a source speaks CloudEvents."""

REF = "#/components/schemas/{model}"


class Error(Extensible):
    """TMF's Error: why a request was refused."""

    code: str
    reason: str
    message: Text = None
    status: Text = None
    reference_error: Text = Field(default=None, alias="referenceError")
    request_id: str = Field(alias="requestId", description="As in X-Request-Id: please quote it.")


class EventSubscription(BaseModel):
    """What v4 answers to a notification."""

    id: str
    callback: str


def describe(
    types: EventTypes,
    prefixes: Sequence[str],
    security: Security = OPEN,
    more: Mapping[str, Any] = NOTHING_MORE,
    agreed: AgreedPaths = NOTHING_AGREED,
) -> Json:
    """The OpenAPI document for these event types under these prefixes, and what else is served."""
    paths: Json = {"/listener": _path_item(None, "bare")}
    paths |= {f"/listener/{path}": _path_item(None, path) for path in agreed.untyped}
    for path, event_type in types.by_path.items():
        paths[f"/listener/{path}"] = _path_item(event_type, path, agreed=path in types.agreed)
    listened = dict.fromkeys((*prefixes, *agreed.prefixes))
    for item in paths.values():
        item["post"]["security"] = [*security.requirements]
        if agreed.cloud_events:
            item["post"]["requestBody"]["content"] |= CLOUD_EVENT
        if agreed.prefixes:
            # Below a dialect's prefixes the listeners are served alone.
            item["servers"] = [{"url": prefix or "/"} for prefix in listened]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TMF621 listener",
            "version": "5.0.1",
            "description": "Takes the notifications of TMF621 Trouble Ticket v5.0.1 as adapted by "
            "FIT. An event is on disk before it is answered. A trailing slash or an id behind a "
            "listener's path is tolerated.",
        },
        "servers": [{"url": prefix or "/"} for prefix in prefixes],
        "paths": {**paths, **more, **_pages()},
        "components": {
            "schemas": _schemas(types),
            "responses": {
                "Error": _json("Refused; TMF's Error says why.", "Error"),
                **described_refusals(security.challenges),
            },
            "securitySchemes": dict(security.schemes),
        },
    }


def example(event_type: EventType) -> Json:
    """A small event of this type that a strict source may send."""
    name = event_type.name
    resource: Json = {"@type": event_type.resource_type, "id": "TT-1001"}
    event: Json = {event_type.member: resource}
    if event_type.resource_type in TASK_TYPES:
        resource |= {
            "id": "TASK-7",
            "state": "acknowledged",
            "requestDate": "2026-11-02T09:00:00+01:00",
            "requestPostedDate": "2026-11-02T09:00:01+01:00",
            "entity": {"@type": "EntityRef", "id": "TT-1001", "@referredType": "TroubleTicket"},
            "troubleTicket": {"@type": "TroubleTicketRef", "id": "TT-1001"},
        }
    elif event_type.resource_type == "TroubleTicketSpecification":
        resource |= {"id": "SPEC-3", "name": "No dial tone", "lifecycleStatus": "active"}
    elif "Delete" not in name:
        resource |= {"name": "No dial tone", "status": "inProgress", "severity": "Major"}
    if "InformationRequired" in name:
        event["informationRequired"] = {"op": "add", "path": "/attachment"}
    return {
        "@type": name,
        "eventId": f"example-{event_type.path}",
        "eventTime": "2026-11-02T09:00:02+01:00",
        "eventType": name,
        "event": event,
    }


def _path_item(event_type: EventType | None, path: str, *, agreed: bool = False) -> Json:
    bare = "Bare callback: @type or eventType tells the event"
    operation: Json = {
        "operationId": f"listenTo{path[0].upper()}{path[1:]}",
        "tags": ["notification listener"],
        "summary": bare if event_type is None else f"Take a {event_type.name}",
        "requestBody": {"required": True, "content": {"application/json": _content(event_type)}},
        "responses": _responses(),
    }
    if event_type is not None and path != event_type.path and not agreed:
        operation["deprecated"] = True
        operation["summary"] += f"; prefer /listener/{event_type.path}"
    return {"post": operation}


def _content(event_type: EventType | None) -> Json:
    if event_type is None:
        return {"schema": {"$ref": REF.format(model="Envelope")}}
    return {
        "schema": {"$ref": REF.format(model=event_type.name)},
        "examples": {"small": {"value": example(event_type)}},
    }


def _responses() -> Json:
    text = {"schema": {"type": "string"}}
    kept: Json = {
        "X-Event-Position": {"description": "Position of the event in the log."} | text,
        "X-Event-Duplicate": {"description": "true: the log already had this event."} | text,
        "X-Event-Quarantine": {"description": "Where an invalid body is kept."} | text,
    }
    return {
        "204": {"description": "Notified: the event is on disk.", "headers": kept},
        "200": {"description": "The same, where that was agreed with the source."},
        "201": _json("The same, for v4 senders.", "EventSubscription"),
        **references_to_refusals(),
        "default": {"$ref": "#/components/responses/Error"},
    }


def _pages() -> Json:
    def page(summary: str, responses: Json) -> Json:
        # Served once, not under every prefix.
        return {"servers": [{"url": "/"}], "get": {"summary": summary, "responses": responses}}

    error = {"$ref": "#/components/responses/Error"}
    counts: Json = {"description": "Prometheus' text format", "content": {"text/plain": {}}}
    return {
        "/openapi.json": page("This document", {"200": {"description": "OpenAPI 3.1"}}),
        "/metrics": page(
            "What is counted; beyond loopback only where a setting says so",
            {"200": counts, "404": error},
        ),
        "/health/live": page("The process answers", {"200": {"description": "Live"}}),
        "/health/ready": page(
            "Every promise can be kept", {"200": {"description": "Ready"}, "503": error}
        ),
    }


def _schemas(types: EventTypes) -> Mapping[str, Any]:
    models: list[type[BaseModel]] = [Error, EventSubscription, Envelope]
    models += [_whole(event_type) for event_type in types.lines]
    models += [kind.model for kind in KINDS.values()]
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    return schema["$defs"]


def _whole(event_type: EventType) -> type[BaseModel]:
    """The envelope with the payload of one event type inside."""
    resource: Any = event_type.model
    for extension in EXTENSIONS.values():
        if issubclass(extension, event_type.model):
            resource |= extension
    members: dict[str, Any] = {event_type.member: (resource, ...)}
    if "InformationRequired" in event_type.name:
        members["informationRequired"] = (JsonPatch | list[JsonPatch] | None, None)
    payload = create_model(f"{event_type.name}Payload", __base__=Extensible, **members)
    return create_model(event_type.name, __base__=Envelope, event=(payload, ...))


def _json(description: str, model: str) -> Json:
    schema = {"schema": {"$ref": REF.format(model=model)}}
    return {"description": description, "content": {"application/json": schema}}
