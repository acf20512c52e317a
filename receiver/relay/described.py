"""The relay's operations as OpenAPI 3.1, under every prefix as the listeners are."""

from collections.abc import Iterable
from typing import Any

from receiver.consumers.described import errors
from receiver.relay.kinds import Kind

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}


def paths(kinds: Iterable[Kind]) -> Json:
    """A POST for each."""
    return {kind.path: {"post": _asked(kind)} for kind in kinds}


def _asked(kind: Kind) -> Json:
    named = kind.resource_type
    wanted = {"$ref": f"#/components/schemas/{kind.model.__name__}"}
    return {
        "operationId": f"create{named}",
        "summary": f"Ask a source's provider for a {named}",
        "description": "The body is passed on as it is; the answer is the provider's. It is asked "
        "once for each Idempotency-Key.",
        "tags": ["relay"],
        "parameters": [
            _parameter("source", "Whose provider, where there are several (ours).", "query"),
            _parameter("fields", "Which members of the answer, by comma; passed on.", "query"),
            _parameter("X-Source", "The same as source.", "header"),
            _parameter(
                "Idempotency-Key",
                "The same key with the same body is asked once, and answered the same.",
                "header",
            ),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": wanted}}},
        "responses": {
            "201": _answered(f"The {named}, as the provider answered it."),
            "202": _answered("The provider has taken the request."),
            **errors(),
            "default": {
                "description": "The provider's own answer, or an Error of ours.",
                "content": {"application/json": {}},
            },
        },
    }


def _answered(description: str) -> Json:
    return {
        "description": description,
        "headers": {
            "Location": {"description": "At the provider.", "schema": _TEXT},
            "X-Event-Position": {"description": "Of the event that records it.", "schema": _TEXT},
            "Idempotency-Replayed": {"description": "true: kept from before.", "schema": _TEXT},
        },
        "content": {"application/json": {"schema": {"type": "object"}}},
    }


def _parameter(name: str, told: str, where: str) -> Json:
    return {"name": name, "in": where, "description": told, "schema": _TEXT}
