"""Usual bodies: most events are as the models say, and that is seen faster than what is wrong with one.

What passes here would pass the models, or the other parser, without a word; whatever does not is
left to them, and so are all answers and findings. So this may be stricter than they are, never
laxer. The types are made from the models themselves; measured, they look in a quarter of the time,
because they keep nothing of what they saw.
"""

import types
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from receiver.models.common import Message

_DEEP = 100
"""Arrays and objects in one body, from which on the other parser is asked how deep they lie."""
# What nearly all senders write, and less than models/common.py takes. \Z, because $ also stands
# before a line end; [0-9], because \d stands for digits of other scripts too.
_TIME: Any = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:[0-2][1-9]|[123]0|31)T(?:[01][0-9]|2[0-3]):"
        r"[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})\Z"
    ),
]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def document(body: bytes, shape: bytes) -> dict[str, Any] | None:
    """A body as a JSON object whose members are named once and whose numbers are finite; None when
    in doubt. `shape` are its marks (receiver/limits.py).
    """
    if shape.count(b"{") + shape.count(b"[") > _DEEP:
        return None
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # Members that were overwritten took their colons with them.
    if not isinstance(found, dict) or shape.count(b":") != _encode(found).count(b":"):
        return None
    return cast("dict[str, Any]", found)


def fits(model: type[BaseModel], value: object) -> bool:
    """Whether a model surely has nothing to say about this value."""
    try:
        msgspec.convert(value, _struct(model))
    except msgspec.ValidationError:
        return False
    return True


@cache
def _struct(model: type[BaseModel]) -> type[msgspec.Struct]:
    """What a model asks for: the members by the names they have in JSON, others as they like."""
    fields: list[Any] = []
    names: dict[str, str] = {}
    for name, field in model.model_fields.items():
        kind = _kind(field)
        if kind is Any and not field.is_required():
            continue  # whatever it is; looking at it would copy it
        names[name] = field.alias or name
        fields.append((name, kind) if field.is_required() else (name, kind, None))
    fields.sort(key=len)  # those that must be there first
    return msgspec.defstruct(model.__name__, fields, rename=names, gc=False)


def _kind(field: FieldInfo) -> Any:
    if any(getattr(one, "pattern", None) for one in field.metadata):
        return _TIME | None if _may_be_null(field.annotation) else _TIME
    if field.metadata:
        # One Message, a text, or a list of either: the only kind that is looked at otherwise.
        one = _struct(Message)
        return str | one | list[str | one] | None
    return _plain(field.annotation)


def _may_be_null(annotation: Any) -> bool:
    return type(None) in get_args(annotation)


def _plain(annotation: Any) -> Any:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return Union[tuple(_plain(one) for one in get_args(annotation))]  # noqa: UP007  made at run time
    if origin is list:
        return list[_plain(get_args(annotation)[0])]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _struct(annotation)
    if annotation in (str, bool, int, float, type(None), Any) or origin is Literal:
        return cast("Any", annotation)
    if annotation is object:
        return Any
    raise TypeError(f"{annotation} has no counterpart here")
