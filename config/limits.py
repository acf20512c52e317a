"""The knobs of how much one request and one connection may cost: size, shape, time, number."""

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """What is taken in at most; beyond it the sender hears a TMF Error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    refused_body_bytes: int = Field(
        default=4_194_304,
        ge=0,
        le=67_108_864,
        description="A body beyond max_body_bytes (413) is kept in quarantine whole up to this, else "
        "its first so many bytes, marked as a part; 0: nothing of it.",
    )
    json_depth: int = Field(
        default=64,
        ge=4,
        le=200,
        description="Arrays and objects inside each other; deeper is 400. Real events have 5 to 9.",
    )
    json_members: int = Field(
        default=1_000,
        ge=16,
        description="Members of one object, or elements of one array; more is 400.",
    )
    string_characters: int = Field(
        default=524_288,
        ge=256,
        description="Of one string, member names included; longer is 400. Half of max_body_bytes: "
        "an attachment may travel inside.",
    )
    number_characters: int = Field(
        default=100,
        ge=20,
        le=4_000,
        description="Of one number as it is written; longer is 400.",
    )
    url_bytes: int = Field(default=8_192, ge=256, description="Of path and query; longer is 414.")
    headers: int = Field(default=100, ge=8, description="Header lines; more is 431.")
    header_bytes: int = Field(
        default=16_384, ge=1_024, description="Of all header names and values; more is 431."
    )
    connections: int = Field(
        default=1_000,
        ge=1,
        description="Connections at once. Beyond it, who keeps us waiting longest is let go; when "
        "nobody does, a new one hears 503.",
    )
    header_seconds: float = Field(
        default=10.0,
        gt=0,
        description="For a TLS handshake; and from then to the end of the headers: longer is 408.",
    )
    body_seconds: float = Field(
        default=30.0, gt=0, description="From there to the end of the body; longer is 408."
    )
    answer_seconds: float = Field(
        default=30.0, gt=0, description="How long a sender may leave its answers unread."
    )
    keep_alive_seconds: int = Field(
        default=75, ge=1, description="How long a connection may be idle between two requests."
    )
