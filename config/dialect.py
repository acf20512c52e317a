"""Dialects: how a source speaks and is spoken to, as data: one file each in config/dialects/.

To add one, add a file there, or name a file of your own by its path (`dialect = "carrier.toml"`).
What a file does not say is as in the dialect that it names as its `base`, else as in FIT v1.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

DEFAULT = "fit-v1"
FOLDER = Path(__file__).with_name("dialects")
NO_CONTENT = 204
MOST_BASES = 8
"""Of a dialect's base's base …; more of them go round in a circle."""

PathText = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~{}-]+)+$")]
Segment = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]+$")]
Member = Annotated[str, StringConstraints(pattern=r"^[^.]+$")]
MemberPath = Annotated[str, StringConstraints(pattern=r"^[^.]+(\.[^.]+)*$")]
EventName = Annotated[
    str,
    StringConstraints(pattern=r"^(Cancel|InflightChange)?TroubleTicket[A-Za-z]*Event$"),
]
Required = Literal["@type", "eventId", "eventTime", "eventType"]
REQUIRED: tuple[Required, ...] = ("@type", "eventId", "eventTime", "eventType")
"""By FIT, of every event."""
RESOURCES = (
    "troubleTicket",
    "troubleTicketSpecification",
    "cancelTroubleTicket",
    "inflightChangeTroubleTicket",
    "hub",
)
"""What a provider's API may have, by our names."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(Part):
    """What the source hears once its event is on disk."""

    status: Literal[200, 201, 204] = 204
    body: Literal["", "none", "object", "event-subscription"] = Field(
        default="",
        description="Empty: what belongs to the status: 204 none, 200 an empty object, 201 an "
        "EventSubscription.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.status == NO_CONTENT and self.body not in ("", "none"):
            raise ValueError("204 has no body")
        return self


class Listener(Part):
    """Where it posts."""

    prefixes: tuple[PathText, ...] = Field(
        default=(), description="Served beside the setting `prefixes`, with the listeners alone."
    )
    untyped: tuple[Segment, ...] = Field(
        default=(), description="Served as /listener/…; the body names the event type."
    )


class Envelope(Part):
    """What stands around the payload."""

    kind: Literal["tmf", "cloudevents", "tmf688"] = "tmf"
    required: tuple[Required, ...] = Field(
        default=REQUIRED,
        description="Without these an event is drift, or refused by a strict source.",
    )
    types: tuple[str, ...] = Field(
        default=(), description="Values of @type that name no event type, and need not."
    )
    names: dict[Member, Member] = Field(
        default_factory=dict[str, str], description="Its members: their name = ours."
    )
    asks: Member | Literal[""] = Field(
        default="", description="Its member that names, as text, what InformationRequired asks for."
    )


class Payload(Part):
    """Where the resource is, and how much of it."""

    bare: bool = Field(default=False, description="`event` may be the resource itself.")
    thin: bool = Field(
        default=False, description="Events name a resource and say nothing of it: GET completes."
    )
    statuses: tuple[str, ...] = Field(
        default=(), description="Agreed beside those of the specification."
    )


class Provider(Part):
    """Where the source's own API has what."""

    base_path: PathText | Literal[""] = Field(
        default="", description="Put behind a base_url that is a host alone."
    )
    hub_form: Literal["v5", "v4"] = Field(
        default="v5", description="How a registration is written: v4 has no @type."
    )
    paths: dict[str, PathText] = Field(
        default_factory=dict[str, str],
        description="Below base_path; without a path it is not offered. {id}: of the ticket.",
    )

    @field_validator("paths")
    @classmethod
    def _known(cls, paths: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(paths) - set(RESOURCES))
        if unknown:
            raise ValueError(f"no resource {unknown[0]!r}: name one of {', '.join(RESOURCES)}")
        return paths


class DialectFile(Part):
    """One file."""

    title: str
    base: str = ""
    answer: Answer = Answer()
    listener: Listener = Listener()
    events: dict[Segment, EventName] = Field(
        default_factory=dict[str, str], description="Names of events: theirs = ours."
    )
    envelope: Envelope = Envelope()
    payload: Payload = Payload()
    names: dict[MemberPath, Member] = Field(
        default_factory=dict[str, str],
        description="Members of a resource: the path to theirs = our name. Lists are gone through.",
    )
    flat: dict[MemberPath, Member] = Field(
        default_factory=dict[str, str],
        description="Members whose references are flat = the member in which v5 nests them.",
    )
    listed: dict[MemberPath, Member] = Field(
        default_factory=dict[str, str],
        description="Members that are an id as text = our list of objects with an id.",
    )
    provider: Provider = Provider()


def known() -> list[str]:
    """The names of the dialects that come with the listener."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read(name: str) -> DialectFile:
    """A dialect by its name or, ending in .toml, by the path of its file, its base's words included.

    Raises ValueError, which says what is wrong in which file.
    """
    try:
        return DialectFile.model_validate(_told(name, MOST_BASES))
    except ValidationError as error:
        lines = (
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        )
        raise ValueError(f"{name}: {'; '.join(lines)}") from error


def known_dialect(name: str) -> str:
    """The name itself when it can be read. Raises ValueError."""
    read(name)
    return name


def _told(name: str, bases: int) -> dict[str, Any]:
    if not bases:
        raise ValueError(f"{name}: its bases go round in a circle")
    own = _file(name)
    base = own.get("base")
    if not isinstance(base, str) or not base:
        return own
    return _over(_told(base, bases - 1), own)


def _file(name: str) -> dict[str, Any]:
    if not name.endswith(".toml") and name not in known():
        raise ValueError(
            f"there is no dialect {name!r}: name one of {', '.join(known())}, or a file of your "
            "own that ends in .toml"
        )
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are joined; anything else that is said anew takes the place of what was said."""
    told = dict(base)
    for name, value in own.items():
        below = told.get(name)
        both = isinstance(value, dict) and isinstance(below, dict)
        told[name] = (
            _over(cast("dict[str, Any]", below), cast("dict[str, Any]", value)) if both else value
        )
    return told
