"""The mirror's paths as OpenAPI 3.1, under every prefix as the listeners are."""

from collections.abc import Sequence
from typing import Any

from receiver.consumers.described import errors
from receiver.mirror.collections import Collection
from receiver.mirror.rules import MirrorRules
from store.resources.past import HAVE_A_PAST

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}


def paths(collections: Sequence[Collection], rules: MirrorRules) -> Json:
    """A list and one resource for each."""
    found: Json = {}
    for one in collections:
        found[one.path] = {"get": _list(one, rules)}
        found[f"{one.path}/{{id}}"] = {"get": _one(one)}
    return found


def _list(one: Collection, rules: MirrorRules) -> Json:
    kind = one.resource_type
    page: Json = {
        "description": "Resources as the provider told them.",
        "headers": {
            "X-Total-Count": {"description": "Without offset and limit.", "schema": _COUNT},
            "X-Result-Count": {"description": "In this answer.", "schema": _COUNT},
            "X-History-Position": {"description": "The last event in it.", "schema": _COUNT},
            "Link": {"description": "first, prev, next, last (RFC 8288).", "schema": _TEXT},
            "ETag": {"schema": _TEXT},
        },
        "content": {"application/json": {"schema": {"type": "array", "items": _resource(kind)}}},
    }
    limit = {"type": "integer", "minimum": 1, "maximum": rules.most_resources}
    return {
        "operationId": f"list{kind}",
        "summary": f"List or find {kind} objects",
        "description": "Beside the parameters below: attributes, as status=held,pending or "
        "note.author=Ada, with .eq .ne .gt .gte .lt .lte .regex behind their names. Comma and "
        "repetition mean any of the values, ; either condition, & both.",
        "tags": ["mirror"],
        "parameters": [
            *_shared(),
            _query("sort", "Attributes by comma; - before one: descending.", _TEXT),
            _query("offset", "How many to leave out.", _COUNT),
            _query("limit", "How many at most.", limit | {"default": rules.page_resources}),
        ],
        "responses": {
            "200": page,
            "206": page | {"description": "A part of them."},
            "304": {"description": "The consumer has this answer."},
            **errors(),
        },
    }


def _one(one: Collection) -> Json:
    kind = one.resource_type
    past = [
        _query("asOf", "What was true then (ours).", _TEXT | {"format": "date-time"}),
        _query(
            "knownAt", "As far as we had been told then (ours).", _TEXT | {"format": "date-time"}
        ),
    ]
    found: Json = {
        "description": "As the provider told it.",
        "headers": {"ETag": {"schema": _TEXT}},
        "content": {"application/json": {"schema": _resource(kind)}},
    }
    name = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
    return {
        "operationId": f"retrieve{kind}",
        "summary": f"Retrieve a {kind} by its id",
        "tags": ["mirror"],
        "parameters": [name, *_shared(), *(past if kind in HAVE_A_PAST else ())],
        "responses": {
            "200": found,
            "304": {"description": "The consumer has this answer."},
            **errors(),
        },
    }


def _shared() -> list[Json]:
    return [
        _query("fields", "Attributes by comma, also dotted; @type, id and href always.", _TEXT),
        _query("source", "Whose resources, where two sources share ids (ours).", _TEXT),
    ]


def _query(name: str, told: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": told, "schema": schema}


def _resource(kind: str) -> Json:
    return {
        "type": "object",
        "required": ["@type", "id", "href"],
        "properties": {"@type": _TEXT | {"example": kind}, "id": _TEXT, "href": _TEXT},
    }
