"""The tables of history.db: every column an analyst can see, in one place.

Everything here is derived; delete the file and fold again. Keys are text made of what the rows
say (`source/id`), never of arrival, so that every arrival order ends in the same rows. Columns
in ARRIVAL are the exception: they tell how and when we were told.
"""

import sqlite3
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import sqlite_utils

VERSION = 1
"""Raise it when a table changes: a history.db of another version is folded anew."""


@dataclass(frozen=True)
class Table:
    """One table: its columns with their types, its key, where its columns point, its indexes."""

    columns: dict[str, type]
    pk: str
    points_to: dict[str, str] = field(default_factory=dict[str, str])
    indexes: tuple[tuple[str, ...], ...] = ()


TABLES: dict[str, Table] = {
    # tickets: the latest known state of every ticket.
    "tickets": Table(
        {
            "ticket": str,  # source/id
            "source": str,
            "id": str,
            "name": str,
            "description": str,
            "resource_class": str,  # @type: TroubleTicket, FaultTicket, …
            "ticket_type": str,
            "severity": str,
            "priority": str,
            "status": str,  # normalised spelling
            "status_since": str,
            "status_reason": str,
            "is_open": int,  # 0 once rejected, cancelled, closed, resolved or deleted
            "created_at": str,
            "due_at": str,  # requested, else promised resolution
            "requested_resolution_at": str,
            "expected_resolution_at": str,
            "resolution_at": str,  # resolutionDate, as the sender tells it
            "resolved_at": str,  # when the status last became resolved (or closed directly)
            "closed_at": str,
            "deleted_at": str,
            "last_update_at": str,
            "external_id": str,
            "specification": str,
            "specification_name": str,
            "channel": str,
            "in_jeopardy": int,
            "awaiting_information": int,
            "reopen_count": int,
            "bounce_count": int,  # returns to a status it had already left
            "eta_slips": int,
            "seconds_to_acknowledge": float,
            "seconds_to_resolution": float,
            "service_seconds": float,  # to resolution (or the last status change), stopped statuses left out
            "open_gaps": int,
            "notices": int,
            "events": int,
            "first_event_at": str,
            "last_event_at": str,
            "state": str,  # the merged resource, JSON
            "first_received_at": str,
            "last_received_at": str,
            "last_position": int,
        },
        pk="ticket",
        points_to={"specification": "specifications", "source": "sources"},
        indexes=(
            ("status", "status_since"),
            ("is_open", "due_at"),
            ("is_open", "status", "severity"),
            ("created_at",),
            ("resolved_at",),
            ("last_event_at",),
            ("specification",),
            ("source", "id"),
            ("id",),
        ),
    ),
    # timeline: what happened, one row an entry.
    "timeline": Table(
        {
            "entry": str,
            "ticket": str,
            "specification": str,
            "at": str,
            "rank": int,  # order of entries at the same instant
            "kind": str,  # created, status, attributes, information, milestone, jeopardy, task, deleted, …
            "title": str,  # one line for a person
            "provenance": str,  # received, inferred, reconciled, requested
            "status_before": str,
            "status_after": str,
            "reason": str,
            "time_rule": str,  # which member `at` was read from
            "occurred_at": str,
            "event_type": str,
            "event_id": str,
            "task": str,
            "witnesses": int,  # how many events tell this entry
            "flags": str,  # JSON list: conflict, alias, after_delete, illegal_transition
            "position": int,
            "positions": str,  # JSON list: every event that tells this entry
            "received_at": str,
            "lateness_seconds": float,  # received - sent
        },
        pk="entry",
        points_to={
            "ticket": "tickets",
            "specification": "specifications",
            "task": "tasks",
            "position": "events",
        },
        indexes=(
            ("ticket", "at", "rank"),
            ("specification", "at", "rank"),
            ("at",),
            ("kind", "at"),
            ("task",),
            ("position",),
        ),
    ),
    # changes: what an entry changed, one row a member (or an item of a list).
    "changes": Table(
        {
            "change": str,
            "entry": str,
            "ticket": str,
            "specification": str,
            "member": str,
            "item": str,  # which item of the list, when its items have ids
            "action": str,  # set, changed, cleared, added, removed
            "before": str,  # JSON
            "after": str,  # JSON
        },
        pk="change",
        points_to={
            "entry": "timeline",
            "ticket": "tickets",
            "specification": "specifications",
        },
        indexes=(("entry",), ("ticket", "member"), ("specification",), ("member",)),
    ),
    # status_periods: a span in one status.
    "status_periods": Table(
        {
            "period": str,
            "ticket": str,
            "n": int,
            "status": str,
            "started_at": str,
            "ended_at": str,  # NULL while it lasts
            "seconds": float,
            "service_seconds": float,
            "reason": str,
            "time_rule": str,
            "provenance": str,
        },
        pk="period",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "n"), ("status", "seconds"), ("started_at",)),
    ),
    # tasks: requests to cancel a ticket or change it in flight.
    "tasks": Table(
        {
            "task": str,  # source/resource type/id
            "ticket": str,
            "source": str,
            "id": str,
            "resource_type": str,
            "state": str,
            "state_since": str,
            "is_open": int,
            "requested_at": str,
            "posted_at": str,
            "ended_at": str,
            "seconds": float,
            "category": str,  # JSON list
            "messages": str,  # JSON list of {code, text}
            "buyer_message": str,
            "requested_resolution_at": str,
            "events": int,
            "state_json": str,
        },
        pk="task",
        points_to={"ticket": "tickets", "source": "sources"},
        indexes=(("ticket",), ("resource_type", "state"), ("requested_at",), ("source",)),
    ),
    # task_states: the states a task went through.
    "task_states": Table(
        {
            "task_state": str,
            "task": str,
            "ticket": str,
            "state": str,
            "at": str,
            "messages": str,
            "provenance": str,
        },
        pk="task_state",
        points_to={"task": "tasks", "ticket": "tickets"},
        indexes=(("task", "at"), ("ticket",)),
    ),
    "milestones": Table(
        {
            "milestone": str,
            "ticket": str,
            "id": str,
            "name": str,
            "at": str,
            "status": str,
            "related_state": str,
            "description": str,
            "messages": str,
        },
        pk="milestone",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("name", "at")),
    ),
    "jeopardy_alerts": Table(
        {
            "alert": str,
            "ticket": str,
            "id": str,
            "name": str,
            "at": str,
            "exception": str,
            "jeopardy_type": str,
            "messages": str,
            "estimated_end_at": str,
        },
        pk="alert",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("at",)),
    ),
    "information_requests": Table(
        {
            "request": str,
            "ticket": str,
            "at": str,
            "op": str,
            "path": str,
            "value": str,
            "answered_at": str,  # when the member asked for changed, or the ticket ended
        },
        pk="request",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("answered_at",)),
    ),
    "notes": Table(
        {"note": str, "ticket": str, "id": str, "author": str, "at": str, "text": str},
        pk="note",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("author",)),
    ),
    "parties": Table(
        {
            "party": str,
            "ticket": str,
            "role": str,
            "id": str,
            "name": str,
            "party_type": str,
        },
        pk="party",
        points_to={"ticket": "tickets"},
        indexes=(("ticket",), ("id",), ("role", "name")),
    ),
    # relations: other things a ticket names: tickets, products, orders, bills.
    "relations": Table(
        {
            "relation": str,
            "ticket": str,
            "role": str,
            "id": str,
            "name": str,
            "referred_type": str,
            "other_ticket": str,
        },
        pk="relation",
        points_to={"ticket": "tickets", "other_ticket": "tickets"},
        indexes=(("ticket",), ("other_ticket",), ("referred_type", "id")),
    ),
    # external_ids: the names other systems have for a ticket.
    "external_ids": Table(
        {"external_id": str, "ticket": str, "id": str, "owner": str, "kind": str},
        pk="external_id",
        points_to={"ticket": "tickets"},
        indexes=(("ticket",), ("id",)),
    ),
    # promises: every revision of expectedResolutionDate.
    "promises": Table(
        {
            "promise": str,
            "ticket": str,
            "told_at": str,
            "expected_resolution_at": str,
            "slip_seconds": float,  # against the promise before; NULL for the first
        },
        pk="promise",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "told_at"),),
    ),
    # gaps: proof that an event is missing.
    "gaps": Table(
        {
            "gap": str,
            "ticket": str,
            "status": str,
            "at": str,
            "witness": str,  # the entry that proves it
            "proof": str,  # in words
        },
        pk="gap",
        points_to={"ticket": "tickets", "witness": "timeline"},
        indexes=(("ticket", "at"), ("at",), ("witness",)),
    ),
    # notices: what is odd about a ticket's history, noticed and not corrected.
    "notices": Table(
        {"notice": str, "ticket": str, "kind": str, "at": str, "text": str},
        pk="notice",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("kind", "at")),
    ),
    "specifications": Table(
        {
            "specification": str,
            "source": str,
            "id": str,
            "name": str,
            "version": str,
            "lifecycle_status": str,
            "description": str,
            "created_at": str,
            "last_update_at": str,
            "deleted_at": str,
            "events": int,
            "first_event_at": str,
            "last_event_at": str,
            "state": str,
        },
        pk="specification",
        points_to={"source": "sources"},
        indexes=(("lifecycle_status",), ("source", "id"), ("name",)),
    ),
    # events: an index of the log, without the bodies.
    "events": Table(
        {
            "position": int,
            "source": str,
            "event_type": str,
            "event_id": str,
            "resource_type": str,
            "resource_id": str,
            "ticket": str,
            "specification": str,
            "task": str,
            "occurred_at": str,
            "event_time": str,
            "received_at": str,
            "lateness_seconds": float,
            "redeliveries": int,
            "conflict_of": int,
            "drift": str,  # JSON list
            "size": int,  # bytes
            "digest": str,
        },
        pk="position",
        points_to={
            "ticket": "tickets",
            "specification": "specifications",
            "task": "tasks",
            "source": "sources",
            "conflict_of": "events",
        },
        indexes=(
            ("ticket",),
            ("specification",),
            ("task",),
            ("event_type", "received_at"),
            ("source", "received_at"),
            ("received_at",),
            ("occurred_at",),
            ("conflict_of",),
        ),
    ),
    # sources: how each sender behaves.
    "sources": Table(
        {
            "source": str,
            "events": int,
            "redeliveries": int,
            "conflicts": int,
            "aliases": int,
            "refused": int,
            "drifting": int,  # events with any drift
            "open_gaps": int,
            "first_received_at": str,
            "last_received_at": str,
            "usual_gap_seconds": float,  # 95th percentile of the pauses between events
            "lateness_median_seconds": float,
            "lateness_p95_seconds": float,
            "skew_seconds": float,  # how far the sender's clock runs ahead of ours (smallest lateness, when negative)
        },
        pk="source",
    ),
    # drift: what senders do that the specification does not say.
    "drift": Table(
        {
            "drift": str,  # source/code
            "source": str,
            "code": str,
            "events": int,
            "first_received_at": str,
            "last_received_at": str,
            "sample": int,
        },
        pk="drift",
        points_to={"source": "sources", "sample": "events"},
        indexes=(("source",), ("sample",)),
    ),
    # quarantine: what was refused, without its bytes.
    "quarantine": Table(
        {
            "id": int,
            "source": str,
            "path": str,
            "status": int,
            "fingerprint": str,
            "reasons": str,  # JSON list of {code, pointer, expected}
            "received_at": str,
            "size": int,
        },
        pk="id",
        points_to={"source": "sources"},
        indexes=(("fingerprint",), ("received_at",), ("source",)),
    ),
    # _follower: how far the log has been folded. Written in the same transaction as the rows.
    "_follower": Table({"name": str, "value": int}, pk="name"),
}

ARRIVAL: dict[str, frozenset[str]] = {
    "tickets": frozenset({"first_received_at", "last_received_at", "last_position"}),
    "timeline": frozenset({"position", "positions", "received_at", "lateness_seconds"}),
}
"""Columns that depend on how events arrived; all others are a function of the set of events."""

ARRIVAL_TABLES = frozenset({"events", "sources", "drift", "quarantine", "_follower"})
"""Tables that describe arrival itself."""


def create(connection: sqlite3.Connection) -> None:
    """Make every table and index in an empty history.db, and stamp its version."""
    db = sqlite_utils.Database(connection)
    for name in _pointed_to_first():
        table = TABLES[name]
        db.table(name).create(
            table.columns,
            pk=table.pk,
            foreign_keys=[
                (column, other, TABLES[other].pk) for column, other in table.points_to.items()
            ],
        )
        for columns in table.indexes:
            db.table(name).create_index(columns)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.commit()


def _pointed_to_first() -> list[str]:
    order = TopologicalSorter[str]()
    for name, table in TABLES.items():
        order.add(name, *(other for other in table.points_to.values() if other != name))
    return list(order.static_order())
