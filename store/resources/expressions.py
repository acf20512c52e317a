"""Regular expressions that take time in proportion to what they read, whatever they are (RE2).

Python's own may take for ever, and hold the interpreter's lock meanwhile.
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol

from store.log.protocol import LogError
from store.resources.question import Question

MOST_MEMORY = 1 << 20
"""Bytes for one expression; what needs more is refused, or searched in more steps."""


class NoRegularExpressions(LogError):
    """Nothing that matches regular expressions in bounded time is installed."""

    hint = "pip install 'tmf621-listener[regex]'"


class NoExpression(LogError):
    """A regular expression cannot be read."""


class Matcher(Protocol):
    """A regular expression, ready to search."""

    def search(self, text: str) -> object:
        """None where it is not found."""
        ...


NONE: Mapping[str, Matcher] = MappingProxyType({})


def matchers(question: Question) -> dict[str, Matcher]:
    """Those of a question, by their texts. Raises NoExpression, NoRegularExpressions."""
    tests = [test for group in question.conditions for test in group if test.operator == "regex"]
    return {value: compiled(value) for test in tests for value in test.values}


def compiled(expression: str) -> Matcher:
    """A regular expression that takes time in proportion to what it reads, never more (RE2).

    Raises NoExpression, NoRegularExpressions.
    """
    try:
        # By its name: it comes without types, and need not be there.
        re2: Any = import_module("re2")
    except ImportError:
        raise NoRegularExpressions("Regular expressions are not installed here.") from None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    try:
        matcher: Matcher = re2.compile(expression, options)
    except re2.error as error:
        raise NoExpression(str(error)) from None
    return matcher
