"""Tasks: requests to cancel a ticket or to change it in flight, and the states they went through.

Pure. TaskStateType (TMF622, FIT): acknowledged, inProgress, then done, terminatedWithError,
rejected or cancelled.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from store import payload
from store.history import rows
from store.history.attached import key, plain
from store.history.members import text
from store.history.points import SKEW_SECONDS, are_near, is_plausible
from store.history.view import StatusClaim, View
from store.times import read_time, seconds_between

ENDED = frozenset({"done", "rejected", "cancelled", "terminatedWithError"})
_ORDER = {
    state: rank
    for rank, state in enumerate(("acknowledged", "accepted", "inProgress", *sorted(ENDED)))
}
NAMES = {"CancelTroubleTicket": "cancellation", "InflightChangeTroubleTicket": "change"}


class TaskHistory(NamedTuple):
    """One task and its states, oldest first."""

    task: rows.Task
    states: list[rows.TaskState]


class _State(NamedTuple):
    at: str
    rank: int
    state: str
    messages: str | None
    provenance: str


def task_key(source: str, view: View) -> str:
    return f"{source}/{view.resource_type}/{view.resource_id}"


def changed_at(view: View) -> str:
    """When the task's state changed: stateChangeDate where plausible, else when it was told."""
    dates = (view.status and view.status.date, view.history_date)
    plausible = [date for date in dates if date and is_plausible(date, view.occurred_at, None)]
    return plausible[0] if plausible else view.occurred_at


def fold_task(source: str, ticket: str | None, views: Sequence[View], zone: str) -> TaskHistory:
    """The history of one task from its events, in fold order."""
    name = task_key(source, views[0])
    merged: dict[str, Any] = {}
    for view in views:
        merged |= view.resource
    states = _states(views)
    requested_at = read_time(merged.get("requestDate") or merged.get("creationDate"), zone)
    last = states[-1] if states else None
    ended_at = last.at if last and last.state in ENDED else None
    started_at = requested_at or (states[0].at if states else views[0].occurred_at)
    task = rows.Task(
        task=name,
        ticket=ticket,
        source=source,
        id=views[0].resource_id,
        resource_type=views[0].resource_type,
        state=last.state if last else None,
        state_since=last.at if last else None,
        is_open=int(ended_at is None),
        requested_at=requested_at,
        posted_at=read_time(merged.get("requestPostedDate"), zone),
        ended_at=ended_at,
        seconds=max(0.0, seconds_between(started_at, ended_at)) if ended_at else None,
        category=text(merged["category"]) if merged.get("category") else None,
        messages=_told(merged.get("stateChangeMessage"), merged.get("cancellationReason")),
        buyer_message=payload.reason_text(merged.get("buyerMessage")),
        requested_resolution_at=read_time(merged.get("requestedResolutionDate"), zone),
        events=len(views),
        state_json=text(merged),
    )
    return TaskHistory(task, [_row(name, ticket, state) for state in states])


def _row(name: str, ticket: str | None, state: _State) -> rows.TaskState:
    return rows.TaskState(
        task_state=f"{name}#{key(state.state, state.at)}",
        task=name,
        ticket=ticket,
        state=state.state,
        at=state.at,
        messages=state.messages,
        provenance=state.provenance,
    )


def _states(views: Sequence[View]) -> list[_State]:
    """States as told, and those that only a later stateChangeHistory proves."""
    told = [
        _State(
            changed_at(view),
            _ORDER.get(view.status.status, len(_ORDER)),
            view.status.status,
            plain(view.status.reason or None),
            view.provenance,
        )
        for view in views
        if view.status
    ]
    inferred = {
        (claim.status, claim.date): _State(
            claim.date or "",
            _ORDER.get(claim.status, len(_ORDER)),
            claim.status,
            claim.reason or None,
            "inferred" if view.provenance == "received" else view.provenance,
        )
        for view in views
        for claim in view.past
        if is_plausible(claim.date, view.occurred_at, None) and not _is_told(claim, views)
    }
    kept: list[_State] = []
    # What was told comes before what we read, should both say the same.
    told.sort(key=lambda one: one.provenance != "received")
    for state in sorted([*told, *inferred.values()], key=lambda one: one[:3]):
        if not kept or kept[-1].state != state.state:
            kept.append(state)
    return kept


def _is_told(claim: StatusClaim, views: Sequence[View]) -> bool:
    """Whether an event tells a state of a stateChangeHistory: by its date, or about when it was."""
    date = claim.date or ""
    return any(
        are_near(date, view.status.date or changed_at(view))
        or (view.status.date is None and are_near(date, view.occurred_at, SKEW_SECONDS))
        for view in views
        if view.status and view.status.status == claim.status
    )


def _told(*values: object) -> str | None:
    told = payload.messages(list(values))
    return text(told) if told else None
