"""Dialect: what was agreed with a source on how it speaks. Plain values; the defaults are FIT v1's.

Dialect
├── answers, paths, names of events, what is no drift     for the edge
├── Speech: how its bytes are read                        for the edge and the fold
└── ProviderPaths: where the source's own API has what    for who asks it
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

EnvelopeKind = Literal["tmf", "cloudevents", "tmf688"]
AnswerBody = Literal["", "none", "object", "event-subscription"]


@dataclass(frozen=True, slots=True)
class Word:
    """A member of theirs that has another name or shape than ours."""

    theirs: str
    ours: str
    nested: str = ""
    """The member in which we have the reference that they have flat."""
    listed: bool = False
    """Whether it is an id as text where we have a list of objects with an id."""
    inside: tuple["Word", ...] = ()
    """For the objects in it."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How a source's bytes are read: as much of its dialect as a history depends on."""

    envelope: EnvelopeKind = "tmf"
    bare: bool = False
    """Whether `event` may be the resource itself."""
    envelope_names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Members of the envelope: theirs, ours."""
    asks: str = ""
    """Member of the envelope that names, as text, what is asked for; empty: none."""
    words: tuple[Word, ...] = ()
    """Members of resources."""


@dataclass(frozen=True, slots=True)
class ProviderPaths:
    """Where a provider's API has what."""

    base_path: str = "/tmf-api/troubleTicketManagement/v5"
    paths: Mapping[str, str] = field(
        default_factory=lambda: {
            "troubleTicket": "/troubleTicket",
            "troubleTicketSpecification": "/troubleTicketSpecification",
            "cancelTroubleTicket": "/cancelTroubleTicket",
            "inflightChangeTroubleTicket": "/inflightChangeTroubleTicket",
            "hub": "/hub",
        }
    )
    """By our names: the member of `event`, and `hub`."""
    hub_form: Literal["v5", "v4"] = "v5"
    """How a registration is written: v4 has no @type."""

    def path(self, resource: str, number: str | None = None) -> str | None:
        """Below `base_path`: `path("troubleTicket")` is the collection, `path("troubleTicket",
        "TT-1")` the one.

        None where the provider has no such thing. In a path that names `{id}` (MEF cancels at
        `/troubleTicket/{id}/cancel`) the id goes there, so that one needs it. An id is encoded.
        """
        found = self.paths.get(resource)
        if found is None:
            return None
        told = quote(number, safe="") if number is not None else None
        if "{id}" in found:
            return None if told is None else found.replace("{id}", told)
        return found if told is None else f"{found}/{told}"

    def whole_path(self, resource: str, number: str | None = None) -> str | None:
        """The same with `base_path` before it, for a base URL that is a host alone."""
        found = self.path(resource, number)
        return None if found is None else self.base_path + found


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What was agreed with a source on how it speaks."""

    name: str = "fit-v1"
    status: int = 204
    """Of the answer to an event that was taken."""
    body: AnswerBody = ""
    """Of that answer; empty: the one that belongs to the status."""
    prefixes: tuple[str, ...] = ()
    """Of its listener paths, beside those of everybody."""
    untyped: tuple[str, ...] = ()
    """Last segments of listener paths whose body names the event type."""
    events: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names of event types: theirs, ours."""
    optional: frozenset[str] = frozenset()
    """Members of the envelope that FIT requires and it does not."""
    vague: frozenset[str] = frozenset()
    """Values of @type that name no event type, and need not."""
    statuses: frozenset[str] = frozenset()
    """Beside those of the specification."""
    thin: bool = False
    """Whether its events name a resource and say nothing of it, so that GET has to complete them."""
    speech: Speech | None = None
    """None: as TMF621 v5 has it."""
    provider: ProviderPaths = field(default_factory=ProviderPaths)


def words_of(
    names: Mapping[str, str], flat: Mapping[str, str], listed: Mapping[str, str]
) -> tuple[Word, ...]:
    """The words that tables of paths say: `statusChange.changeDate = "statusChangeDate"`."""
    paths = {tuple(path.split(".")) for path in (*names, *flat, *listed)}
    return _inside((), paths, names, flat, listed)


def _inside(
    above: tuple[str, ...],
    paths: set[tuple[str, ...]],
    names: Mapping[str, str],
    flat: Mapping[str, str],
    listed: Mapping[str, str],
) -> tuple[Word, ...]:
    depth = len(above)
    here = sorted({path[depth] for path in paths if len(path) > depth and path[:depth] == above})
    found: list[Word] = []
    for member in here:
        path = ".".join((*above, member))
        found.append(
            Word(
                theirs=member,
                ours=listed.get(path) or names.get(path, member),
                nested=flat.get(path, ""),
                listed=path in listed,
                inside=_inside((*above, member), paths, names, flat, listed),
            )
        )
    return tuple(found)
