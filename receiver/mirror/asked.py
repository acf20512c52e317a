"""What is asked of the mirror: TMF630's query string, read strictly.

    status=acknowledged,held             one of the values; the same name again adds values
    status=held;severity.eq=Major        either; between & all have to hold
    note.author=Ada                      through objects and every element of arrays
    lastUpdate.gte=2026-11-01T00:00:00Z  eq, ne, gt, gte, lt, lte, regex; also as lastUpdate>=…
                                         neither has an escape inside of a value
    sort=-lastUpdate,severity  fields=name,relatedParty.role  offset=20  limit=10
    source=carrier                       ours: whose resources
    asOf=…  knownAt=…                    ours, for one resource

A parameter that is not known, or cannot be read, is refused and named; none is ever ignored.
"""

import re
from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from receiver.consumers.asked import MOST_POSITION, number
from receiver.mirror.rules import MirrorRules
from receiver.rejections import InvalidParameter, NotServed
from store.resources.past import Moment
from store.resources.question import Operator, Order, Path, Question, Test, check_path
from store.times import parse_time

MOST_TERMS = 50
"""Tests, sort keys and fields in one request."""
MOST_EXPRESSION = 200
"""Characters of a regular expression."""

_OPERATORS: Mapping[str, Operator] = {
    "eq": "eq", "ne": "ne", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "regex": "regex"
}  # fmt: skip
_SIGNS: Mapping[str, Operator] = {"=": "eq", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_PART = re.compile(r"([^=<>]+)(>=|<=|>|<|=)(.*)", re.DOTALL)
_SPOILED_ZONE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+) (\d\d:\d\d)")
_NOT_SERVED = {
    "filter": "JSONPath is not served; ask by attributes, as note.author=Ada",
    "before": "cursors are not served; ask by offset and limit",
    "after": "cursors are not served; ask by offset and limit",
}
_SINGLE = frozenset({"fields", "sort", "offset", "limit", "source", "asOf", "knownAt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query string, understood."""

    question: Question = field(default_factory=Question)
    fields: tuple[Path, ...] | None = None
    """What to tell of each resource; None is everything."""
    moment: Moment = field(default_factory=Moment)
    names: Sequence[tuple[str, Path]] = ()
    """Attributes that are named, each with the parameter that names it."""


def asked_list(query: bytes, rules: MirrorRules) -> Asked:
    """For a collection. Raises InvalidParameter, NotServed."""
    told, groups = _read(query, _SINGLE - {"asOf", "knownAt"})
    order = tuple(_order(text) for text in _several(told, "sort"))
    fields = _fields(told)
    tests = [(f"{'.'.join(test.path)}", test.path) for group in groups for test in group]
    names = [*tests, *(("sort", one.path) for one in order), *_named(fields)]
    if len(names) > MOST_TERMS:
        raise InvalidParameter("query", f"at most {MOST_TERMS} attributes")
    limit = number(told.get("limit"), "limit", 1, rules.most_resources)
    return Asked(
        question=Question(
            conditions=groups,
            source=_source(told),
            order=order,
            offset=number(told.get("offset"), "offset", 0, MOST_POSITION) or 0,
            limit=limit or min(rules.page_resources, rules.most_resources),
            most_bytes=rules.page_bytes,
        ),
        fields=fields,
        names=names,
    )


def asked_one(query: bytes) -> Asked:
    """For one resource. Raises InvalidParameter, NotServed."""
    told, groups = _read(query, {"fields", "source", "asOf", "knownAt"})
    if groups:
        name = ".".join(groups[0][0].path)
        raise InvalidParameter(name[:64], "fields, source, asOf, knownAt or nothing")
    fields = _fields(told)
    if fields and len(fields) > MOST_TERMS:
        raise InvalidParameter("fields", f"at most {MOST_TERMS} attributes")
    return Asked(
        question=Question(source=_source(told)),
        fields=fields,
        moment=Moment(_moment(told, "asOf"), _moment(told, "knownAt")),
        names=_named(fields),
    )


def _read(query: bytes, may: Several[str]) -> tuple[dict[str, str], list[list[Test]]]:
    """Parameters by name, and groups of tests of which one has to hold each."""
    try:
        text = query.decode("ascii")
        parts = [_decoded(part).split(";") for part in text.split("&") if part]
    except (ValueError, UnicodeDecodeError):
        raise InvalidParameter("query", "a query string in UTF-8") from None
    told: dict[str, str] = {}
    single: dict[tuple[Path, Operator], list[Test]] = {}
    groups: list[list[Test]] = []
    for part in parts:
        name, sign, value = _split(part[0])
        if len(part) == 1 and name in _NOT_SERVED:
            raise NotServed(f"{name}: {_NOT_SERVED[name]}.")
        if len(part) == 1 and sign == "=" and name in _SINGLE:
            if name not in may:
                raise InvalidParameter(name, "only for one resource, not for a list" if name in ("asOf", "knownAt") else "only for a list")  # fmt: skip
            if name in told:
                raise InvalidParameter(name, "only once")
            told[name] = value
            continue
        tests = [_test(one) for one in part]
        if len(tests) > 1:
            groups.append(tests)
        else:
            single.setdefault((tests[0].path, tests[0].operator), []).append(tests[0])
    merged = [
        Test(path, operator, tuple(value for test in tests for value in test.values))
        for (path, operator), tests in single.items()
    ]
    return told, [*([test] for test in merged), *groups]


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="strict")


def _split(part: str) -> tuple[str, str, str]:
    found = _PART.fullmatch(part)
    if found is None:
        raise InvalidParameter(part[:64] or "query", "attribute=value")
    return found[1], found[2], found[3]


def _test(part: str) -> Test:
    name, sign, value = _split(part)
    *path, last = name.split(".")
    operator = _SIGNS[sign]
    if path and last in _OPERATORS:
        if sign != "=":
            raise InvalidParameter(name[:64], "one operator")
        operator = _OPERATORS[last]
    else:
        path.append(last)
    if operator == "regex":
        if not 0 < len(value) <= MOST_EXPRESSION:
            raise InvalidParameter(
                name[:64], f"an expression of up to {MOST_EXPRESSION} characters"
            )
        return Test(_path(path, name), operator, (value,))
    # A plus that was not encoded has become a space.
    values = tuple(_SPOILED_ZONE.sub(r"\1+\2", one) for one in value.split(","))
    if "" in values:
        raise InvalidParameter(name[:64], "a value")
    return Test(_path(path, name), operator, values)


def _path(path: Sequence[str], name: str) -> Path:
    try:
        return check_path(tuple(path))
    except ValueError as error:
        raise InvalidParameter(name[:64], str(error)) from None


def _several(told: Mapping[str, str], name: str) -> list[str]:
    found = told[name].split(",") if name in told else []
    if "" in found:
        raise InvalidParameter(name, "names of attributes, separated by commas")
    return found


def _order(text: str) -> Order:
    name = text.removeprefix("-").removeprefix("+").strip()
    return Order(_path(name.split("."), "sort"), descending=text.startswith("-"))


def _fields(told: Mapping[str, str]) -> tuple[Path, ...] | None:
    """`none`: nothing but what is always told (TMF630)."""
    if told.get("fields") == "none":
        return ()
    found = tuple(_path(one.split("."), "fields") for one in _several(told, "fields"))
    return found or None


def _named(fields: tuple[Path, ...] | None) -> list[tuple[str, Path]]:
    return [("fields", path) for path in fields or ()]


def _source(told: Mapping[str, str]) -> str | None:
    if told.get("source") == "":
        raise InvalidParameter("source", "a value")
    return told.get("source")


def _moment(told: Mapping[str, str], name: str) -> str | None:
    text = told.get(name)
    if text is None:
        return None
    read = parse_time(_SPOILED_ZONE.sub(r"\1+\2", text))
    if read is None:
        raise InvalidParameter(name, "a time, as 2026-11-24T06:00:00Z")
    return read[0]
