"""The envelope that every event has, and JsonPatch, which asks for information."""

from typing import Any, Literal

from pydantic import Field

from receiver.models.common import (
    Characteristic,
    Extensible,
    Open,
    Reference,
    RelatedParty,
    Text,
    Time,
)


class Envelope(Open):
    """Event of TMF621 v5.0.1; required is what FIT requires (TMF621 only @type)."""

    type: str = Field(alias="@type")
    event_id: str = Field(alias="eventId")
    event_time: Time = Field(alias="eventTime")
    event_type: str = Field(alias="eventType")
    event: Any = None
    id: Text = None
    href: Text = None
    time_occurred: Time = Field(default=None, alias="timeOccurred")
    # v4 APIs and TMF622's examples spell it so.
    time_ocurred: Time = Field(default=None, alias="timeOcurred")
    correlation_id: Text = Field(default=None, alias="correlationId")
    domain: Text = None
    title: Text = None
    description: Text = None
    priority: Text = None
    source: Reference | None = None
    reporting_system: Reference | None = Field(default=None, alias="reportingSystem")
    related_party: list[RelatedParty] | None = Field(default=None, alias="relatedParty")
    analytic_characteristic: list[Characteristic] | None = Field(
        default=None, alias="analyticCharacteristic"
    )


class JsonPatch(Extensible):
    """What the provider asks the buyer to do to the ticket; paths may be pointers or dotted."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"] | None = None
    path: Text = None
    value: Any = None
    from_: Text = Field(default=None, alias="from")
