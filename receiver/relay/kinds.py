"""KINDS: what a provider can be asked for, one line each; and whether a body may be passed on.

What is passed on are the very bytes that came. So they must mean the same to everybody who reads
them: JSON without repeated members, without numbers or texts that no JSON has.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from receiver.drift import EXPECTED, MOST_FINDINGS, MOST_PROBLEMS, pointer_of
from receiver.events import EXTENSIONS
from receiver.limits import Limits, excess, marks
from receiver.models.common import Open
from receiver.models.tasks import CancelTroubleTicket, InflightChangeTroubleTicket
from receiver.models.ticket import TroubleTicket
from receiver.models.wanted import (
    TAG,
    NewCancelTroubleTicket,
    NewInflightChangeTroubleTicket,
    NewTroubleTicket,
    Wanted,
)
from receiver.rejections import InvalidWish
from store.events import Reason
from store.payload import (
    RESOURCE_TYPES,
    TASK_TYPES,
    Json,
    escaped,
    member_of,
    reference_id,
    ticket_id_of,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource that a provider makes when it is asked to."""

    model: type[Wanted]
    """What it needs before there is one."""
    known: type[Open]
    """What is read of one."""

    @property
    def resource_type(self) -> str:
        """TMF621's name of it."""
        return self.known.__name__

    @property
    def path(self) -> str:
        """Behind a prefix, here."""
        return f"/{self.member}"

    @property
    def member(self) -> str:
        """What dialects call it when they say where a provider has it."""
        return member_of(self.resource_type)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        one.path: one
        for one in (
            Kind(NewTroubleTicket, TroubleTicket),
            Kind(NewCancelTroubleTicket, CancelTroubleTicket),
            Kind(NewInflightChangeTroubleTicket, InflightChangeTroubleTicket),
        )
    }
)
"""By path."""


def wish(body: bytes, kind: Kind, limits: Limits) -> Json:
    """The document in a body that may be passed on. Raises InvalidWish, which names each member."""
    document = _document(body)
    too_much = excess(body, document, marks(body), limits)
    if too_much:
        raise InvalidWish((too_much,))
    reasons: dict[str, Reason] = {}
    for reason in _problems(document, kind):
        if len(reasons) < MOST_FINDINGS:
            reasons.setdefault(reason.pointer, reason)
    if reasons:
        raise InvalidWish(tuple(reasons.values()))
    return document


def _document(body: bytes) -> Json:
    def once(pairs: list[tuple[str, Any]]) -> Json:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a member is repeated")
        return found

    try:
        # As text: from bytes it would also read UTF-16 and UTF-32, which is no JSON (RFC 8259, 8.1).
        document = json.loads(body.decode("utf-8"), object_pairs_hook=once)
        # Halves of surrogate pairs, NaN and numbers that no double holds are read, but not written.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise InvalidWish((Reason("not-json", "", "JSON in UTF-8, each member once"),)) from None
    if not isinstance(document, dict):
        raise InvalidWish((Reason("wrong-type", "", "an object"),))
    return cast("Json", document)


def _problems(document: Json, kind: Kind) -> Iterator[Reason]:
    yield from _complaints(kind.model, document)
    said = document.get("@type")
    named = kind.resource_type
    if said in RESOURCE_TYPES and said != named:
        yield Reason("wrong-type", "/@type", f"{named}, or the name of an extension")
    extension = EXTENSIONS.get(said) if isinstance(said, str) else None
    if extension is not None:
        if issubclass(extension, kind.known):
            yield from _complaints(extension, document)
        else:
            yield Reason("wrong-type", "/@type", f"{named}, or the name of an extension")
    yield from _nulls(document)
    if named in TASK_TYPES:
        yield from _which_ticket(document, named)


def _which_ticket(document: Json, kind: str) -> Iterator[Reason]:
    ticket = ticket_id_of(kind, document)
    if ticket is None:
        told = "the ticket: an object with @type and id (or in entity)"
        yield Reason("missing", "/troubleTicket", told)
    elif (entity := reference_id(document.get("entity"))) not in (None, ticket):
        yield Reason("contradiction", "/entity/id", f"the same ticket, {ticket}, not {entity}")


def _complaints(model: type[BaseModel], document: Json) -> Iterator[Reason]:
    try:
        model.__pydantic_validator__.validate_python(document, extra="ignore")
    except ValidationError as error:
        for problem in error.errors(include_url=False)[:MOST_PROBLEMS]:
            place = [one for one in problem["loc"] if not str(one).startswith(TAG)]
            pointer = pointer_of(place, document, problem["type"])
            yield Reason(_code(problem), pointer, _expected(problem))


def _code(problem: ErrorDetails) -> str:
    return "missing" if problem["type"] == "missing" else "wrong-type"


def _expected(problem: ErrorDetails) -> str:
    kind = problem["type"]
    more = problem.get("ctx", {})
    told = {
        "missing": "a value; it is required",
        "string_too_short": "a text that is not empty",
        "too_short": "at least one",
        "string_pattern_mismatch": "a date-time with its zone (RFC 3339)",
        "literal_error": f"one of {more.get('expected')}",
    }
    return told.get(kind) or EXPECTED.get(kind, "an object")


def _nulls(document: Json) -> Iterator[Reason]:
    """Members that say nothing. The value of a characteristic is anybody's."""
    level: list[tuple[str, Any]] = [("", document)]
    while level:
        deeper: list[tuple[str, Any]] = []
        for pointer, value in level:
            if value is None:
                yield Reason("null", pointer, "a value, or to be left out")
            elif isinstance(value, dict):
                members = cast("Json", value).items()
                deeper += [
                    (f"{pointer}/{escaped(name)}", one) for name, one in members if name != "value"
                ]
            elif isinstance(value, list):
                listed = cast("list[Any]", value)
                deeper += [(f"{pointer}/{at}", one) for at, one in enumerate(listed)]
        level = deeper
