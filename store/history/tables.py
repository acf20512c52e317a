"""The tables of history.db: which rows they hold, their keys, where they point, their indexes.

Everything here is derived; delete the file and fold again. Keys are text made of what the rows
say (`source/id`), never of arrival, so that every arrival order ends in the same rows. Columns
in ARRIVAL are the exception: they tell how and when we were told.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from types import UnionType
from typing import Any, get_args, get_type_hints

import sqlite_utils

from store.history import rows, searching

VERSION = 4
"""Raise it when a table changes: a history.db of another version is folded anew."""


@dataclass(frozen=True)
class Table:
    """One table: the rows it holds, its key, where its columns point, its indexes."""

    row: type[tuple[Any, ...]]
    pk: str
    points_to: Mapping[str, str] = field(default_factory=dict[str, str])
    indexes: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def columns(self) -> dict[str, type]:
        """Column names and types, in the order of the row."""
        return {
            name: get_args(hint)[0] if isinstance(hint, UnionType) else hint
            for name, hint in get_type_hints(self.row).items()
        }

    def place_of(self, column: str) -> int:
        """Where a column stands in the row."""
        return list(self.columns).index(column)


NARROWING = ("source", "ticket_type", "specification", "created_at")
"""Columns of a ticket that the pages narrow every figure by."""
COUNTED_WHILE_OPEN = (
    *("status", "severity", "status_since", "last_event_at"),
    *("in_jeopardy", "awaiting_information", "bounce_count", "reopen_count"),
)
"""Columns of an open ticket that put it into a list, and in its place there."""

TABLES: dict[str, Table] = {
    "tickets": Table(
        rows.Ticket,
        pk="ticket",
        points_to={"specification": "specifications", "source": "sources"},
        indexes=(
            ("status", "status_since"),
            ("is_open", "status", "severity"),
            ("last_event_at",),
            ("specification", "seconds_to_resolution"),
            # The board's, narrowed to any source, type, specification and period: all in the
            # index, because right after a start every row of the table is a read from the disk.
            ("is_open", "due_at", *NARROWING, *COUNTED_WHILE_OPEN),
            ("created_at", *NARROWING[:-1]),
            ("resolved_at", *NARROWING),
            ("seconds_to_resolution", *NARROWING),
            (*NARROWING, "bounce_count", "reopen_count"),
            ("name",),
            ("ticket_type",),
            ("severity",),
            ("source", "id"),
            ("source", "created_at"),  # the neighbours of a ticket
            ("id",),
        ),
    ),
    "states": Table(rows.State, pk="ticket", points_to={"ticket": "tickets"}),
    "timeline": Table(
        rows.Entry,
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
    "changes": Table(
        rows.Change,
        pk="change",
        points_to={
            "entry": "timeline",
            "ticket": "tickets",
            "specification": "specifications",
        },
        indexes=(("entry",), ("ticket", "member"), ("specification",), ("member",), ("action",)),
    ),
    "status_periods": Table(
        rows.StatusPeriod,
        pk="period",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "n", "status", "seconds"), ("status", "seconds"), ("started_at",)),
    ),
    "tasks": Table(
        rows.Task,
        pk="task",
        points_to={"ticket": "tickets", "source": "sources"},
        indexes=(("ticket",), ("resource_type", "state"), ("requested_at",), ("source",)),
    ),
    "task_states": Table(
        rows.TaskState,
        pk="task_state",
        points_to={"task": "tasks", "ticket": "tickets"},
        indexes=(("task", "at"), ("ticket",)),
    ),
    "milestones": Table(
        rows.Milestone,
        pk="milestone",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("name", "at")),
    ),
    "jeopardy_alerts": Table(
        rows.JeopardyAlert,
        pk="alert",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("at",)),
    ),
    "information_requests": Table(
        rows.InformationRequest,
        pk="request",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("answered_at",)),
    ),
    "notes": Table(
        rows.Note,
        pk="note",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("author",)),
    ),
    "parties": Table(
        rows.Party,
        pk="party",
        points_to={"ticket": "tickets"},
        indexes=(("ticket",), ("id",), ("role", "name")),
    ),
    "relations": Table(
        rows.Relation,
        pk="relation",
        points_to={"ticket": "tickets", "other_ticket": "tickets"},
        indexes=(("ticket",), ("other_ticket",), ("referred_type", "id")),
    ),
    "external_ids": Table(
        rows.ExternalId,
        pk="external_id",
        points_to={"ticket": "tickets"},
        indexes=(("ticket",), ("id",)),
    ),
    "promises": Table(
        rows.Promise,
        pk="promise",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "told_at"),),
    ),
    "gaps": Table(
        rows.Gap,
        pk="gap",
        points_to={"ticket": "tickets", "witness": "timeline"},
        indexes=(("ticket", "at"), ("at",), ("witness",)),
    ),
    "notices": Table(
        rows.Notice,
        pk="notice",
        points_to={"ticket": "tickets"},
        indexes=(("ticket", "at"), ("kind", "at")),
    ),
    "specifications": Table(
        rows.Specification,
        pk="specification",
        points_to={"source": "sources"},
        indexes=(("lifecycle_status",), ("source", "id"), ("name",)),
    ),
    "events": Table(
        rows.EventRow,
        pk="position",
        points_to={
            "ticket": "tickets",
            "specification": "specifications",
            "task": "tasks",
            "source": "sources",
            "conflict_of": "events",
        },
        indexes=(
            ("ticket", "task"),
            ("specification",),
            ("task",),
            ("event_type", "received_at"),
            ("source", "received_at"),
            ("received_at",),
            ("occurred_at",),
            ("conflict_of",),
        ),
    ),
    "sources": Table(
        rows.SourceRow,
        pk="source",
    ),
    "drift": Table(
        rows.DriftRow,
        pk="drift",
        points_to={"source": "sources", "sample": "events"},
        indexes=(("source",), ("sample",)),
    ),
    "quarantine": Table(
        rows.QuarantineRow,
        pk="id",
        points_to={"source": "sources", "released_as": "events"},
        indexes=(("fingerprint",), ("received_at",), ("source",), ("released_as",)),
    ),
    "_follower": Table(rows.FollowerRow, pk="name"),
}

_SPARSE = frozenset(
    {
        *(("timeline", "specification"), ("timeline", "task"), ("changes", "specification")),
        *(("events", "specification"), ("events", "task"), ("events", "conflict_of")),
        *(("relations", "other_ticket"), ("tickets", "seconds_to_resolution")),
    }
)

ARRIVAL: dict[str, frozenset[str]] = {
    "tickets": frozenset({"first_received_at", "last_received_at", "last_position"}),
    "timeline": frozenset({"position", "positions", "received_at", "lateness_seconds"}),
}
"""Columns that depend on how events arrived; all others are a function of the set of events."""

ARRIVAL_TABLES = frozenset({"events", "sources", "drift", "quarantine", "_follower"})
"""Tables that describe arrival itself."""


def create(connection: sqlite3.Connection, *, indexes: bool = True) -> None:
    """Make every table in an empty history.db and stamp its version; its indexes too, unless a
    rebuild adds them once the rows are there: then only those that few rows are in, which would
    have to look for them.
    """
    db = sqlite_utils.Database(connection)
    with db.atomic():
        for name in _pointed_to_first():
            table = TABLES[name]
            db.table(name).create(
                table.columns,
                pk=table.pk,
                foreign_keys=[
                    (column, other, TABLES[other].pk) for column, other in table.points_to.items()
                ],
            )
        searching.create(connection)
        index(connection, *(every_index() if indexes else _SPARSE_INDEXES))
        connection.execute(f"PRAGMA user_version = {VERSION}")


Index = tuple[str, tuple[str, ...]]
"""A table and the columns of one of its indexes."""


def index(connection: sqlite3.Connection, *wanted: Index) -> None:
    """Make these indexes, by default all, where they are not there yet.

    Where the first column is mostly NULL the index leaves those rows out: nobody asks for them,
    and a rebuild need not sort them.
    """
    for name, columns in wanted or every_index():
        where = f" WHERE {columns[0]} IS NOT NULL" if (name, columns[0]) in _SPARSE else ""
        connection.execute(
            f"CREATE INDEX IF NOT EXISTS idx_{name}_{'_'.join(columns)} "
            f"ON {name} ({', '.join(columns)}){where}"
        )


def every_index() -> list[Index]:
    """Every index of every table."""
    return [(name, columns) for name, table in TABLES.items() for columns in table.indexes]


_SPARSE_INDEXES = [one for one in every_index() if (one[0], one[1][0]) in _SPARSE]


def _pointed_to_first() -> list[str]:
    order = TopologicalSorter[str]()
    for name, table in TABLES.items():
        order.add(name, *(other for other in table.points_to.values() if other != name))
    return list(order.static_order())
