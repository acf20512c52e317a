"""The knobs of what our own consumers may cost: those who pull, and those who subscribe."""

from pydantic import BaseModel, ConfigDict, Field


class Pull(BaseModel):
    """GET /events and GET /events/stream."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    streams: int = Field(
        default=32,
        ge=1,
        description="Streams and waiting requests open at once; beyond it 503 with Retry-After.",
    )
    readers: int = Field(
        default=2, ge=1, le=16, description="Threads that read the log for everybody who pulls."
    )
    page_events: int = Field(
        default=1_000, ge=1, le=100_000, description="Events in one answer at most."
    )
    page_bytes: int = Field(
        default=1_048_576,
        ge=65_536,
        description="An answer ends with the event that brings its bodies beyond this.",
    )
    wait_seconds: int = Field(
        default=60, ge=0, le=600, description="How long a request may wait for events at most."
    )
    heartbeat_seconds: float = Field(
        default=15.0, gt=0, description="How often a silent stream says that it is still there."
    )
    stream_seconds: float = Field(
        default=3_600.0,
        gt=0,
        description="After this a stream ends, and its reader comes back with its credentials.",
    )


class Hub(BaseModel):
    """POST /hub and what is delivered to those who subscribed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    private_addresses: bool = Field(
        default=False,
        description="Deliver to callbacks at addresses that are not public: this machine, private "
        "networks.",
    )
    subscriptions: int = Field(
        default=100, ge=1, description="Subscriptions of one source at most; beyond it 409."
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, description="How long a callback may take to answer."
    )
    at_once: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Deliveries in flight for one subscription; never two of one ticket.",
    )
    longest_pause_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Failed deliveries are tried again after longer and longer pauses, up to this.",
    )
