"""The rows of history.db: every column an analyst can see, in one place.

Times are UTC text of fixed width, durations seconds, flags 0 or 1, lists JSON text. A column
that may be unknown is `| None`.

Rows of which every event makes some are made in the order of their columns: by their names it
takes Python four times as long (measured: 2 µs an entry).
"""

from typing import NamedTuple


class Ticket(NamedTuple):
    """The latest known state of every ticket."""

    ticket: str  # source/id
    source: str | None
    id: str | None
    name: str | None
    description: str | None
    resource_class: str | None  # @type: TroubleTicket, FaultTicket, …
    ticket_type: str | None
    severity: str | None
    priority: str | None
    status: str | None  # normalised spelling
    status_since: str | None
    status_reason: str | None
    is_open: int  # 0 once rejected, cancelled, closed, resolved or deleted
    created_at: str | None
    due_at: str | None  # requested, else promised resolution
    requested_resolution_at: str | None
    expected_resolution_at: str | None
    resolution_at: str | None  # resolutionDate, as the sender tells it
    resolved_at: str | None  # when the status last became resolved (or closed directly)
    closed_at: str | None
    deleted_at: str | None
    last_update_at: str | None
    external_id: str | None
    specification: str | None
    specification_name: str | None
    channel: str | None
    in_jeopardy: int
    awaiting_information: int
    reopen_count: int
    bounce_count: int  # returns to a status it had already left
    eta_slips: int
    seconds_to_acknowledge: float | None
    seconds_to_resolution: float | None
    service_seconds: float | None
    """To resolution (or the last status change), as far as the service clock ran."""
    service_target_seconds: float | None
    """What was agreed for its severity, as last told."""
    service_target_missed: int | None
    """1 once the figures are beyond it, 0 when work ended within it; NULL until then."""
    open_gaps: int
    notices: int
    conflicts: int  # events that share their key with other content
    aliases: int  # events that say again what another one said
    events: int
    first_event_at: str | None
    last_event_at: str | None
    first_received_at: str | None
    last_received_at: str | None
    last_position: int | None


class State(NamedTuple):
    """The whole resource of a ticket, as all its events together tell it."""

    ticket: str
    state: str | None  # JSON


class Entry(NamedTuple):
    """What happened, one row an entry."""

    entry: str
    ticket: str | None
    specification: str | None
    at: str | None
    rank: int  # order of entries at the same instant
    kind: str | None
    """Created, status, attributes, information, milestone, jeopardy, task, deleted, …."""
    title: str | None  # one line for a person
    provenance: str | None  # received, inferred, reconciled, requested
    status_before: str | None
    status_after: str | None
    reason: str | None
    time_rule: str | None  # which member `at` was read from
    occurred_at: str | None
    event_type: str | None
    event_id: str | None
    task: str | None
    witnesses: int  # how many events tell this entry
    flags: str | None  # JSON list: conflict, alias, after_delete, illegal_transition
    position: int | None
    positions: str | None  # JSON list: every event that tells this entry
    received_at: str | None
    lateness_seconds: float | None  # received - sent


class Change(NamedTuple):
    """What an entry changed, one row a member (or an item of a list)."""

    change: str
    entry: str | None
    ticket: str | None
    specification: str | None
    member: str | None
    item: str | None  # which item of the list, when its items have ids
    action: str | None  # set, changed, cleared, added, removed
    before: str | None  # JSON
    after: str | None  # JSON


class StatusPeriod(NamedTuple):
    """A span in one status."""

    period: str
    ticket: str | None
    n: int
    status: str | None
    started_at: str | None
    ended_at: str | None  # NULL while it lasts
    seconds: float | None
    service_seconds: float | None
    reason: str | None
    time_rule: str | None
    provenance: str | None


class Task(NamedTuple):
    """Requests to cancel a ticket or change it in flight."""

    task: str  # source/resource type/id
    ticket: str | None
    source: str | None
    id: str | None
    resource_type: str | None
    state: str | None
    state_since: str | None
    is_open: int
    requested_at: str | None
    posted_at: str | None
    ended_at: str | None
    seconds: float | None
    category: str | None  # JSON list
    messages: str | None  # JSON list of (code, text)
    buyer_message: str | None
    requested_resolution_at: str | None
    events: int
    state_json: str | None


class TaskState(NamedTuple):
    """The states a task went through."""

    task_state: str
    task: str | None
    ticket: str | None
    state: str | None
    at: str | None
    messages: str | None
    provenance: str | None


class Milestone(NamedTuple):
    """Dates a ticket was to reach, or reached."""

    milestone: str
    ticket: str | None
    id: str | None
    name: str | None
    at: str | None
    status: str | None
    related_state: str | None
    description: str | None
    messages: str | None


class JeopardyAlert(NamedTuple):
    """Warnings that a ticket may be late."""

    alert: str
    ticket: str | None
    id: str | None
    name: str | None
    at: str | None
    exception: str | None
    jeopardy_type: str | None
    messages: str | None
    estimated_end_at: str | None


class InformationRequest(NamedTuple):
    """What the provider asked of us."""

    request: str
    ticket: str | None
    at: str | None
    op: str | None
    path: str | None
    value: str | None
    answered_at: str | None  # when the member asked for changed, or the ticket ended


class Note(NamedTuple):
    """Remarks ever told about a ticket."""

    note: str
    ticket: str | None
    id: str | None
    author: str | None
    at: str | None
    text: str | None


class Party(NamedTuple):
    """Who has to do with a ticket."""

    party: str
    ticket: str | None
    role: str | None
    id: str | None
    name: str | None
    party_type: str | None


class Relation(NamedTuple):
    """Other things a ticket names: tickets, products, orders, bills."""

    relation: str
    ticket: str | None
    role: str | None
    id: str | None
    name: str | None
    referred_type: str | None
    other_ticket: str | None


class ExternalId(NamedTuple):
    """The names other systems have for a ticket."""

    external_id: str
    ticket: str | None
    id: str | None
    owner: str | None
    kind: str | None


class Promise(NamedTuple):
    """Every revision of expectedResolutionDate."""

    promise: str
    ticket: str | None
    told_at: str | None
    expected_resolution_at: str | None
    slip_seconds: float | None  # against the promise before; NULL for the first


class Gap(NamedTuple):
    """Proof that an event is missing."""

    gap: str
    ticket: str | None
    status: str | None
    at: str | None
    witness: str | None  # the entry that proves it
    proof: str | None  # in words


class Notice(NamedTuple):
    """What is odd about a ticket's history, noticed and not corrected."""

    notice: str
    ticket: str | None
    kind: str | None
    at: str | None
    text: str | None


class Specification(NamedTuple):
    """The latest known state of every specification."""

    specification: str
    source: str | None
    id: str | None
    name: str | None
    version: str | None
    lifecycle_status: str | None
    description: str | None
    created_at: str | None
    last_update_at: str | None
    deleted_at: str | None
    events: int
    first_event_at: str | None
    last_event_at: str | None
    state: str | None


class EventRow(NamedTuple):
    """An index of the log, without the bodies."""

    position: int
    source: str | None
    event_type: str | None
    event_id: str | None
    resource_type: str | None
    resource_id: str | None
    ticket: str | None
    specification: str | None
    task: str | None
    occurred_at: str | None
    event_time: str | None
    received_at: str | None
    lateness_seconds: float | None
    redeliveries: int
    conflict_of: int | None
    drift: str | None  # JSON list
    size: int  # bytes
    digest: str | None


class SourceRow(NamedTuple):
    """How each sender behaves."""

    source: str
    events: int
    redeliveries: int
    conflicts: int
    aliases: int
    refused: int
    drifting: int  # events with any drift
    open_gaps: int
    first_received_at: str | None
    last_received_at: str | None
    usual_gap_seconds: float | None  # 95th percentile of the pauses between events
    lateness_median_seconds: float | None
    lateness_p95_seconds: float | None
    skew_seconds: float | None
    """How far the sender's clock runs ahead of ours (smallest lateness, when negative)."""


class DriftRow(NamedTuple):
    """What senders do that the specification does not say."""

    drift: str  # source/code
    source: str | None
    code: str | None
    events: int
    first_received_at: str | None
    last_received_at: str | None
    sample: int | None


class QuarantineRow(NamedTuple):
    """What was refused, without its bytes."""

    id: int
    source: str | None
    path: str | None
    status: int | None
    fingerprint: str | None
    reasons: str | None  # JSON list of (code, pointer, expected)
    received_at: str | None
    size: int
    decision: str | None  # released, dropped; None while it waits
    decided_at: str | None
    decision_reason: str | None
    released_as: int | None


class FollowerRow(NamedTuple):
    """How far the log has been folded. Written in the same transaction as the rows."""

    name: str
    value: int
