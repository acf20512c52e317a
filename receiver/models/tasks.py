"""FIT's tasks on a ticket: cancel it, or change it while it is worked on."""

from typing import Literal

from pydantic import Field

from receiver.models.common import (
    Extensible,
    ExternalIdentifier,
    Messages,
    Note,
    Reference,
    Text,
    Time,
    TimePeriod,
)

TaskState = Literal[
    "acknowledged", "rejected", "inProgress", "cancelled", "done", "terminatedWithError"
]
"""TaskStateType of TMF622 v5.0.0; FIT's is the same without cancelled."""


class StateChange(Extensible):
    """FIT's StateChange: one entry of a task's history."""

    state: TaskState | None = None
    state_change_date: Time = Field(default=None, alias="stateChangeDate")
    state_change_message: Messages = Field(default=None, alias="stateChangeMessage")
    state_change_reason: Messages = Field(default=None, alias="stateChangeReason")


class Task(Extensible):
    """FIT's TaskEntity: what both tasks share.

    FIT requires state, requestDate, requestPostedDate and entity of a whole task; a notification
    may carry less.
    """

    id: Text = None
    href: Text = None
    state: TaskState | None = None
    state_change_date: Time = Field(default=None, alias="stateChangeDate")
    state_change_message: Messages = Field(default=None, alias="stateChangeMessage")
    state_change_history: list[StateChange] | None = Field(default=None, alias="stateChangeHistory")
    request_date: Time = Field(default=None, alias="requestDate")
    request_posted_date: Time = Field(default=None, alias="requestPostedDate")
    entity: Reference | None = None
    trouble_ticket: Reference | None = Field(default=None, alias="troubleTicket")
    external_identifier: list[ExternalIdentifier] | None = Field(
        default=None, alias="externalIdentifier"
    )


class CancelTroubleTicket(Task):
    """A request to cancel a ticket: FIT's task members and those of TMF622's CancelProductOrder."""

    cancellation_reason: Messages = Field(default=None, alias="cancellationReason")
    creation_date: Time = Field(default=None, alias="creationDate")
    requested_cancellation_date: Time = Field(default=None, alias="requestedCancellationDate")
    effective_cancellation_date: Time = Field(default=None, alias="effectiveCancellationDate")


class InflightChangeTroubleTicket(Task):
    """A request to change a ticket that is being worked on (FIT TMF621 v0.0.1)."""

    category: list[Text] | None = None
    agreement: list[Reference] | None = None
    appointment: Reference | None = None
    buyer_message: Messages = Field(default=None, alias="buyerMessage")
    note: list[Note] | None = None
    requested_resolution_date: Time = Field(default=None, alias="requestedResolutionDate")
    requested_time_slot: TimePeriod | None = Field(default=None, alias="requestedTimeSlot")
