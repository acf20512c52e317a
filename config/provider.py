"""A source's provider: where its API is, how we prove who we are there, and what we ask of it."""

from typing import Self

from pydantic import Field, model_validator

from config.credentials import Reached, check_url


class Provider(Reached):
    """The provider's side of a source: without it, we only listen."""

    base_url: str = Field(
        min_length=1,
        description="Its TMF621 API, up to the resources: https://…/tmf-api/troubleTicket/v5.",
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

    @model_validator(mode="after")
    def _has_a_safe_address(self) -> Self:
        check_url("base_url", self.base_url, plain=self.plain_http)
        if "?" in self.base_url or "#" in self.base_url:
            raise ValueError("base_url has no query or fragment")
        return self
