"""Tests and orders as SQL over a kind's rows; values are bound, names are checked.

SQLite's own JSON functions do the work, not Python's: they run without the interpreter's lock, so
that a search through every resource holds up nobody who takes events in.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from store.resources.kinds import Kind
from store.resources.question import Order, Path, Test, check_path
from store.times import parse_time

_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_ZONED = f"{_DAY}T[0-9][0-9]:[0-9][0-9]*"


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and what is bound to it."""

    text: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class _Member:
    """Where a member is found in SQL."""

    value: str
    type: str
    """As json_type names it."""


@dataclass(slots=True)
class Conditions:
    """The WHERE and ORDER BY of one question about a kind."""

    kind: Kind
    values: list[object] = field(default_factory=list[object])

    def where(self, groups: Sequence[Sequence[Test]]) -> str:
        """Of each group one test holds; begins with AND where there is any."""
        found = ""
        for group in groups:
            tests = [self._test(test) for test in group]
            self.values += [value for test in tests for value in test.values]
            found += f" AND ({' OR '.join(test.text for test in tests)})"
        return found

    def order(self, orders: Sequence[Order]) -> str:
        """ORDER BY, ending with what makes it total."""
        terms = [term for order in orders for term in self._order(order)]
        return ", ".join([*terms, self.kind.source, self.kind.id])

    def there(self, path: Path) -> str:
        """Whether a resource has such a member, be it null."""
        chain, _ = self._walk(check_path(path))
        return f"EXISTS (SELECT 1 FROM {chain})"

    def _test(self, test: Test) -> Sql:
        path = check_path(test.path)
        if path == ("id",) and test.operator in ("eq", "ne"):
            # Plainly, so that an index finds it.
            found = Sql(f"{self.kind.id} IN ({', '.join('?' * len(test.values))})", test.values)
            return Sql(f"NOT ({found.text})", found.values) if test.operator == "ne" else found
        known = self._known(path)
        if known is not None:
            inner = self._any(known, test)
            found = Sql(f"coalesce({inner.text}, false)", inner.values)
        else:
            chain, member = self._walk(path)
            inner = self._any(member, test)
            found = Sql(f"EXISTS (SELECT 1 FROM {chain} WHERE {inner.text})", inner.values)
        return Sql(f"NOT ({found.text})", found.values) if test.operator == "ne" else found

    def _known(self, path: Path) -> _Member | None:
        """What a resource has even where the provider left it out."""
        if path == ("id",):
            return _Member(self.kind.id, "'text'")
        if path == ("@type",):
            told = f"""coalesce({self.kind.state} ->> '$."@type"', '{self.kind.resource_type}')"""
            return _Member(told, "'text'")
        return None

    def _walk(self, path: Path) -> tuple[str, _Member]:
        """Every element that a path leads to: a chain of json_each, one a name."""
        chain = [f"json_each({_elements(self.kind.state, path[0])}) AS m0"]
        for place, name in enumerate(path[1:], 1):
            above = f"m{place - 1}"
            inner = f"CASE {above}.type WHEN 'object' THEN {_elements(f'{above}.value', name)} END"
            chain.append(f"json_each({inner}) AS m{place}")
        last = f"m{len(path) - 1}"
        return " CROSS JOIN ".join(chain), _Member(f"{last}.value", f"{last}.type")

    def _any(self, member: _Member, test: Test) -> Sql:
        found = [sql for value in test.values for sql in self._holds(member, test.operator, value)]
        return Sql(
            f"({' OR '.join(f'({sql.text})' for sql in found)})",
            tuple(value for sql in found for value in sql.values),
        )

    def _holds(self, member: _Member, operator: str, asked: str) -> Iterator[Sql]:
        value, kind = member.value, member.type
        if operator == "regex":
            yield Sql(f"{kind} = 'text' AND matches(?, {value})", (asked,))
            return
        sign = _SIGNS.get(operator)
        number, instant = _number(asked), _instant(asked, is_ordered=sign is not None)
        if instant is not None:
            yield Sql(f"{self._julian(member)} {sign or '='} julianday(?)", (instant,))
        if number is not None:
            yield Sql(f"{kind} IN ('integer', 'real') AND {value} {sign or '='} ?", (number,))
        if sign is None:
            yield Sql(f"{kind} = 'text' AND {value} = ?", (asked,))
            if asked in ("true", "false"):
                yield Sql(f"{kind} = ?", (asked,))
        elif number is not None:
            # Priorities are often texts: "1" to "4".
            digits = f"{value} GLOB '[0-9]*' AND {value} NOT GLOB '*[^0-9]*'"
            whole = f"{kind} = 'text' AND {digits} AND length({value}) < 16"
            yield Sql(f"{whole} AND CAST({value} AS INTEGER) {sign} ?", (number,))
        elif instant is None:
            yield Sql(f"{kind} = 'text' AND {value} {sign} ?", (asked,))

    def _julian(self, member: _Member) -> str:
        """A time as an instant; NULL for what is none. One without zone is its source's."""
        value, local = member.value, f"julianday(zoned({member.value}, {self.kind.source}))"
        zoned = f"{value} GLOB '{_ZONED}Z' OR {value} GLOB '{_ZONED}[+-][0-9][0-9]:[0-9][0-9]'"
        return (
            f"CASE WHEN {member.type} IS NOT 'text' OR {value} NOT GLOB '{_DAY}*' THEN NULL "
            f"WHEN {zoned} THEN julianday({value}) ELSE {local} END"
        )

    def _order(self, order: Order) -> Iterator[str]:
        path = check_path(order.path)
        member = self._known(path) or _Member(
            f"({self.kind.state} ->> '{_json_path(path)}')",
            f"json_type({self.kind.state}, '{_json_path(path)}')",
        )
        single = f"{member.type} IN ('text', 'integer', 'real', 'true', 'false')"
        direction = " DESC" if order.descending else ""
        yield f"({single}) IS NOT true"
        yield f"{self._julian(member)}{direction}"
        yield f"CASE WHEN {single} THEN {member.value} END{direction}"


def _elements(document: str, name: str) -> str:
    """A member as a JSON array: its elements where it is one, else itself alone; NULL: not there."""
    path = _json_path((name,))
    told = f"{document} -> '{path}'"
    return f"CASE json_type({document}, '{path}') WHEN 'array' THEN {told} ELSE '[' || ({told}) || ']' END"


def _json_path(path: Path) -> str:
    return "$" + "".join(f'."{name}"' for name in path)


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    if "." not in text and -(2**63) <= int(text) < 2**63:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def _instant(text: str, *, is_ordered: bool) -> str | None:
    """What was asked for as UTC text; a day alone is its beginning, where an order is asked for."""
    if _DATE.fullmatch(text):
        text = f"{text}T00:00:00Z" if is_ordered else ""
    read = parse_time(text)
    return read[0] if read else None
