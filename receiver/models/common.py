"""What several resources share: references, parties, messages, notes, attachments, times.

TMF621 v5.0.1 and FIT, read with v4's flat names. Every member may be absent (events are often
partial) or null (cleared), and every object may have members that are not named here (TMF types
are extended by `@type`). A number where text belongs, an unknown word of an enumeration or an
unreadable time is an error here; receiver/envelope.py decides which errors are only drift.
"""

from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

Text = str | None

DATE_TIME = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d"
    r"(:([0-5]\d|60)([.,]\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)$"
)
"""RFC 3339, seconds optional (FIT's v1 pages leave them out), the zone not."""

Time = Annotated[
    str | None,
    Field(
        pattern=DATE_TIME,
        json_schema_extra={"format": "date-time"},
    ),
]
"""A date-time with zone, kept as text: what it means is store/times.py's business."""


class Open(BaseModel, extra="allow"):
    """Any TMF object: what is named is typed, what is not is kept."""

    base_type: Text = Field(default=None, alias="@baseType")
    schema_location: Text = Field(default=None, alias="@schemaLocation")


class Extensible(Open):
    """An object that may leave out its `@type`."""

    type: Text = Field(default=None, alias="@type")


class Reference(Extensible):
    """EntityRef and its kin: PartyRef, ChannelRef, TroubleTicketRef, …"""

    id: Text = None
    href: Text = None
    name: Text = None
    version: Text = None
    referred_type: Text = Field(default=None, alias="@referredType")


class RelatedParty(Reference):
    """RelatedPartyRefOrPartyRoleRef of v5; v4 has the reference's members here, flat."""

    role: Text = None
    party_or_party_role: Reference | None = Field(default=None, alias="partyOrPartyRole")


class RelatedEntity(Reference):
    """RelatedEntity of v5; v4 has the reference's members here, flat."""

    role: Text = None
    entity: Reference | None = None


class Relationship(Reference):
    """TroubleTicketRelationship, and relationships of the same shape."""

    relationship_type: Text = Field(default=None, alias="relationshipType")


class ExternalIdentifier(Extensible):
    """The name another system has for a resource."""

    id: Text = None
    owner: Text = None
    external_identifier_type: Text = Field(default=None, alias="externalIdentifierType")


class Note(Extensible):
    """What somebody wrote about a resource."""

    id: Text = None
    author: Text = None
    date: Time = None
    text: Text = None


class Message(Extensible):
    """FIT: a code (text: leading zeros matter) and what it says."""

    code: Text = None
    text: Text = None
    description: Text = None
    additional_information: Any = Field(default=None, alias="additionalInformation")


def _as_messages(value: object) -> object:
    """One Message, a list of them, or TMF's plain text: all as a list."""
    if isinstance(value, str):
        return []
    if isinstance(value, dict):
        return [cast("object", value)]
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [cast("object", {}) if isinstance(one, str) else one for one in items]
    if value is None:
        return None
    # Named like pydantic's own complaint about any other text.
    raise PydanticCustomError("string_type", "a string, a Message or an array of Message")


Messages = Annotated[
    list[Message] | None,
    BeforeValidator(
        _as_messages, json_schema_input_type=str | Message | list[Message | str] | None
    ),
]
"""FIT's Message or list of them where TMF has a text; either is accepted."""


class TimePeriod(Extensible):
    """From and until, both open."""

    start_date_time: Time = Field(default=None, alias="startDateTime")
    end_date_time: Time = Field(default=None, alias="endDateTime")


class Quantity(Extensible):
    """An amount in units."""

    amount: float | None = None
    units: Text = None


class Attachment(Reference):
    """Attachment or AttachmentRef; `@type` tells which, the members do not clash."""

    description: Text = None
    url: Text = None
    content: Text = None
    size: Quantity | None = None
    valid_for: TimePeriod | None = Field(default=None, alias="validFor")
    attachment_type: Text = Field(default=None, alias="attachmentType")
    mime_type: Text = Field(default=None, alias="mimeType")


class CharacteristicRelationship(Extensible):
    """How one characteristic depends on another."""

    id: Text = None
    href: Text = None
    relationship_type: Text = Field(default=None, alias="relationshipType")


class Characteristic(Extensible):
    """A name and a value of any kind (StringCharacteristic, NumberCharacteristic, …)."""

    id: Text = None
    name: Text = None
    value_type: Text = Field(default=None, alias="valueType")
    value: Any = None
    characteristic_relationship: list[CharacteristicRelationship] | None = Field(
        default=None, alias="characteristicRelationship"
    )
