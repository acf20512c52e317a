"""Every knob, typed, with its default and its reason.

A value comes from the command line, else from the environment (`LISTENER_PORT`), else from the
TOML file, else from here. Only the doors (`__main__.py`) read settings; everything else is given
values.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.cluster import Cluster, address
from config.consumers import Hub, Pull
from config.health import Health
from config.limits import Limits
from config.mirror import Mirror
from config.people import Anonymous, Person, PersonName, Role, role_of_anonymous
from config.service_clock import ServiceClock
from config.sources import NetworkText, Source, SourceName, problems
from config.targets import Target, TargetName

ENVIRONMENT_PREFIX = "LISTENER_"
DEFAULT_FILE = Path("listener.toml")

_LISTS = ("prefixes", "trusted_proxies")


class Settings(BaseModel):
    """Everything `listener` can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(default=Path("data"), description="Directory of log.db and history.db.")
    log: str = Field(
        default="",
        description="Where events are kept before they are answered. Empty: in log.db of this "
        "machine. nats://host:port,host:port/stream: in a stream that several machines share, and "
        "from which each copies into its log.db. Needs tmf621-listener[cluster].",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Where the listener listens. Loopback until told otherwise.",
    )
    port: int = Field(default=8621, ge=0, le=65535, description="Port of the listener.")
    dashboards_host: str = Field(default="127.0.0.1", description="Where the pages are served.")
    dashboards_port: int = Field(default=8622, ge=0, le=65535, description="Port of the pages.")
    dashboards_anonymous: Anonymous = Field(
        default="",
        description="What those who do not sign in may see: nobody lets none of them in, analyst "
        "and power as for people. Empty: power until people are named, then nobody.",
    )
    dashboards_allow_anonymous: bool = Field(
        default=False,
        description="Serve the pages on other addresses than loopback although nobody has to sign "
        "in: behind a proxy that asks, or in a network that nobody else reaches.",
    )
    allow_anonymous: bool = Field(
        default=False,
        description="Let senders without credentials in on addresses other than loopback.",
    )
    tls_certificate: str = Field(
        default="",
        description="PEM file: the certificate and those that signed it. Given: the listener "
        "speaks https and nothing else.",
    )
    tls_key: str = Field(default="", description="PEM file: the certificate's private key.")
    tls_client_ca: str = Field(
        default="",
        description="PEM file: senders must show a certificate signed by one of these.",
    )
    trusted_proxies: tuple[NetworkText, ...] = Field(
        default=(),
        description="Proxies whose word about the sender counts: X-Forwarded-For and "
        "certificate_header. From anybody else both are ignored.",
    )
    certificate_header: str = Field(
        default="client-cert",
        pattern="^[A-Za-z0-9-]+$",
        description="Header in which a trusted proxy passes a client certificate on (RFC 9440), or "
        "URL-encoded PEM. The proxy must remove it from what senders send.",
    )
    failed_attempts: int = Field(
        default=20, ge=1, description="Wrong credentials from one address before it hears 429."
    )
    failed_attempts_per_minute: float = Field(
        default=20.0, gt=0, description="How many of them are forgotten each minute."
    )
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="How long a receiver that is told to stop says 503 at /health/ready and still "
        "takes events, each with Connection: close. Behind a load balancer: longer than it takes to "
        "notice.",
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
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="How the listener's own lines are written: for people, or one JSON object each.",
    )
    metrics: bool = Field(
        default=False,
        description="Serve GET /metrics on other addresses than loopback too; whoever reaches them "
        "may read it.",
    )
    traces: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Where OpenTelemetry traces of deliveries go: a collector that speaks OTLP over "
        "HTTP. None without it. Needs tmf621-listener[otel].",
    )
    limits: Limits = Field(
        default_factory=Limits, description="What one request and one connection may cost."
    )
    health: Health = Field(
        default_factory=Health, description="When /health/ready says that a promise is in danger."
    )
    cluster: Cluster = Field(
        default_factory=Cluster, description="The stream that `log` names, where it names one."
    )
    service_clock: ServiceClock = Field(
        default_factory=ServiceClock,
        description="Which time counts towards a promise. Changed: `listener rebuild`.",
    )
    pull: Pull = Field(default_factory=Pull, description="What it may cost that consumers pull.")
    mirror: Mirror = Field(
        default_factory=Mirror, description="What it may cost that resources are read here."
    )
    hub: Hub = Field(default_factory=Hub, description="What is delivered to who subscribed.")
    sources: dict[SourceName, Source] = Field(
        default_factory=lambda: {"default": Source()},
        description="Named senders. Without credentials of their own, events come from `default`.",
    )
    people: dict[PersonName, Person] = Field(
        default_factory=dict[str, Person],
        description="Who reads the pages. Without any, whoever reaches them.",
    )
    targets: dict[TargetName, Target] = Field(
        default_factory=dict[str, Target],
        description="Named systems to which events are replayed or forwarded.",
    )

    @property
    def anonymous_role(self) -> Role | None:
        """What those who do not sign in to the pages may see; None: nothing."""
        return role_of_anonymous(self.dashboards_anonymous, people=bool(self.people))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key: name both or none")
        if self.tls_client_ca and not self.tls_certificate:
            raise ValueError("tls_client_ca: needs tls_certificate and tls_key")
        if self.log:
            try:
                address(self.log, plain=self.cluster.plain_nats)
            except ValueError as error:
                raise ValueError(f"log: {error}") from error
        wrong = [f"sources.{problem}" for problem in problems(self.sources)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


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
        raise SettingsError("; ".join(_lines(error))) from error


def _lines(error: ValidationError) -> Iterator[str]:
    """What is wrong with each knob, by its name; never its value, which may be a secret."""
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        told = problem["msg"].removeprefix("Value error, ")
        yield f"{place}: {told}" if place else told


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
        values[key] = tuple(text.split(",")) if key in _LISTS else text
    return values
