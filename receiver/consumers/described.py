"""The consumers' paths as OpenAPI 3.1."""

from typing import Any

from receiver.consumers.rules import PullRules
from receiver.rejections import ANSWERS

Json = dict[str, Any]

ERROR: Json = {"$ref": "#/components/responses/Error"}
_TEXT: Json = {"type": "string"}
_POSITION: Json = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_CHECKPOINT: Json = {
    "type": "object",
    "required": ["consumer", "position", "updated_at"],
    "properties": {"consumer": _TEXT, "position": _POSITION, "updated_at": _TEXT},
}
_EVENT: Json = {
    "type": "object",
    "required": ["position", "source", "event_type", "event_id", "digest", "body"],
    "properties": {
        "position": _POSITION,
        **dict.fromkeys(("source", "event_type", "event_id", "digest", "path"), _TEXT),
        **dict.fromkeys(("resource_type", "resource_id", "occurred_at", "received_at"), _TEXT),
        "ticket_id": {"type": ["string", "null"]},
        "event_time": {"type": ["string", "null"]},
        "conflict_of": {"type": ["integer", "null"]},
        "headers": {"type": "array", "items": {"type": "array", "items": _TEXT}},
        "drift": {"type": "array", "items": _TEXT},
        "body": {
            "type": ["object", "null"],
            "description": "As received; null once erased. digest is the SHA-256 of its very "
            "bytes, which GET /events/{position} answers.",
        },
    },
}


def paths(rules: PullRules) -> Json:
    """What is pulled is served once, the hub under every prefix as the listeners are."""
    return {
        "/events": _once({"get": _page(rules)}),
        "/events/{position}": _once({"get": _event()}),
        "/events/stream": _once({"get": _stream()}),
        "/events/checkpoints": _once(
            {
                "get": _operation(
                    "Own checkpoints", {"200": _json({"type": "array", "items": _CHECKPOINT})}
                )
            }
        ),
        "/events/checkpoints/{consumer}": _once(_checkpoint()),
        "/hub": {"post": _subscribing()},
        "/hub/{id}": _subscription(),
    }


def errors() -> Json:
    """Every refusal."""
    statuses = sorted({answer.status for answer in ANSWERS.values()})
    return {str(status): ERROR for status in statuses} | {"default": ERROR}


def _once(operations: Json) -> Json:
    return {"servers": [{"url": "/"}], **operations}


def _operation(summary: str, responses: Json, **more: Any) -> Json:
    return {"summary": summary, "tags": ["consumers"], **more, "responses": responses | errors()}


def _page(rules: PullRules) -> Json:
    at_once = {"type": "integer", "minimum": 1, "maximum": rules.page_events}
    wait = {"type": "integer", "minimum": 0, "maximum": rules.wait_seconds}
    headers = {
        name: {"description": told, "schema": _POSITION}
        for name, told in (
            ("X-Next-Position", "Ask for `after` this next."),
            ("X-Head-Position", "The log's last event."),
        )
    }
    found: Json = {
        "description": "Events by position. A page may be empty although there is more: go on.",
        "headers": headers | {"ETag": {"schema": _TEXT}},
        "content": {
            "application/json": {"schema": {"type": "array", "items": _EVENT}},
            "application/x-ndjson": {},
        },
    }
    return _operation(
        "Events behind a position",
        {"200": found, "304": {"description": "The consumer has this page."}},
        parameters=[
            *_selecting(),
            _parameter("limit", "Events at most.", at_once),
            _parameter("wait", "Seconds to wait where there is nothing yet.", wait),
        ],
    )


def _event() -> Json:
    found: Json = {"description": "The very bytes received.", "content": {"application/json": {}}}
    position = _parameter("position", "Of the event.", _POSITION, where="path")
    return _operation(
        "One event's body",
        {"200": found, "304": {"description": "The consumer has it."}},
        parameters=[position],
    )


def _stream() -> Json:
    last = _parameter("Last-Event-ID", "Go on behind this position.", _POSITION, where="header")
    found: Json = {
        "description": "Server-sent events; id is the position, data as in GET /events.",
        "content": {"text/event-stream": {}},
    }
    return _operation("Events as they come", {"200": found}, parameters=[*_selecting(), last])


def _checkpoint() -> Json:
    told = _json(_CHECKPOINT)
    acknowledged: Json = {
        "type": "object",
        "required": ["position"],
        "properties": {"position": _POSITION, "rewind": {"type": "boolean", "default": False}},
        "additionalProperties": False,
    }
    body = {"required": True, "content": {"application/json": {"schema": acknowledged}}}
    return {
        "parameters": [_parameter("consumer", "Its name.", _NAME, where="path")],
        "get": _operation("How far a consumer has read", {"200": told}),
        "put": _operation(
            "Everything up to a position is done with", {"200": told}, requestBody=body
        ),
        "delete": _operation("Forget a consumer", {"204": {"description": "Forgotten"}}),
    }


_NAME: Json = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}


def _selecting() -> list[Json]:
    return [
        _parameter(
            "after", "Events with a higher position. Not together with consumer.", _POSITION
        ),
        _parameter("consumer", "Events behind this consumer's checkpoint.", _NAME),
        _parameter("type", "Event types, separated by commas.", _TEXT),
        _parameter("ticket", "Ids of tickets, separated by commas.", _TEXT),
        _parameter("source", "Names of sources, separated by commas.", _TEXT),
    ]


def _parameter(name: str, told: str, schema: Json, where: str = "query") -> Json:
    required = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, "description": told, "schema": schema} | required


def _json(schema: Json) -> Json:
    return {"description": "Found", "content": {"application/json": {"schema": schema}}}


def _subscribing() -> Json:
    """TMF621's createHub."""
    wanted: Json = {
        "type": "object",
        "required": ["callback"],
        "properties": {
            "callback": _TEXT | {"description": "Events go to {callback}/listener/{event}."},
            "query": _TEXT
            | {"description": "As eventType=A,B&event.troubleTicket.severity=Major."},
        },
    }
    body = {"required": True, "content": {"application/json": {"schema": wanted}}}
    made = _json(_HUB) | {
        "description": "Subscribed",
        "headers": {"Location": {"description": "Of the subscription.", "schema": _TEXT}},
    }
    return _operation(
        "Subscribe to events from now on", {"201": made}, operationId="createHub", requestBody=body
    )


def _subscription() -> Json:
    number = _parameter("id", "Of the subscription.", _TEXT, where="path")
    return {
        "parameters": [number],
        "get": _operation("One subscription", {"200": _json(_HUB)}, operationId="hubGet"),
        "delete": _operation(
            "End a subscription", {"204": {"description": "Ended"}}, operationId="hubDelete"
        ),
    }


_HUB: Json = {
    "type": "object",
    "required": ["@type", "id", "callback"],
    "properties": dict.fromkeys(("@type", "id", "href", "callback", "query"), _TEXT),
}
