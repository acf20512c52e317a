"""TroubleTicket of TMF621 v5.0.1 (with v4's names), and what FIT adds to it."""

from typing import Literal

from pydantic import Field

from receiver.models.common import (
    Attachment,
    Characteristic,
    Extensible,
    ExternalIdentifier,
    Messages,
    Note,
    Reference,
    RelatedEntity,
    RelatedParty,
    Relationship,
    Text,
    Time,
    TimePeriod,
)

TicketStatus = Literal[
    "acknowledged",
    "rejected",
    "pending",
    "held",
    "inProgress",
    "cancelled",
    "closed",
    "resolved",
]
"""TroubleTicketStatusType of TMF621 v5.0.1."""


class StatusChange(Extensible):
    """One entry of a ticket's history: v5's names, v4's, and FIT's StateChange."""

    status: TicketStatus | None = None
    status_change_date: Time = Field(default=None, alias="statusChangeDate")
    status_change_reason: Messages = Field(default=None, alias="statusChangeReason")
    change_date: Time = Field(default=None, alias="changeDate")
    change_reason: Messages = Field(default=None, alias="changeReason")
    state: TicketStatus | None = None
    state_change_date: Time = Field(default=None, alias="stateChangeDate")
    state_change_message: Messages = Field(default=None, alias="stateChangeMessage")


class Milestone(Extensible):
    """TMF622's Milestone as FIT adapted it: no description and status, Messages, relatedState."""

    id: Text = None
    name: Text = None
    milestone_date: Time = Field(default=None, alias="milestoneDate")
    milestone_message: Messages = Field(default=None, alias="milestoneMessage")
    related_state: Text = Field(default=None, alias="relatedState")
    description: Text = None
    status: Text = None
    message: Messages = None


class JeopardyAlert(Extensible):
    """TMF622's JeopardyAlert as FIT adapted it: no jeopardyType, Messages, an estimated end."""

    id: Text = None
    name: Text = None
    alert_date: Time = Field(default=None, alias="alertDate")
    exception: Text = None
    jeopardy_alert_message: Messages = Field(default=None, alias="jeopardyAlertMessage")
    estimated_alert_end_date: Time = Field(default=None, alias="estimatedAlertEndDate")
    jeopardy_type: Text = Field(default=None, alias="jeopardyType")
    message: Messages = None


class TroubleTicket(Extensible):
    """A trouble ticket, whole or partial."""

    id: Text = None
    href: Text = None
    name: Text = None
    description: Text = None
    severity: Text = None
    priority: Text = None
    ticket_type: Text = Field(default=None, alias="ticketType")
    creation_date: Time = Field(default=None, alias="creationDate")
    last_update: Time = Field(default=None, alias="lastUpdate")
    requested_resolution_date: Time = Field(default=None, alias="requestedResolutionDate")
    expected_resolution_date: Time = Field(default=None, alias="expectedResolutionDate")
    resolution_date: Time = Field(default=None, alias="resolutionDate")

    status: TicketStatus | None = None
    status_change_date: Time = Field(default=None, alias="statusChangeDate")
    status_change_reason: Messages = Field(default=None, alias="statusChangeReason")
    status_change_history: list[StatusChange] | None = Field(
        default=None, alias="statusChangeHistory"
    )
    # v4's name of the history.
    status_change: list[StatusChange] | None = Field(default=None, alias="statusChange")
    # FIT's prose says state where TMF says status; which of them its tickets use is not published.
    state: TicketStatus | None = None
    state_change_date: Time = Field(default=None, alias="stateChangeDate")
    state_change_message: Messages = Field(default=None, alias="stateChangeMessage")
    state_change_history: list[StatusChange] | None = Field(
        default=None, alias="stateChangeHistory"
    )

    attachment: list[Attachment] | None = None
    channel: Reference | None = None
    external_identifier: list[ExternalIdentifier] | None = Field(
        default=None, alias="externalIdentifier"
    )
    external_id: Text = Field(default=None, alias="externalId")
    note: list[Note] | None = None
    related_entity: list[RelatedEntity] | None = Field(default=None, alias="relatedEntity")
    related_party: list[RelatedParty] | None = Field(default=None, alias="relatedParty")
    trouble_ticket_relationship: list[Relationship] | None = Field(
        default=None, alias="troubleTicketRelationship"
    )
    trouble_ticket_specification: Reference | None = Field(
        default=None, alias="troubleTicketSpecification"
    )
    trouble_ticket_characteristic: list[Characteristic] | None = Field(
        default=None, alias="troubleTicketCharacteristic"
    )

    trouble_ticket_milestone: list[Milestone] | None = Field(
        default=None, alias="troubleTicketMilestone"
    )
    milestone: list[Milestone] | None = None
    trouble_ticket_jeopardy_alert: list[JeopardyAlert] | None = Field(
        default=None, alias="troubleTicketJeopardyAlert"
    )
    jeopardy_alert: list[JeopardyAlert] | None = Field(default=None, alias="jeopardyAlert")


class Appointment(Reference):
    """When somebody comes: an appointment or a reference to one."""

    description: Text = None
    category: Text = None
    status: Text = None
    valid_for: TimePeriod | None = Field(default=None, alias="validFor")


class FaultTicket(TroubleTicket):
    """FIT's extension of TroubleTicket, told by `@type`.

    FIT names these members but has not published their types; agreement, appointment and
    time slot may therefore have any shape.
    """

    agreement: object = None
    appointment: object = None
    time_slot: object = Field(default=None, alias="timeSlot")
    fault_description_message: Messages = Field(default=None, alias="faultDescriptionMessage")
    resolution_dispute_reason: Messages = Field(default=None, alias="resolutionDisputeReason")
    express_fault_resolution: bool | None = Field(default=None, alias="expressFaultResolution")
    interim_message_requested: bool | None = Field(default=None, alias="interimMessageRequested")
    end_user_contact_allowed: bool | None = Field(default=None, alias="endUserContactAllowed")
