"""The knobs of readiness: when /health/ready turns red although the listener still answers."""

from pydantic import BaseModel, ConfigDict, Field


class Health(BaseModel):
    """How near to breaking a promise is too near."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    disk_free_bytes: int = Field(
        default=268_435_456,
        ge=0,
        description="Less free space for the data directory is not ready. Events are taken until "
        "the disk is really full.",
    )
    follower_seconds: float = Field(
        default=60.0,
        gt=0,
        description="A follower that is behind the log and did not move for so long has stalled.",
    )
    clock_seconds: float = Field(
        default=2.0,
        gt=0,
        description="A clock set back by more is not ready until it shows again what it showed.",
    )
