"""The knobs of the mirror: TMF621's GET operations answered from history.db."""

from pydantic import BaseModel, ConfigDict, Field


class Mirror(BaseModel):
    """GET /troubleTicket and its sisters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page_resources: int = Field(
        default=100, ge=1, le=100_000, description="Resources in a list that names no limit."
    )
    most_resources: int = Field(
        default=1_000, ge=1, le=100_000, description="The largest limit; beyond it 400."
    )
    page_bytes: int = Field(
        default=16_777_216,
        ge=65_536,
        description="A list ends with the resource that brings it beyond this; its Link goes on.",
    )
    readers: int = Field(
        default=2, ge=1, le=16, description="Threads that read history.db for all of them."
    )
    waiting: int = Field(
        default=32, ge=0, description="Requests that may wait for a thread; beyond it 503."
    )
    seconds: float = Field(
        default=5.0, gt=0, description="How long one question may take; beyond it 503."
    )
