"""The fold: the set of a ticket's events -> its history. Pure, whatever order they arrived in.

1. What says the same is one fact (aliases fold once); facts stand in the order
   (occurred_at, rank of kind, digest), never in that of arrival.
2. Members merge in that order; each entry keeps what it changed. What we read from the provider
   is told like the rest; what we asked it for changes nothing.
3. The status has a lane of its own, in the order in which it changed (`statuses`).
4. Entries are facts and inferred points, by the time of what they tell.
5. What is missing or odd is said, not corrected: gaps and notices.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from store import payload
from store.history import attached, entries, oddities, periods, rows, statuses, tasks
from store.history.facts import Fact, distinct
from store.history.members import merge, text, whole
from store.history.points import Point, is_plausible
from store.history.rules import Rules
from store.history.view import BESIDE, View
from store.times import read_time, seconds_between

Json = dict[str, Any]


FOREVER = "9999-12-31T23:59:59.999Z"


class History(NamedTuple):
    """All rows of one ticket, task or specification, table by table."""

    tickets: Sequence[rows.Ticket] = ()
    states: Sequence[rows.State] = ()
    specifications: Sequence[rows.Specification] = ()
    timeline: Sequence[rows.Entry] = ()
    changes: Sequence[rows.Change] = ()
    status_periods: Sequence[rows.StatusPeriod] = ()
    tasks: Sequence[rows.Task] = ()
    task_states: Sequence[rows.TaskState] = ()
    milestones: Sequence[rows.Milestone] = ()
    jeopardy_alerts: Sequence[rows.JeopardyAlert] = ()
    information_requests: Sequence[rows.InformationRequest] = ()
    notes: Sequence[rows.Note] = ()
    parties: Sequence[rows.Party] = ()
    relations: Sequence[rows.Relation] = ()
    external_ids: Sequence[rows.ExternalId] = ()
    promises: Sequence[rows.Promise] = ()
    gaps: Sequence[rows.Gap] = ()
    notices: Sequence[rows.Notice] = ()


def fold_ticket(
    source: str, ticket_id: str, views: Iterable[View], rules: Rules, as_of: str | None = None
) -> History:
    """The history of one ticket from its events and those of its tasks.

    `as_of` (UTC text) cuts it to what was true then: what was learned later about earlier times
    stays in, what happened later is left out.
    """
    ticket = f"{source}/{ticket_id}"
    until = as_of or FOREVER
    facts = distinct(views)
    told = [fact.view for fact in facts if fact.view.kind not in BESIDE]
    born_at = _born_at(told)
    lane = statuses.lane(told, born_at)
    later = [fact for fact in facts if fact.view.occurred_at > until]
    facts = [fact for fact in facts if fact.view.occurred_at <= until]
    about_ticket = [fact for fact in facts if fact.view.kind not in BESIDE]
    beside = [fact for fact in facts if fact.view.kind in BESIDE]
    state, changed, promises = _merged(ticket, about_ticket, rules.zone)
    told = [fact.view for fact in about_ticket]
    deleted_at = _deleted_at(told)
    task_histories = _tasks(source, ticket, beside, rules.zone)
    timeline = entries.timeline(
        entries.Subject(source, ticket=ticket, specification=None),
        [*changed, *beside, *later],
        lane,
        deleted_at,
    ).until(until)
    lane = [point for point in lane if point.at <= until]
    spans = periods.status_periods(ticket, lane, deleted_at, rules.clock)
    figures = periods.figures(spans, born_at or _first_at(told, lane), rules.clock)
    requests = attached.request_rows(ticket, told, figures.resolved_at or figures.closed_at)
    alerts = attached.alert_rows(ticket, told, rules.zone)
    gaps = oddities.gap_rows(ticket, lane, timeline)
    notices = oddities.notice_rows(ticket, told, lane, deleted_at, born_at)
    row = _ticket_row(
        *(source, ticket_id, state, facts, figures),
        rules=rules,
        deleted_at=deleted_at,
        alerts=len(alerts),
        waiting=any(request.answered_at is None for request in requests),
        slips=sum(1 for promise in promises if (promise.slip_seconds or 0) > 0),
        gaps=len(gaps),
        notices=len(notices),
    )
    return History(
        tickets=[row] if facts or lane else (),
        states=[rows.State(ticket, text(state))] if facts or lane else (),
        timeline=timeline.entries,
        changes=timeline.changes,
        status_periods=spans,
        tasks=[history.task for history in task_histories],
        task_states=[state for history in task_histories for state in history.states],
        milestones=attached.milestone_rows(ticket, told, rules.zone),
        jeopardy_alerts=alerts,
        information_requests=requests,
        notes=attached.note_rows(ticket, told, rules.zone),
        parties=attached.party_rows(ticket, state),
        relations=attached.relation_rows(source, ticket, state),
        external_ids=attached.external_id_rows(ticket, state),
        promises=promises,
        gaps=gaps,
        notices=notices,
    )


def fold_task_alone(source: str, views: Iterable[View], rules: Rules) -> History:
    """The history of a task that names no ticket."""
    histories = _tasks(source, None, distinct(views), rules.zone)
    return History(
        tasks=[history.task for history in histories],
        task_states=[state for history in histories for state in history.states],
    )


def fold_specification(
    source: str, specification_id: str, views: Iterable[View], rules: Rules
) -> History:
    """The history of one ticket specification: its present state and its own timeline."""
    name = f"{source}/{specification_id}"
    facts = distinct(views)
    told = [fact.view for fact in facts]
    lane = statuses.lane(told, None)
    state: Json = {}
    changed = [_with_changes(fact, state) for fact in facts]
    deleted_at = _deleted_at(told)
    timeline = entries.timeline(
        entries.Subject(source, ticket=None, specification=name), changed, lane, deleted_at
    )
    last = statuses.transitions(lane)[-1:]
    row = rows.Specification(
        specification=name,
        source=source,
        id=specification_id,
        name=attached.plain(state.get("name")),
        version=attached.plain(state.get("version")),
        lifecycle_status=last[0].status if last else None,
        description=attached.plain(state.get("description")),
        created_at=read_time(state.get("creationDate"), rules.zone),
        last_update_at=read_time(state.get("lastUpdate"), rules.zone),
        deleted_at=deleted_at,
        events=len(facts),
        first_event_at=told[0].occurred_at if told else None,
        last_event_at=told[-1].occurred_at if told else None,
        state=text(state),
    )
    return History(specifications=[row], timeline=timeline.entries, changes=timeline.changes)


def _merged(
    ticket: str, facts: Sequence[Fact], zone: str
) -> tuple[Json, list[Fact], list[rows.Promise]]:
    state: Json = {}
    changed: list[Fact] = []
    promises: list[rows.Promise] = []
    for fact in facts:
        changed.append(_with_changes(fact, state))
        if "expectedResolutionDate" not in fact.view.resource:
            continue
        promised = read_time(state.get("expectedResolutionDate"), zone)
        before = promises[-1].expected_resolution_at if promises else None
        if promised and promised != before:
            slip = seconds_between(before, promised) if before else None
            told_at = fact.view.occurred_at
            # A number, because two events of one instant may promise back and forth.
            name = f"{ticket}#{len(promises) + 1:04d}"
            promises.append(rows.Promise(name, ticket, told_at, promised, slip))
    return state, changed, promises


def _with_changes(fact: Fact, state: Json) -> Fact:
    """Merge a fact's members into `state`; a first telling creates and changes nothing."""
    kind = fact.view.kind
    if kind == "deleted":
        # A delete event carries a reference, which says nothing about the members.
        return fact
    if not state and kind in ("created", "reconciled"):
        state.update(fact.view.resource)
        return fact
    told = whole(state, fact.view.resource) if fact.view.complete else fact.view.resource
    differences = merge(state, told)
    if not differences:
        return fact
    return Fact(fact.view, fact.aliases, fact.conflict, tuple(differences))


def _born_at(views: Iterable[View]) -> str | None:
    """The earliest creationDate that any event tells plausibly."""
    return min(
        (
            view.created_at
            for view in views
            if view.created_at and is_plausible(view.created_at, view.occurred_at, None)
        ),
        default=None,
    )


def _first_at(views: Sequence[View], lane: Sequence[Point]) -> str | None:
    return min([view.occurred_at for view in views] + [point.at for point in lane], default=None)


def _deleted_at(views: Iterable[View]) -> str | None:
    """When it was deleted, unless it was created again later (and not only told of later)."""
    deleted_at = None
    for view in views:
        if view.kind == "deleted":
            deleted_at = view.occurred_at
        elif view.kind == "created" and (view.created_at or view.occurred_at) > (deleted_at or ""):
            deleted_at = None
        elif view.kind == "reconciled":
            deleted_at = None  # the provider has it, whatever was told before
    return deleted_at


def _tasks(
    source: str, ticket: str | None, facts: Iterable[Fact], zone: str
) -> list[tasks.TaskHistory]:
    by_task: dict[str, list[View]] = {}
    for fact in facts:
        if fact.view.kind == "task":
            by_task.setdefault(tasks.task_key(source, fact.view), []).append(fact.view)
    return [tasks.fold_task(source, ticket, by_task[name], zone) for name in sorted(by_task)]


def _ticket_row(
    source: str,
    ticket_id: str,
    state: Json,
    facts: Sequence[Fact],
    figures: periods.Figures,
    *,
    rules: Rules,
    deleted_at: str | None,
    alerts: int,
    waiting: bool,
    slips: int,
    gaps: int,
    notices: int,
) -> rows.Ticket:
    plain = attached.plain

    def told_time(member: str) -> str | None:
        return read_time(state.get(member), rules.zone)

    requested = told_time("requestedResolutionDate")
    expected = told_time("expectedResolutionDate")
    is_open = (
        figures.status not in statuses.OPEN_ENDED
        and deleted_at is None
        # Of one that was erased nobody knows; it waits for nobody.
        and any(fact.view.kind != "erased" for fact in facts)
    )
    specification = entries.reference(state.get("troubleTicketSpecification"))
    channel = state.get("channel")
    severity = plain(state.get("severity"))
    views = [view for fact in facts for view in (fact.view, *fact.aliases)]
    received = [view.received_at for view in views]
    occurred = [view.occurred_at for view in views]
    return rows.Ticket(
        ticket=f"{source}/{ticket_id}",
        source=source,
        id=ticket_id,
        name=plain(state.get("name")),
        description=plain(state.get("description")),
        resource_class=plain(state.get("@type")),
        ticket_type=plain(state.get("ticketType")),
        severity=severity,
        priority=plain(state.get("priority")),
        status=figures.status,
        status_since=figures.status_since,
        status_reason=figures.status_reason,
        is_open=int(is_open),
        created_at=figures.created_at,
        due_at=requested or expected,
        requested_resolution_at=requested,
        expected_resolution_at=expected,
        resolution_at=told_time("resolutionDate"),
        resolved_at=figures.resolved_at,
        closed_at=figures.closed_at,
        deleted_at=deleted_at,
        last_update_at=told_time("lastUpdate"),
        external_id=min(
            (one["id"] for one in payload.external_ids(state) if one["id"]), default=None
        ),
        specification=f"{source}/{specification[0]}" if specification else None,
        specification_name=specification[1] if specification else None,
        channel=entries.named(channel),
        in_jeopardy=int(is_open and alerts > 0),
        awaiting_information=int(is_open and waiting),
        reopen_count=figures.reopen_count,
        bounce_count=figures.bounce_count,
        eta_slips=slips,
        seconds_to_acknowledge=figures.seconds_to_acknowledge,
        seconds_to_resolution=figures.seconds_to_resolution,
        service_seconds=figures.service_seconds,
        service_target_seconds=rules.clock.target(severity),
        service_target_missed=rules.clock.missed(severity, figures.service_seconds, figures.status),
        open_gaps=gaps,
        notices=notices,
        conflicts=sum(1 for fact in facts if fact.conflict),
        aliases=len(views) - len(facts),
        events=len(facts),
        first_event_at=min(occurred, default=None),
        last_event_at=max(occurred, default=None),
        first_received_at=min(received, default=None),
        last_received_at=max(received, default=None),
        last_position=max((view.position for view in views), default=None),
    )
