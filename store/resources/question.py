"""What may be asked of a collection: which resources, in which order, how many.

A path goes through objects and, without an index, through every element of an array: a test holds
where any element says so. Attributes are compared as what was asked for reads: a time as an
instant, a number as a number, anything else as text, case and all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "regex"]
Path = tuple[str, ...]
"""Names of members, from outside in."""

NAME = re.compile(r"[A-Za-z0-9_@-]{1,64}", re.ASCII)
"""What a member may be called to be asked for; SQL is made of nothing else."""
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Test:
    """One condition on one attribute. Any of the values will do; for `ne`, none of them may.

    `ne` also holds where the attribute is not there.
    """

    path: Path
    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """By one attribute. Resources without it come last; so do those where it is no single value."""

    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A page of a collection."""

    conditions: Sequence[Sequence[Test]] = ()
    """Of each group one test has to hold."""
    source: str | None = None
    order: Sequence[Order] = ()
    """Then by source and id, so that pages never overlap."""
    offset: int = 0
    limit: int = 100
    most_bytes: int = 16_777_216
    """A page ends with the resource that brings it beyond this."""


def check_path(path: Path) -> Path:
    """Raise ValueError for what cannot be a path."""
    if not 0 < len(path) <= DEEPEST or not all(NAME.fullmatch(name) for name in path):
        raise ValueError("names of members with dots between them")
    return path
