"""TMF630's query string as a provider reads it: fields, filters of attributes, sort, offset, limit."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from tests.provider.habits import Habits
from tests.provider.known import Resource
from tests.provider.rhythm import ZONE

OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte")
ALWAYS = ("id", "href", "@type")
_SPOILED_ZONE = re.compile(r"(T[\d:.]+) (\d\d:\d\d)$")


class Unreadable(Exception):
    """A parameter that cannot be read; 400. (name, why)"""


@dataclass(frozen=True, slots=True)
class Test:
    path: tuple[str, ...]
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    tests: tuple[Test, ...]
    sort: tuple[str, ...]
    fields: tuple[str, ...] | None
    offset: int
    limit: int


def read(query: str, habits: Habits) -> Question:
    """For a list. Raises Unreadable."""
    tests: list[Test] = []
    told: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in {"fields", "sort", "offset", "limit"}:
            told[name] = value
        elif name in {"filter", "before", "after"}:
            raise Unreadable(name, "is not known here")
        elif habits.filters:
            tests.append(_test(name, value))
    return Question(
        tuple(tests),
        tuple(told["sort"].split(",")) if told.get("sort") and habits.sorts else (),
        fields_of(told.get("fields")),
        _number(told, "offset", 0, 0),
        min(_number(told, "limit", habits.most, 1), habits.most),
    )


def fields_of(text: str | None) -> tuple[str, ...] | None:
    """None is everything; `none` is nothing but what is always told."""
    return None if not text else tuple(one for one in text.split(",") if one != "none")


def found(resources: Sequence[Resource], question: Question) -> list[Resource]:
    """Every resource that fits, sorted; its page is another matter."""
    fitting = [one for one in resources if all(_holds(test, one) for test in question.tests)]
    for name in reversed(question.sort):
        path = tuple(name.lstrip("+- ").split("."))
        fitting.sort(key=lambda one: _first(one, path), reverse=name.startswith("-"))
    return fitting


def narrowed(resource: Resource, fields: Iterable[str] | None) -> Resource:
    """Only some members, and those that are always told."""
    if fields is None:
        return resource
    wanted = {*ALWAYS, *(one.split(".")[0] for one in fields)}
    return {name: value for name, value in resource.items() if name in wanted}


def _test(name: str, value: str) -> Test:
    *path, last = name.split(".")
    if not path or last not in OPERATORS:
        path, last = [*path, last], "eq"
    if not value or not all(path):
        raise Unreadable(name, "needs a value")
    # A plus that was not encoded has become a space.
    values = tuple(_SPOILED_ZONE.sub(r"\1+\2", one) for one in value.split(","))
    return Test(tuple(path), last, values)


def _number(told: dict[str, str], name: str, default: int, least: int) -> int:
    text = told.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise Unreadable(name, f"must be a whole number from {least}")
    return int(text)


def _holds(test: Test, resource: Resource) -> bool:
    values = [_comparable(value) for value in _at(resource, test.path)]
    asked = [_comparable(text) for text in test.values]
    if test.operator == "ne":
        return not any(value == one for value in values for one in asked)
    return any(_compared(test.operator, value, one) for value in values for one in asked)


def _compared(operator: str, value: tuple[int, Any], asked: tuple[int, Any]) -> bool:
    if value[0] != asked[0]:
        return False
    match operator:
        case "eq":
            return value == asked
        case "gt":
            return value > asked
        case "gte":
            return value >= asked
        case "lt":
            return value < asked
        case _:
            return value <= asked


def _at(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Every value that a path leads to, through the elements of arrays."""
    if isinstance(node, list):
        for one in node:
            yield from _at(one, path)
    elif not path:
        yield node
    elif isinstance(node, dict) and path[0] in node:
        yield from _at(node[path[0]], path[1:])


def _first(resource: Resource, path: tuple[str, ...]) -> tuple[int, Any]:
    return next((_comparable(value) for value in _at(resource, path)), (-1, 0))


def _comparable(value: Any) -> tuple[int, Any]:
    """Numbers as numbers, times as instants, everything else as text; never one with another."""
    if isinstance(value, bool):
        value = str(value).lower()
    text = str(value)
    try:
        return 0, float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        moment = None
    if moment is None:
        return 2, text
    return 1, (moment if moment.tzinfo else moment.replace(tzinfo=ZONE)).timestamp()
