"""Hand-made lives: notifications in few words, and the timeline in the words of an expert."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from store import MemoryLog, Rules
from store.history import units
from store.history.fold import History
from store.history.view import view
from store.times import moment
from tests.property.lives import TICKET, Sent, arrived, clock, sent

DAY = "2026-10-24T"


def at(time: str, day: str = DAY) -> str:
    """UTC text for `08:15` or `08:15:30`."""
    return f"{day}{time if len(time) > 5 else time + ':00'}.000Z"


def notice(kind: str, event_id: str, time: str | None, **members: Any) -> Sent:
    """A notification of `TroubleTicket{kind}Event`, sent and occurred at that time."""
    told_at = time and (time if "T" in time else at(time))
    return sent(f"TroubleTicket{kind}Event", event_id, members, eventTime=told_at)


def became(status: str, time: str, event_id: str, kind: str = "StatusChange", **more: Any) -> Sent:
    """A status event with its date, sent two seconds later."""
    date = time if "T" in time else at(time)
    told_at = clock(moment(date) + timedelta(seconds=2))
    return notice(kind, event_id, told_at, status=status, statusChangeDate=date, **more)


def changes(*past: tuple[str, str]) -> list[dict[str, str]]:
    """A statusChangeHistory: (status, time) each."""
    return [
        {"status": status, "statusChangeDate": time if "T" in time else at(time)}
        for status, time in past
    ]


def life(
    notifications: Sequence[Sent], rules: Rules | None = None, *, as_of: str | None = None
) -> History:
    """The history of the ticket; they arrive as listed, and backwards, which must not matter."""
    forwards = _fold(notifications, rules or Rules(), as_of)
    backwards = _fold(notifications[::-1], rules or Rules(), as_of)
    assert timeline(forwards) == timeline(backwards)
    assert forwards.status_periods == backwards.status_periods
    return forwards


def timeline(history: History) -> list[str]:
    """Each entry in one line: time, title, how many witnesses if several, how we know, flags."""
    return [
        " ".join(
            [
                (entry.at or "")[5:19].replace("T", " "),
                entry.title or "",
                *([f"({entry.witnesses} witnesses)"] if entry.witnesses > 1 else []),
                *(["(inferred)"] if entry.provenance == "inferred" else []),
                *(f"[{flag}]" for flag in json.loads(entry.flags or "[]")),
            ]
        )
        for entry in history.timeline
    ]


def periods(history: History) -> list[tuple[str | None, str, float | None]]:
    """(status, since, seconds) of each status period."""
    return [
        (one.status, (one.started_at or "")[5:19].replace("T", " "), one.seconds)
        for one in history.status_periods
    ]


def _fold(notifications: Sequence[Sent], rules: Rules, as_of: str | None) -> History:
    log = MemoryLog()
    log.append([arrived(one, number) for number, one in enumerate(notifications)])
    views = [view(event, event.body, rules.zone) for event in log.read()]
    unit = units.Unit("ticket", "default", f"default/{TICKET}")
    return units.fold(unit, views, rules, as_of)
