"""A source's provider: where its API is, how we prove who we are there, and what we ask of it."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from config.credentials import Reached, check_url
from config.proofs import gathered

MemberPath = Annotated[str, StringConstraints(pattern=r"^[@\w-]+(\.[@\w-]+)*$")]


class Provider(Reached):
    """The provider's side of a source: without it, we only listen."""

    base_url: str = Field(
        min_length=1,
        description="Its TMF621 API, up to the resources: https://…/tmf-api/troubleTicket/v5. A host "
        "alone, without a slash: its dialect (not fit-v1) says where its API begins.",
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, description="For one attempt, from the first byte to the last."
    )
    requests_per_second: float | None = Field(
        default=10.0, gt=0, description="Requests a second at most, evenly."
    )
    attempts: int = Field(
        default=5,
        ge=1,
        description="How often what can be repeated is tried: no answer, 429, 502, 503, 504.",
    )
    longest_pause_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Pauses between attempts grow no longer; who asks for more is not waited for.",
    )
    page_size: int = Field(
        default=100, ge=1, le=10_000, description="Resources asked for at once (`limit`)."
    )
    asked_at_once: int = Field(
        default=8,
        ge=1,
        description="Tickets and tasks asked for that may wait for its answer; beyond it 503.",
    )
    knows_keys: bool = Field(
        default=False,
        description="Whether it does once what comes twice under one Idempotency-Key: then what it "
        "did not answer is asked again.",
    )

    reconcile_at_start: bool = Field(
        default=True,
        description="`listener serve` first reads what we were not told while it was away.",
    )
    reconcile_every_seconds: float = Field(
        default=900.0,
        ge=0,
        description="How often it reads what changed; 0: only when asked (`listener reconcile`).",
    )
    reconcile_whole_every_seconds: float = Field(
        default=86_400.0,
        gt=0,
        description="How often everything is read, which also finds what was deleted.",
    )
    reconcile_grace_seconds: float = Field(
        default=10.0,
        ge=0,
        le=600,
        description="What changed this short a while ago may still be on its way to us.",
    )
    reconcile_most: int = Field(
        default=1_000_000, ge=1, description="Resources of one type read at most, at once."
    )
    reconcile_most_asked: int = Field(
        default=500,
        ge=0,
        description="Open tickets that its lists did not name, asked for one by one, at most.",
    )
    complete_thin: bool = Field(
        default=True,
        description="Notifications that tell an id alone (MEF) are completed by a GET.",
    )
    certificate_key: Path | None = Field(
        default=None,
        description="Private key that signs certificates: `listener head --new-key FILE`.",
    )

    hub_callback: str = Field(
        default="",
        description="Our own address as the provider reaches it, up to /listener/…: what is "
        "registered by POST /hub. None: we were registered by other means, or not at all.",
    )
    hub_query: str = Field(
        default="", description="What we want to hear (TMF630), as eventType=…; none: everything."
    )
    hub_form: Literal["dialect", "v5", "v4"] = Field(
        default="dialect", description="How a registration is written: v4 has no @type."
    )
    hub_members: dict[MemberPath, SecretStr] = Field(
        default_factory=dict[str, SecretStr],
        description="Further members of the registration, as the credentials with which the "
        "provider shall come: a dot leads into an object.",
    )
    hub_members_environment: dict[MemberPath, str] = Field(
        default_factory=dict[str, str],
        description="Names of variables with further members of the registration.",
    )
    # Not named as it is written: classes have a `register` of their own.
    registers: bool = Field(
        default=False,
        alias="register",
        description="`listener serve` registers us at its start, watches over it, and registers "
        "us anew when the provider has forgotten us.",
    )
    unregister: bool = Field(
        default=False,
        description="End the registration when `listener serve` is told to stop. What happens "
        "until the next start is then told to nobody.",
    )
    hub_look_seconds: float = Field(
        default=60.0,
        gt=0,
        le=43_200,
        description="How often the provider is asked whether it knows us still.",
    )
    silence_seconds: float = Field(
        default=3_600.0, gt=0, description="A shorter silence is never unusual."
    )
    silence_times: float = Field(
        default=10.0,
        gt=0,
        description="A silence is unusual when it is so many times as long as the pauses that the "
        "source usually makes, and was not heard in the same hours of the week before.",
    )

    @model_validator(mode="after")
    def _has_a_usable_callback(self) -> Self:
        wants = self.registers or self.unregister or self.hub_query
        if wants and not self.hub_callback:
            raise ValueError("hub_callback: register, unregister and hub_query need it")
        if self.hub_callback:
            check_url("hub_callback", self.hub_callback, plain=self.plain_http)
            if "?" in self.hub_callback or "#" in self.hub_callback:
                raise ValueError("hub_callback has no query or fragment; see hub_query")
        return self

    @model_validator(mode="after")
    def _has_members_that_fit_together(self) -> Self:
        names = {*self.hub_members, *self.hub_members_environment}
        for name in sorted(names):
            if name.split(".")[0] in ("callback", "query", "@type"):
                raise ValueError(f"hub_members.{name}: has a setting of its own")
            if any(other.startswith(f"{name}.") for other in names):
                raise ValueError(f"hub_members.{name}: is a value, and there are members in it")
        return self

    def all_hub_members(self) -> dict[str, str]:
        """Further members of a registration, in clear. Raises ValueError, which names the knob."""
        found = {name: value.get_secret_value() for name, value in self.hub_members.items()}
        for name, variable in self.hub_members_environment.items():
            found[name] = " ".join(gathered(f"hub_members.{name}", (), None, variable))
        return found

    @model_validator(mode="after")
    def _has_a_safe_address(self) -> Self:
        check_url("base_url", self.base_url, plain=self.plain_http)
        if "?" in self.base_url or "#" in self.base_url:
            raise ValueError("base_url has no query or fragment")
        return self
