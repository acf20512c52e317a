"""Every knob, typed, with its default and its reason.

A value comes from the command line, else from the environment (`LISTENER_PORT`), else from the
TOML file, else from here. Only the doors (`__main__.py`) read settings; everything else is given
values.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.service_clock import ServiceClock, ZoneName

ENVIRONMENT_PREFIX = "LISTENER_"
DEFAULT_FILE = Path("listener.toml")


class Source(BaseModel):
    """One named sender and what was agreed with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation: Literal["tolerant", "strict"] = Field(
        default="tolerant",
        description="tolerant: what is needed to place an event must be right, the rest is noted "
        "as drift. strict: FIT's required envelope members, enumerations and time zones too.",
    )
    on_invalid: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="What a sender hears about an invalid body: refuse answers 400, accept answers "
        "the success status (for senders that retry for ever, or never). Quarantined either way.",
    )
    success_status: Literal[200, 201, 204] = Field(
        default=204,
        description="TMF621 v5 says 204; some senders insist on 200, v4 senders on 201 with a body.",
    )
    time_zone: ZoneName = Field(
        default="Europe/Berlin", description="For times that name no zone (IANA name)."
    )


class Settings(BaseModel):
    """Everything `listener` can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(default=Path("data"), description="Directory of log.db and history.db.")
    host: str = Field(
        default="127.0.0.1",
        description="Where the listener listens. Loopback until told otherwise.",
    )
    port: int = Field(default=8621, ge=0, le=65535, description="Port of the listener.")
    dashboards_host: str = Field(default="127.0.0.1", description="Where the pages are served.")
    dashboards_port: int = Field(default=8622, ge=0, le=65535, description="Port of the pages.")
    allow_anonymous: bool = Field(
        default=False,
        description="Let senders without credentials in on addresses other than loopback.",
    )
    prefixes: tuple[str, ...] = Field(
        default=("", "/tmf-api/troubleTicketManagement/v5", "/tmf-api/troubleTicket/v5"),
        description="Paths under which /listener/… is served: bare, FIT's, TMF621's.",
    )
    max_body_bytes: int = Field(
        default=1_048_576,
        ge=1_024,
        description="A larger body is answered 413. Real events have 1 to 20 KB.",
    )
    queue_events: int = Field(
        default=10_000, ge=1, description="Events that may wait for their commit; beyond it 503."
    )
    queue_bytes: int = Field(
        default=67_108_864,
        ge=1_024,
        description="Bytes that may wait for their commit; beyond it 503.",
    )
    follow_seconds: float = Field(
        default=0.2,
        gt=0,
        description="How often the follower looks for new events when it is idle.",
    )
    service_clock: ServiceClock = Field(
        default_factory=ServiceClock,
        description="Which time counts towards a promise. Changed: `listener rebuild`.",
    )
    sources: dict[str, Source] = Field(
        default_factory=lambda: {"default": Source()},
        description="Named senders. Without credentials of their own, events come from `default`.",
    )


class SettingsError(Exception):
    """A setting that cannot be used; the text names it and where it came from."""


def load(file: Path | None = None, **command_line: Any) -> Settings:
    """Read the settings: command line, else environment, else file, else default.

    `file` must exist when given; without it `listener.toml` is read when present. Values of None
    on the command line were not given. Raises SettingsError.
    """
    values = _from_file(file)
    values |= _from_environment(os.environ)
    values |= {name: value for name, value in command_line.items() if value is not None}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        ]
        raise SettingsError("; ".join(lines)) from error


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or DEFAULT_FILE
    if file is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """LISTENER_PORT=8621 for plain knobs; lists separated by commas; tables belong in the file."""
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        key = name.removeprefix(ENVIRONMENT_PREFIX).lower()
        if key == "config":
            continue
        values[key] = tuple(text.split(",")) if key == "prefixes" else text
    return values
