"""What the store's commands print: for people in lines, for programs in JSON."""

import json
from collections.abc import Iterable
from typing import Any

from store.events import NOT_WHOLE, Decision, Quarantined, Reason, RecordedEvent
from store.history.fold import History
from store.history.rows import Change, Entry, Ticket
from store.keeping.quarantine import Kind

Json = dict[str, Any]


def event_json(event: RecordedEvent) -> Json:
    """One line of `tail --json`. The body as JSON where it is JSON, else as text."""
    return {
        "position": event.position,
        "source": event.source,
        "event_type": event.event_type,
        "event_id": event.event_id,
        "resource_type": event.resource_type,
        "resource_id": event.resource_id,
        "ticket_id": event.ticket_id,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "digest": event.digest,
        "body": _body(event.body),
    }


def event_line(event: RecordedEvent) -> str:
    """One line of `tail`."""
    about = event.ticket_id or event.resource_id
    odd = f"  drift: {', '.join(event.drift)}" if event.drift else ""
    conflict = f"  conflict of {event.conflict_of}" if event.conflict_of else ""
    return (
        f"{event.position:>8}  {event.occurred_at}  {event.event_type:<48} {about}{conflict}{odd}"
    )


def event_text(event: RecordedEvent) -> str:
    """An event with its envelope, for a person."""
    head = event_json(event)
    del head["body"]
    lines = [f"{name + ':':<15}{value}" for name, value in head.items()]
    lines += [f"{'path:':<15}{event.path}"]
    lines += [f"{'header:':<15}{name}: {value}" for name, value in event.headers]
    lines += [f"{'drift:':<15}{code}" for code in event.drift]
    body = _body(event.body)
    shown = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
    return "\n".join([*lines, "", shown])


def quarantined_json(one: Quarantined, decision: Decision | None = None) -> Json:
    """One line of `quarantine list --all --json`."""
    return {
        "id": one.id,
        "source": one.source,
        "path": one.path,
        "received_at": one.received_at,
        "status": one.status,
        "fingerprint": one.fingerprint,
        "request_id": one.request_id,
        "reasons": reasons_json(one.reasons),
        "whole": is_whole(one),
        "size": len(one.body),
        "decision": decision.decision if decision else None,
        "decision_reason": decision.reason if decision else None,
        "released_as": decision.position if decision else None,
        "decided_at": decision.decided_at if decision else None,
        "decided_by": decision.decided_by if decision else None,
    }


def quarantined_line(one: Quarantined, decision: Decision | None = None) -> str:
    """One line of `quarantine list --all`."""
    decided = f"  [{_decided(decision)}]" if decision else ""
    return (
        f"{one.id:>6}  {one.received_at}  {one.status}  {one.source}  {one.path}  "
        f"{_why(one.reasons)}{decided}"
    )


def quarantined_text(one: Quarantined, decision: Decision | None = None) -> str:
    """A refusal with its reasons and its bytes as text, for a person."""
    lines = [
        quarantined_line(one, decision),
        f"fingerprint {one.fingerprint}, {_size(one)}, request {one.request_id or 'unknown'}",
    ]
    lines += [f"{name}: {value}" for name, value in one.headers]
    return printable("\n".join([*lines, "", one.body.decode("utf-8", "replace")]))


def is_whole(one: Quarantined) -> bool:
    """Whether all bytes are kept that the sender sent; those that were erased were."""
    return all(reason.code != NOT_WHOLE for reason in one.reasons)


def _size(one: Quarantined) -> str:
    return f"{len(one.body)} bytes" if is_whole(one) else f"ONLY THE FIRST {len(one.body)} BYTES"


def kind_json(kind: Kind) -> Json:
    """One line of `quarantine list --json`."""
    return kind._asdict() | {"reasons": reasons_json(kind.reasons)}


def kind_text(kind: Kind) -> str:
    """Refusals of one kind, for a person."""
    return (
        f"{kind.fingerprint}  {kind.refusals:>6,}  {kind.first_received_at} – {kind.last_received_at}  "
        f"{kind.source}  {kind.path}\n"
        f"{'':>18}{_why(kind.reasons)}; the latest is {kind.sample}"
    )


def reasons_json(reasons: Iterable[Reason]) -> list[Json]:
    """Why something was refused."""
    return [
        {"code": reason.code, "pointer": reason.pointer, "expected": reason.expected}
        for reason in reasons
    ]


def _why(reasons: Iterable[Reason]) -> str:
    return "; ".join(
        f"{reason.code} {reason.pointer or '(body)'}: {reason.expected}" for reason in reasons
    )


def _decided(decision: Decision) -> str:
    what = f"{decision.decision} {decision.decided_at} by {decision.decided_by}"
    if decision.position is not None:
        return f"{what} as event {decision.position}"
    return f"{what}: {decision.reason}"


def history_json(history: History) -> Json:
    """A ticket's history as one object: its row, and a list for each table; changes in entries."""
    told: Json = {
        table: [row._asdict() for row in found]
        for table, found in zip(History._fields, history, strict=True)
        if table not in {"tickets", "states", "specifications", "changes"}
    }
    for entry in told["timeline"]:
        entry["changes"] = [
            change._asdict() for change in history.changes if change.entry == entry["entry"]
        ]
    row = history.tickets[0]._asdict() if history.tickets else None
    if row:
        row["state"] = json.loads(history.states[0].state or "{}")
    return {"ticket": row, **told}


def history_text(history: History) -> str:
    """A ticket's timeline for a terminal."""
    if not history.tickets:
        return "Nothing was known of this ticket then."
    ticket = history.tickets[0]
    facts = [ticket.status, ticket.severity, ticket.ticket_type, ticket.specification_name]
    lines = [
        f"{ticket.id}  {ticket.name or '(no name)'}",
        "  " + " · ".join(fact for fact in facts if fact) + f" · source {ticket.source}",
        *_figures(history),
        "",
    ]
    changes: dict[str | None, list[Change]] = {}
    for change in history.changes:
        changes.setdefault(change.entry, []).append(change)
    for entry in history.timeline:
        lines += _entry_lines(entry, changes.get(entry.entry, ()))
    lines += [f"  ! gap: {gap.proof}" for gap in history.gaps]
    lines += [f"  ! {notice.text}" for notice in history.notices]
    return "\n".join(printable(line) for line in lines)


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: `6 h 10`, `3 d 2 h`, `45 s`."""
    if seconds is None:
        return "–"
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d}"
    return f"{minutes} min" if minutes else f"{whole} s"


def printable(text: str) -> str:
    """Text from a sender, made harmless for a terminal: control characters become their names."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else f"\\u{ord(letter):04x}"
        for letter in text
    )


def _figures(history: History) -> Iterable[str]:
    ticket = history.tickets[0]
    if ticket.due_at:
        yield f"  due {ticket.due_at}"
    if ticket.resolved_at:
        took = duration(ticket.seconds_to_resolution)
        yield f"  resolved {ticket.resolved_at}, after {took} ({_service(ticket)})"
    for period in history.status_periods:
        until = period.ended_at or "now"
        yield (
            f"    {period.status or '?':<14} {period.started_at} – {until:<24} "
            f"{duration(period.seconds) if period.ended_at else ''}".rstrip()
        )


def _service(ticket: Ticket) -> str:
    """`6 h 10 of 8 h on the service clock`: in hours, for a day at work has no 24 of them."""
    target = ticket.service_target_seconds
    agreed = f" of {_hours(target)}" if target is not None else ""
    late = ", target missed" if ticket.service_target_missed else ""
    return f"{_hours(ticket.service_seconds or 0)}{agreed} on the service clock{late}"


def _hours(seconds: float) -> str:
    hours, minutes = divmod(round(seconds) // 60, 60)
    if not hours:
        return duration(seconds)
    return f"{hours} h {minutes:02d}" if minutes else f"{hours} h"


def _entry_lines(entry: Entry, changes: Iterable[Change]) -> Iterable[str]:
    notes = [] if entry.provenance == "received" else [str(entry.provenance)]
    notes += json.loads(entry.flags or "[]")
    if entry.witnesses > 1:
        notes.append(f"{entry.witnesses} witnesses")
    aside = f"  [{', '.join(notes)}]" if notes else ""
    reason = f": {entry.reason}" if entry.reason and entry.kind in _WITH_REASON else ""
    yield f"  {entry.at}  {entry.kind:<11} {entry.title}{reason}{aside}"
    for change in changes:
        item = f" [{change.item}]" if change.item else ""
        before = _short(change.before)
        after = _short(change.after)
        yield f"{'':>40}{change.member}{item} {change.action}: {before} → {after}"


_WITH_REASON = frozenset({"status", "resolved", "task"})


def _short(value: str | None, most: int = 60) -> str:
    if value is None:
        return "–"
    told = json.loads(value)
    text = told if isinstance(told, str) else value
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _body(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
