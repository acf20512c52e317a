"""What a provider may be asked for: a ticket, its cancellation, its change while it is worked on.

Stricter than what is read in notifications: TMF621 v5.0.1 says what a new ticket needs
(TroubleTicket_FVO), FIT's tasks and TMF622's CancelProductOrder_FVO what a task needs. Members that
are not named here pass: TMF types are extended by `@type`. That nothing is null is checked apart.
"""

from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from receiver.models.common import Messages, Quantity, Text, Time, TimePeriod
from receiver.models.tasks import TaskState
from receiver.models.ticket import TicketStatus

TAG = "?"
"""Begins the name of one of several shapes, which is no member of the body."""

Told = Annotated[str, Field(min_length=1)]
"""A text that says something."""


class Wanted(BaseModel):
    """Any TMF object that we send: it says what it is."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Told = Field(alias="@type")
    base_type: Text = Field(default=None, alias="@baseType")
    schema_location: Text = Field(default=None, alias="@schemaLocation")


class NewThing(Wanted):
    """An object that may have a place and a name."""

    id: Text = None
    href: Text = None


class NewReference(Wanted):
    """EntityRef: it names something that exists."""

    id: Told
    href: Text = None
    name: Text = None
    version: Text = None
    referred_type: Text = Field(default=None, alias="@referredType")


class NewParty(Wanted):
    """RelatedPartyRefOrPartyRoleRef_FVO."""

    role: Told
    party_or_party_role: NewReference | None = Field(default=None, alias="partyOrPartyRole")


class NewEntity(Wanted):
    """RelatedEntity_FVO."""

    role: Told
    entity: NewReference


class NewRelationship(NewReference):
    """TroubleTicketRelationship_FVO."""

    relationship_type: Told = Field(alias="relationshipType")


class NewIdentifier(Wanted):
    """ExternalIdentifier_FVO: what the ticket is called in another system, as in ours."""

    id: Told
    owner: Text = None
    external_identifier_type: Text = Field(default=None, alias="externalIdentifierType")


class NewNote(Wanted):
    """Note_FVO."""

    id: Text = None
    author: Text = None
    date: Time = None
    text: Text = None


class NewCharacteristic(Wanted):
    """Characteristic_FVO and its kinds."""

    id: Text = None
    name: Told
    value_type: Text = Field(default=None, alias="valueType")
    value: Any = None


class NewAttachment(NewThing):
    """Attachment_FVO: a file, here or at an address."""

    name: Text = None
    description: Text = None
    url: Text = None
    content: Text = None
    size: Quantity | None = None
    valid_for: TimePeriod | None = Field(default=None, alias="validFor")
    attachment_type: Told = Field(alias="attachmentType")
    mime_type: Told = Field(alias="mimeType")


class NewAttachmentRef(NewReference):
    """AttachmentRef_FVO: a file that the provider has already."""

    description: Text = None
    url: Text = None


def _is_ref(value: Any) -> str:
    kind = cast("dict[str, Any]", value).get("@type") if isinstance(value, dict) else None
    return f"{TAG}ref" if kind == "AttachmentRef" else f"{TAG}file"


Attached = Annotated[
    Annotated[NewAttachment, Tag(f"{TAG}file")] | Annotated[NewAttachmentRef, Tag(f"{TAG}ref")],
    Discriminator(_is_ref),
]


class NewTroubleTicket(NewThing):
    """TroubleTicket_FVO."""

    name: Text = None
    description: Told
    severity: Told
    ticket_type: Told = Field(alias="ticketType")
    priority: Text = None
    status: TicketStatus | None = None
    status_change_date: Time = Field(default=None, alias="statusChangeDate")
    status_change_reason: Messages = Field(default=None, alias="statusChangeReason")
    requested_resolution_date: Time = Field(default=None, alias="requestedResolutionDate")
    expected_resolution_date: Time = Field(default=None, alias="expectedResolutionDate")
    resolution_date: Time = Field(default=None, alias="resolutionDate")
    attachment: list[Attached] | None = None
    channel: NewReference | None = None
    external_identifier: list[NewIdentifier] | None = Field(
        default=None, alias="externalIdentifier"
    )
    note: list[NewNote] | None = None
    related_entity: list[NewEntity] | None = Field(default=None, alias="relatedEntity")
    related_party: list[NewParty] | None = Field(default=None, alias="relatedParty")
    trouble_ticket_relationship: list[NewRelationship] | None = Field(
        default=None, alias="troubleTicketRelationship"
    )
    trouble_ticket_specification: NewReference | None = Field(
        default=None, alias="troubleTicketSpecification"
    )
    trouble_ticket_characteristic: list[NewCharacteristic] | None = Field(
        default=None, alias="troubleTicketCharacteristic"
    )


class NewTask(NewThing):
    """What FIT's tasks share. Which ticket: `troubleTicket`, or `entity` as in FIT's TaskEntity."""

    trouble_ticket: NewReference | None = Field(default=None, alias="troubleTicket")
    entity: NewReference | None = None
    state: TaskState | None = None
    request_date: Time = Field(default=None, alias="requestDate")
    external_identifier: list[NewIdentifier] | None = Field(
        default=None, alias="externalIdentifier"
    )


class NewCancelTroubleTicket(NewTask):
    """CancelTroubleTicket, before the provider has it."""

    cancellation_reason: Messages = Field(default=None, alias="cancellationReason")
    requested_cancellation_date: Time = Field(default=None, alias="requestedCancellationDate")


class NewInflightChangeTroubleTicket(NewTask):
    """InflightChangeTroubleTicket (FIT TMF621 v0.0.1), before the provider has it."""

    category: Annotated[list[Told], Field(min_length=1)]
    buyer_message: Messages = Field(default=None, alias="buyerMessage")
    note: list[NewNote] | None = None
    requested_resolution_date: Time = Field(default=None, alias="requestedResolutionDate")
