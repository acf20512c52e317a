"""Named targets: other systems to which events are replayed or forwarded, one table each.

What is secret can come from a file or from the environment, and is never shown.
"""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from config.credentials import LOOPBACK, NatsReached, Reached, check_url
from config.proofs import StandardWebhooks, Table

TargetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Forwarding(Table):
    """What every target can be told: whether new events go there by themselves, and which."""

    forward: bool = Field(
        default=False, description="`listener serve` delivers new events there, for ever."
    )
    begin: Literal["now", "beginning"] = Field(
        default="now", description="Where forwarding begins, when it is started for the first time."
    )
    types: tuple[str, ...] = Field(
        default=(), description="Only events of these types are forwarded; none named: all."
    )
    sources: tuple[str, ...] = Field(
        default=(), description="Only events of these sources are forwarded; none named: all."
    )
    where: str = Field(
        default="", description="Only events for which this SQL expression holds are forwarded."
    )
    rate: float | None = Field(default=None, gt=0, description="Events a second, at most.")


class Stdout(Forwarding):
    """NDJSON on standard output."""

    kind: Literal["stdout"]


class File(Forwarding):
    """NDJSON at the end of a file."""

    kind: Literal["file"]
    path: Path = Field(description="The file; made where it is missing.")


class Sqlite(Forwarding):
    """A SQLite file with the table `events`, upserted by key (store/replay/targets/database.py)."""

    kind: Literal["sqlite"]
    path: Path = Field(description="The file; made where it is missing.")


class Sending(Forwarding):
    """What those can be told that take events one by one."""

    concurrency: int = Field(
        default=8, ge=1, le=256, description="Requests at once, each of another ticket."
    )
    attempts: int = Field(
        default=8,
        ge=1,
        description="Failures of its own after which an event becomes a dead letter. Outages of the "
        "target do not count.",
    )
    first_pause_seconds: float = Field(
        default=0.5, gt=0, description="Before the second attempt; doubled for each further one."
    )
    longest_pause_seconds: float = Field(
        default=60.0, gt=0, description="Pauses grow no longer than this."
    )
    give_up_seconds: float = Field(
        default=300.0,
        gt=0,
        description="A replay stops, to be resumed, when nobody was served for so long. Forwarding "
        "never does.",
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, description="For one attempt, from the first byte to the last."
    )


class Connection(Sending, Reached):
    """An HTTP target: how it is reached, and how we prove who we are."""

    url: str = Field(min_length=1, description="Its address.")
    standardwebhooks: StandardWebhooks | None = Field(
        default=None, description="Sign bodies; with two secrets, by both."
    )

    @model_validator(mode="after")
    def _has_a_safe_url(self) -> Self:
        check_url("url", self.url, plain=self.plain_http)
        return self


class Http(Connection):
    """Any system that takes events over HTTP; its URL may name fields: `…/tickets/{ticket_id}`."""

    kind: Literal["http"]
    method: Literal["POST", "PUT", "PATCH"] = Field(
        default="POST", description="How events are sent."
    )
    body: Literal["as-received", "cloudevents", "cloudevents-binary"] = Field(
        default="as-received",
        description="The very bytes received, or CloudEvents 1.0: structured, or binary.",
    )


class Tmf(Connection):
    """Another TMF621 listener: its url is the callback, /listener/… is added."""

    kind: Literal["tmf"]


class Nats(Sending, NatsReached):
    """NATS JetStream: `<subject>.<source>.<event type>`. Needs the extra `nats`."""

    kind: Literal["nats"]
    url: str = Field(min_length=1, description="nats:// on loopback, else tls://.")
    subject: str = Field(
        default="tmf621",
        pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
        description="Its beginning.",
    )

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        url = urlsplit(self.url)
        if url.username or url.password:
            raise ValueError("url must not hold credentials; use token or credentials_file")
        if url.scheme != "tls" and not (url.scheme == "nats" and url.hostname in LOOPBACK):
            raise ValueError("url must begin with tls:// (nats:// only on loopback)")
        return self


Target = Annotated[Stdout | File | Sqlite | Http | Tmf | Nats, Field(discriminator="kind")]
