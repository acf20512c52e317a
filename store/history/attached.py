"""What hangs on a ticket: notes, parties, relations, milestones, alerts, requests.

Pure. Rows are keyed by what they say, so that a thing told twice is one row.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, cast

from store import payload
from store.history import rows
from store.history.members import text, written
from store.history.view import View
from store.times import read_time

Json = dict[str, Any]


def key(*parts: object) -> str:
    """A short digest of what a row says."""
    return hashlib.sha256(written(parts)).hexdigest()[:16]


def plain(value: object) -> str | None:
    """A member as text for a column: JSON text where it is no plain value."""
    if value is None:
        return None
    told = payload.text_of(value)
    return text(value) if told is None else told


def note_rows(ticket: str, views: Iterable[View], zone: str) -> list[rows.Note]:
    """Every note ever told, by its id (the latest text wins), else by what it says and when."""
    found: dict[str, rows.Note] = {}
    for view in views:
        if "note" not in view.resource:
            continue
        for note in payload.notes(view.resource):
            date = read_time(note["date"], zone)
            name = key(note["id"]) if note["id"] else key(note["author"], date, note["text"])
            # Told again and again without a date, it is as old as its first telling.
            at = date or (found[name].at if name in found else view.occurred_at)
            found[name] = rows.Note(
                f"{ticket}#{name}", ticket, note["id"], note["author"], at, note["text"]
            )
    return sorted(found.values())


def party_rows(ticket: str, state: Json) -> list[rows.Party]:
    """Who has to do with the ticket now."""
    found = {
        name: rows.Party(name, ticket, one["role"], one["id"], one["name"], one["type"])
        for one in payload.parties(state)
        for name in (f"{ticket}#{key(one)}",)
    }
    return [found[name] for name in sorted(found)]


def relation_rows(source: str, ticket: str, state: Json) -> list[rows.Relation]:
    """What else the ticket names now."""
    found = {
        rows.Relation(
            f"{ticket}#{key(one)}",
            ticket,
            one["role"],
            one["id"],
            one["name"],
            one["type"],
            f"{source}/{one['id']}" if one["type"] == "TroubleTicket" and one["id"] else None,
        )
        for one in payload.relations(state)
    }
    return sorted(found, key=lambda row: row.relation)


def external_id_rows(ticket: str, state: Json) -> list[rows.ExternalId]:
    """The names other systems have for the ticket now."""
    found = {
        rows.ExternalId(f"{ticket}#{key(one)}", ticket, one["id"], one["owner"], one["kind"])
        for one in payload.external_ids(state)
    }
    return sorted(found, key=lambda row: row.external_id)


def milestone_rows(ticket: str, views: Sequence[View], zone: str) -> list[rows.Milestone]:
    """Every milestone told, by its id; the latest telling wins."""
    found: dict[str, rows.Milestone] = {}
    for view in views:
        for one in view.milestones:
            name = _alert_key(one, "milestoneDate")
            found[name] = rows.Milestone(
                milestone=f"{ticket}#{name}",
                ticket=ticket,
                id=plain(one.get("id")),
                name=plain(one.get("name")),
                at=read_time(one.get("milestoneDate"), zone)
                or (found[name].at if name in found else view.occurred_at),
                status=plain(one.get("status")),
                related_state=plain(one.get("relatedState")),
                description=plain(one.get("description")),
                messages=_messages(one.get("milestoneMessage"), one.get("message")),
            )
    return sorted(found.values(), key=lambda row: row.milestone)


def alert_rows(ticket: str, views: Sequence[View], zone: str) -> list[rows.JeopardyAlert]:
    """Every jeopardy alert told, by its id; the latest telling wins."""
    found: dict[str, rows.JeopardyAlert] = {}
    for view in views:
        for one in view.alerts:
            name = _alert_key(one, "alertDate")
            found[name] = rows.JeopardyAlert(
                alert=f"{ticket}#{name}",
                ticket=ticket,
                id=plain(one.get("id")),
                name=plain(one.get("name")),
                at=read_time(one.get("alertDate"), zone)
                or (found[name].at if name in found else view.occurred_at),
                exception=plain(one.get("exception")),
                jeopardy_type=plain(one.get("jeopardyType")),
                messages=_messages(one.get("jeopardyAlertMessage"), one.get("message")),
                estimated_end_at=read_time(one.get("estimatedAlertEndDate"), zone),
            )
    return sorted(found.values(), key=lambda row: row.alert)


def request_rows(
    ticket: str, views: Sequence[View], ended_at: str | None
) -> list[rows.InformationRequest]:
    """What was asked of us; answered once a later event brings the member, or the ticket ends."""
    found: dict[str, rows.InformationRequest] = {}
    for number, view in enumerate(views):
        for one in view.information:
            path = str(one["path"])
            answered = _answered_at(path, views[number + 1 :])
            if not answered and ended_at and ended_at >= view.occurred_at:
                answered = ended_at
            name = key(view.content, one)
            found[name] = rows.InformationRequest(
                request=f"{ticket}#{name}",
                ticket=ticket,
                at=view.occurred_at,
                op=plain(one["op"]),
                path=path,
                value=plain(one["value"]),
                answered_at=answered,
            )
    return sorted(found.values(), key=lambda row: row.request)


def _answered_at(path: str, later: Sequence[View]) -> str | None:
    member = path.strip("/").replace(".", "/").split("/")[0]
    for view in later:
        if view.kind not in {"information", "task"} and member in view.resource:
            return view.occurred_at
    return None


def _alert_key(one: Json, date: str) -> str:
    named = one.get("id")
    return key("id", named) if named else key(one.get("name"), one.get(date))


def _messages(*values: object) -> str | None:
    told = payload.messages(cast("object", list(values)))
    return text(told) if told else None
