"""Drift: what senders do that the specification does not say, and when it is refused instead.

DRIFT is the list of its codes, written into every event as `code` or `code /json/pointer`.
Findings collects them for one body, together with the reasons to refuse it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from receiver.rejections import InvalidEvent
from store.events import Reason
from store.payload import escaped
from store.times import parse_time


@dataclass(frozen=True, slots=True)
class Drift:
    """One kind of drift: what would have been right, and whether a strict source is refused."""

    expected: str
    strict: bool = False


DRIFT: Mapping[str, Drift] = MappingProxyType(
    {
        # Envelope members that FIT, or the source's dialect, requires.
        "missing": Drift("a member that is required", strict=True),
        "type-contradiction": Drift("the event type that the path names", strict=True),
        "type-spelling": Drift("the event type in the specification's spelling"),
        # Members of resources.
        "unknown-status": Drift("a status or state of the specification", strict=True),
        "unknown-value": Drift("a word of the specification's enumeration", strict=True),
        "number-for-string": Drift("a string", strict=True),
        "empty": Drift("a value that is not the empty string", strict=True),
        "v4-name": Drift("the name that TMF621 v5 gives the member"),
        # Times.
        "no-zone": Drift("a date-time with its zone", strict=True),
        "unreadable-time": Drift("a date-time with its zone (RFC 3339)", strict=True),
        # The payload's place and name.
        "payload-place": Drift("the resource in its named member of /event"),
        "derived-id": Drift("the task's id"),
        # The body as a whole.
        "duplicate-member": Drift("every member once in an object"),
        "no-media-type": Drift("Content-Type: application/json"),
    }
)

MOST_FINDINGS = 50
"""Findings kept of one body; more of them say nothing new."""

MOST_PROBLEMS = 1_000
"""A body with more problems than this is refused unread: telling them all costs too much."""

EXPECTED = {
    "string_type": "a string",
    "list_type": "an array",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "bool_type": "a boolean",
    "bool_parsing": "a boolean",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
}


@dataclass(slots=True)
class Findings:
    """What was found about one body: drift that passes, and reasons that do not."""

    strict: bool
    zone: str
    optional: frozenset[str] = frozenset()
    """Members of the envelope that the source's dialect does not require."""
    statuses: frozenset[str] = frozenset()
    """Agreed with the source beside those of the specification."""
    where: Callable[[str], str] | None = None
    """From a pointer into our wording of a document to where the sender has it."""
    # Dictionaries, because they keep order and each finding once.
    drift: dict[str, None] = field(default_factory=dict[str, None])
    reasons: dict[Reason, None] = field(default_factory=dict[Reason, None])

    def note(self, code: str, pointer: str = "") -> None:
        """Drift; for a strict source a reason to refuse where DRIFT says so."""
        kind = DRIFT[code]
        if self.strict and kind.strict:
            self.refuse(code, pointer, kind.expected)
            return
        pointer = self.where(pointer) if self.where else pointer
        if len(self.drift) < MOST_FINDINGS:
            self.drift[f"{code} {pointer}" if pointer else code] = None

    def refuse(self, code: str, pointer: str, expected: str) -> None:
        """A reason to refuse, whatever was agreed with the source."""
        pointer = self.where(pointer) if self.where else pointer
        if len(self.reasons) < MOST_FINDINGS:
            self.reasons[Reason(code, pointer, expected)] = None

    def check(self) -> None:
        """Raise InvalidEvent if there is any reason to."""
        if self.reasons:
            raise InvalidEvent(tuple(self.reasons))

    def problems(self, error: ValidationError, value: object, prefix: str = "") -> None:
        """Sort what a model complains about into drift and reasons; `value` is what it was given."""
        if error.error_count() > MOST_PROBLEMS:
            self.refuse("too-many-problems", prefix, f"fewer than {MOST_PROBLEMS} problems")
            return
        for problem in error.errors(include_url=False):
            self._problem(problem, prefix + pointer_of(problem["loc"], value, problem["type"]))

    def _problem(self, problem: ErrorDetails, pointer: str) -> None:
        kind, given = problem["type"], problem["input"]
        if kind == "missing" or (given is None and kind == "string_type"):
            if pointer[1:] not in self.optional:
                self.note("missing", pointer)
        elif isinstance(given, str) and not given.strip():
            self.note("empty", pointer)
        elif isinstance(given, str) and kind == "string_pattern_mismatch":
            self._time(given, pointer)
        elif kind in ("string_type", "literal_error") and _is_number(given):
            self.note("number-for-string", pointer)
        elif kind == "literal_error" and isinstance(given, str):
            status = pointer.endswith(("/status", "/state"))
            if status and given in self.statuses:
                return
            self.note("unknown-status" if status else "unknown-value", pointer)
        else:
            self.refuse("wrong-type", pointer, EXPECTED.get(kind, "a string"))

    def _time(self, text: str, pointer: str) -> None:
        read = parse_time(text, self.zone)
        if read is None:
            self.note("unreadable-time", pointer)
        elif not read[1]:
            self.note("no-zone", pointer)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def pointer_of(location: Iterable[int | str], value: Any, kind: str) -> str:
    """A pydantic location as JSON pointer; what is not in the document (an index into a Message
    that was no list) is left out.
    """
    pointer = ""
    for token in location:
        if isinstance(value, dict) and isinstance(token, str):
            inside = cast("dict[str, Any]", value)
            if token not in inside and kind != "missing":
                continue
            value = inside.get(token)
        elif isinstance(value, list) and isinstance(token, int):
            value = cast("list[Any]", value)[token]
        else:
            continue
        pointer += f"/{escaped(str(token))}"
    return pointer
