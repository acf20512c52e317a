"""Quality of each source: how late, how often twice, what it gets wrong, how silent. I/O on rows only."""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from store.events import Decision, Quarantined, Redelivery
from store.history import rows
from store.history.fold import History
from store.history.members import text
from store.history.writing import insert
from store.own_events import OWN_TYPES

RECENT = 2_000
"""Lateness and rhythm are those of a source's latest events, this many."""
_OURS = frozenset(OWN_TYPES)
_OWN = ", ".join("?" * len(OWN_TYPES))
_ANY_INDEX = re.compile(r"/[0-9]+(?=/|$)")
"""An array's index in a pointer: which of the notes it was is no other kind of drift."""


class Folded(NamedTuple):
    """What one ticket adds to its source's figures."""

    aliases: int = 0
    open_gaps: int = 0


def folded(history: History) -> Folded:
    """What a ticket adds, by its history."""
    for row in history.tickets:
        ticket = rows.Ticket(*row)
        return Folded(ticket.aliases, ticket.open_gaps)
    return Folded()


def count_events(connection: sqlite3.Connection, events: Sequence[rows.EventRow]) -> set[str]:
    """Add new events to their sources and drift; the names of those sources."""
    by_source: dict[str, list[rows.EventRow]] = {event.source or "": [] for event in events}
    for event in events:
        # What we read or asked for is no arrival: a silent source stays silent.
        if event.event_type not in _OURS:
            by_source[event.source or ""].append(event)
    for source, arrived in by_source.items():
        _ensure(connection, source)
        if not arrived:
            continue
        times = [event.received_at or "" for event in arrived]
        connection.execute(
            "UPDATE sources SET events = events + ?1, conflicts = conflicts + ?2, "
            "drifting = drifting + ?3, first_received_at = min(coalesce(first_received_at, ?4), ?4), "
            "last_received_at = max(coalesce(last_received_at, ?5), ?5) WHERE source = ?6",
            (
                len(arrived),
                sum(event.conflict_of is not None for event in arrived),
                sum(event.drift is not None for event in arrived),
                min(times),
                max(times),
                source,
            ),
        )
        _count_drift(connection, source, arrived)
    return set(by_source)


def count_redeliveries(connection: sqlite3.Connection, arrivals: Iterable[Redelivery]) -> set[str]:
    """Add redeliveries to their events and sources; the names of those sources."""
    touched: set[str] = set()
    for arrival in arrivals:
        connection.execute(
            "UPDATE events SET redeliveries = redeliveries + 1 WHERE position = ?",
            (arrival.position,),
        )
        select = "SELECT source FROM events WHERE position = ?"
        for (source,) in connection.execute(select, (arrival.position,)).fetchall():
            connection.execute(
                "UPDATE sources SET redeliveries = redeliveries + 1 WHERE source = ?", (source,)
            )
            touched.add(source)
    return touched


def count_refused(connection: sqlite3.Connection, refused: Iterable[Quarantined]) -> set[str]:
    """Add quarantine entries, without their bytes; the names of their sources."""
    touched: set[str] = set()
    for one in refused:
        _ensure(connection, one.source)
        touched.add(one.source)
        reasons = [
            {"code": reason.code, "pointer": reason.pointer, "expected": reason.expected}
            for reason in one.reasons
        ]
        row = rows.QuarantineRow(
            id=one.id,
            source=one.source,
            path=one.path,
            status=one.status,
            fingerprint=one.fingerprint,
            reasons=text(reasons),
            received_at=one.received_at,
            size=len(one.body),
            decision=None,
            decided_at=None,
            decision_reason=None,
            released_as=None,
        )
        insert(connection, "quarantine", [row])
        connection.execute(
            "UPDATE sources SET refused = refused + 1 WHERE source = ?", (one.source,)
        )
    return touched


def count_decisions(connection: sqlite3.Connection, decisions: Iterable[Decision]) -> None:
    """Note what was decided about quarantine entries; a released one no longer counts as refused."""
    for one in decisions:
        connection.execute(
            "UPDATE quarantine SET decision = ?, decided_at = ?, decision_reason = ?, "
            "released_as = ? WHERE id = ?",
            (one.decision, one.decided_at, one.reason, one.position, one.entry),
        )
        if one.position is not None:
            connection.execute(
                "UPDATE sources SET refused = refused - 1 "
                "WHERE source = (SELECT source FROM quarantine WHERE id = ?)",
                (one.entry,),
            )


def count_folded(
    connection: sqlite3.Connection, source: str, before: Folded, after: Folded
) -> None:
    """Move a source's figures by what folding one of its tickets anew changed."""
    if before != after:
        connection.execute(
            "UPDATE sources SET aliases = aliases + ?, open_gaps = open_gaps + ? WHERE source = ?",
            (after.aliases - before.aliases, after.open_gaps - before.open_gaps, source),
        )


def refresh(connection: sqlite3.Connection, sources: Iterable[str]) -> None:
    """Compute anew what depends on a source's recent events."""
    for source in sources:
        recent = connection.execute(
            "SELECT received_at, lateness_seconds, unixepoch(received_at) FROM events "
            f"WHERE source = ? AND event_type NOT IN ({_OWN}) ORDER BY received_at DESC LIMIT ?",
            (source, *OWN_TYPES, RECENT),
        ).fetchall()
        lateness = sorted(one[1] for one in recent if one[1] is not None)
        pauses = sorted(newer[2] - older[2] for newer, older in pairwise(recent))
        connection.execute(
            "UPDATE sources SET usual_gap_seconds = ?, lateness_median_seconds = ?, "
            "lateness_p95_seconds = ?, skew_seconds = ? WHERE source = ?",
            (
                percentile(pauses, 0.95),
                percentile(lateness, 0.5),
                percentile(lateness, 0.95),
                min(0.0, lateness[0]) if lateness else None,
                source,
            ),
        )


def percentile(ordered: list[Any], share: float) -> float | None:
    """The value below which a share of the ordered values lie (nearest rank)."""
    if not ordered:
        return None
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * share))])


def _ensure(connection: sqlite3.Connection, source: str) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO sources (source, events, redeliveries, conflicts, aliases, refused, "
        "drifting, open_gaps) VALUES (?, 0, 0, 0, 0, 0, 0, 0)",
        (source,),
    )


def _count_drift(
    connection: sqlite3.Connection, source: str, events: Iterable[rows.EventRow]
) -> None:
    found: dict[str, list[rows.EventRow]] = {}
    for event in events:
        if event.drift:
            for code in _kinds(event.drift):
                found.setdefault(code, []).append(event)
    connection.executemany(
        "INSERT INTO drift (drift, source, code, events, first_received_at, last_received_at, "
        "sample) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (drift) DO UPDATE SET "
        "events = events + excluded.events, last_received_at = excluded.last_received_at",
        [
            (
                f"{source}/{code}",
                source,
                code,
                len(events),
                events[0].received_at,
                events[-1].received_at,
                events[0].position,
            )
            for code, events in found.items()
        ],
    )


@lru_cache(maxsize=1_024)  # what a sender does once it does in most of its events
def _kinds(drift: str) -> tuple[str, ...]:
    """The kinds of drift in a JSON list of codes, each once."""
    return tuple(dict.fromkeys(_ANY_INDEX.sub("/*", code) for code in json.loads(drift)))
