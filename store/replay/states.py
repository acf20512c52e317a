"""States: one synthetic event for each ticket, with all that is known of it, for a new consumer.

    TroubleTicketCreateEvent, eventId `state:<ticket>:<digest of the state>`, payload the whole ticket

It stands at the position of the ticket's first event, which never changes, so a job over states
goes on as any other. The same state has the same id: given twice, it is the same event. Tickets
that were deleted have none.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from store.events import RecordedEvent
from store.history import follower, tables
from store.history.asking import HISTORY_FILE, UnknownTicket, ticket_history
from store.history.fold import History
from store.history.rules import RuleBook
from store.log import rows
from store.log.protocol import LogError
from store.log.reader import SqliteReader
from store.log.sqlite import LOG_FILE
from store.replay.selection import Row, Selection

EVENT_TYPE = "TroubleTicketCreateEvent"
PATH = "/listener/troubleTicketCreateEvent"
PAGE = 100

_TICKETS = """
SELECT ticket, source, min(position) FROM events
WHERE ticket IS NOT NULL AND position <= ? GROUP BY ticket ORDER BY 3
"""


class NotFolded(LogError):
    """There is no history to take states from."""

    hint = "`listener follow` (part of `listener serve`) or `listener rebuild` folds it."


def folded(directory: Path) -> int:
    """The position up to which history.db is folded. Raises NotFolded."""
    with closing(_history(directory)) as history:
        return follower.checkpoint(history, "events")


class States:
    """An Origin: the state of every selected ticket, as known at the selection's end.

    `received_until` of the selection is the moment whose state is meant. Raises NotFolded.
    """

    def __init__(self, directory: Path, selection: Selection, rules: RuleBook) -> None:
        self._directory = directory
        self._rules = rules
        self._as_of = selection.received_until
        self._reader = SqliteReader(directory / LOG_FILE)
        until = self._reader.head() if selection.until is None else selection.until
        last = self._reader.event(until)
        self._known_at = last.received_at if last else None
        with closing(_history(directory)) as history:
            found = history.execute(_TICKETS, (until,)).fetchall()
        self._tickets = {
            position: (ticket.removeprefix(f"{source}/"), source)
            for ticket, source, position in found
            if not selection.sources or source in selection.sources
            if not selection.tickets or ticket.removeprefix(f"{source}/") in selection.tickets
        }

    def close(self) -> None:
        self._reader.close()

    def count(self, after: int = 0) -> int:
        """How many tickets are selected, those that were deleted or unknown then included."""
        return sum(position > after for position in self._tickets)

    def pages(self, after: int = 0) -> Iterator[tuple[list[Row], int]]:
        """Page by page, by the position of the tickets' first events."""
        left = [position for position in self._tickets if position > after]
        for begin in range(0, len(left), PAGE):
            part = left[begin : begin + PAGE]
            yield self.rows(part), part[-1]

    def rows(self, positions: Sequence[int]) -> list[Row]:
        """The events at these positions."""
        found = (self._event(position) for position in positions)
        return [rows.read_row(event) for event in found if event]

    def _event(self, position: int) -> RecordedEvent | None:
        number, source = self._tickets[position]
        try:
            history = ticket_history(
                self._directory,
                self._reader,
                number,
                self._rules,
                source=source,
                as_of=self._as_of,
                known_at=self._known_at,
            )
        except UnknownTicket:
            return None
        if not history.tickets or history.tickets[0].deleted_at:
            return None
        return _synthetic(history, number, source, position, self._as_of)


def _synthetic(
    history: History, number: str, source: str, position: int, as_of: str | None
) -> RecordedEvent:
    ticket = history.tickets[0]
    state = history.states[0].state or "{}"
    at = as_of or ticket.last_event_at or ticket.last_received_at or ""
    event_id = f"state:{number}:{hashlib.sha256(state.encode()).hexdigest()[:16]}"
    body = msgspec.json.encode(
        {
            "@type": EVENT_TYPE,
            "eventType": EVENT_TYPE,
            "eventId": event_id,
            "eventTime": at,
            "description": "The ticket's state, put together from its events by the listener.",
            "event": {"troubleTicket": _whole(state, number)},
        }
    )
    return RecordedEvent(
        source=source,
        event_type=EVENT_TYPE,
        event_id=event_id,
        resource_type="TroubleTicket",
        resource_id=number,
        ticket_id=number,
        occurred_at=at,
        event_time=at,
        received_at=ticket.last_received_at or at,
        path=PATH,
        headers=(("content-type", "application/json"),),
        drift=(),
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
        position=position,
        conflict_of=None,
        chain=bytes(32).hex(),
    )


def _whole(state: str, number: str) -> dict[str, object]:
    return {"@type": "TroubleTicket", "id": number, **json.loads(state)}


def _history(directory: Path) -> sqlite3.Connection:
    path = directory / HISTORY_FILE
    if path.exists():
        history = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        if follower.version(history) == tables.VERSION:
            return history
        history.close()
    raise NotFolded(f"{path} is missing, or of another version.")
