"""Bodies to send: the simulated provider's events, each filled up with notes to a given size.

No two are alike: every body sent has an event id and a ticket of its own, and each template its own
notes, numbers and times. So neither a cache nor a dictionary is fed with repetitions.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple

from tests.provider import words
from tests.provider.history import history
from tests.provider.people import FIRST_NAMES, LAST_NAMES

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
EVENTS_OF_A_TICKET = 12
EVENT_ID = b"@event-identifier@"
TICKET_ID = b"@ticket@"
MIX = "mix"
"""1 to 7 KB, 3 KB on average: what real providers send."""
_KINDS = ("Create", "AttributeValueChange", "StatusChange", "Resolved")
_SAYINGS = [text for _, text in (*words.ACCEPTED, *words.STARTED, *words.HOLDS, *words.CLOSED)]


class Template(NamedTuple):
    """A body but for its ids."""

    path: str
    event_type: str
    parts: tuple[bytes, ...]
    """Between them stands the event's id or the ticket's, as `ids` says."""
    ids: tuple[bool, ...]
    """True: the event's."""

    def body(self, number: int, run: str) -> bytes:
        """The same for the same number and run, and for no other."""
        event_id = b"%s-%012d" % (run.encode(), number)
        ticket_id = b"T%s-%09d" % (run.encode(), number // EVENTS_OF_A_TICKET)
        pieces = [self.parts[0]]
        for is_event, part in zip(self.ids, self.parts[1:], strict=True):
            pieces += (event_id if is_event else ticket_id, part)
        return b"".join(pieces)


@cache
def templates(size: str, count: int = 300, seed: int = 7) -> tuple[Template, ...]:
    """Templates of `size` bytes (`1000`, `20000`) or the `mix`."""
    chance = Random(f"{seed}/{size}")
    told = [
        one
        for one in history(seed=seed, tickets=200, now=NOW).deliveries
        if not one.note and one.event_type.removeprefix("TroubleTicket")[:-5] in _KINDS
    ]
    return tuple(
        _template(chance.choice(told), _wanted(size, chance), chance) for _ in range(count)
    )


def _wanted(size: str, chance: Random) -> int:
    return int(chance.triangular(1_000, 7_000, 1_000)) if size == MIX else int(size)


def _template(delivery: Any, size: int, chance: Random) -> Template:
    document = json.loads(delivery.body)
    ticket = document["event"]["troubleTicket"]
    about = ticket["id"]
    document["eventId"] = EVENT_ID.decode()
    if size < len(delivery.body):
        wanted = ("@type", "id", "status", "statusChangeDate", "severity", "name", "lastUpdate")
        document["event"]["troubleTicket"] = ticket = {
            name: ticket[name] for name in wanted if name in ticket
        }
    layout = _layout(chance)
    room = size - len(_written(document, about, layout))
    if room > 150:
        notes = ticket.setdefault("note", [])
        while room > 150:
            notes.append(_note(chance, room))
            room = size - len(_written(document, about, layout))
    return _split(delivery.path, delivery.event_type, _written(document, about, layout))


def _layout(chance: Random) -> dict[str, Any]:
    """As different senders write JSON."""
    return {
        "ensure_ascii": chance.random() < 0.3,
        **chance.choice(
            [
                {"separators": (",", ":")},
                {"separators": (",", ":")},
                {},
                {"indent": 1},
                {"indent": 2},
            ]
        ),
    }


def _written(document: Any, about: str, layout: dict[str, Any]) -> bytes:
    text = json.dumps(document, **layout).encode()
    return text.replace(about.encode(), TICKET_ID)


def _note(chance: Random, room: int) -> dict[str, str]:
    at = NOW - timedelta(seconds=chance.randrange(3_000_000))
    text = ""
    while len(text) < min(room - 120, 400):
        text += (
            f"{chance.choice(_SAYINGS)}, {chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}, "
            f"0{chance.randrange(10**9)}. {chance.randbytes(chance.randrange(3, 9)).hex()} "
        )
    return {
        "id": f"NOTE-{chance.randrange(10**6)}",
        "author": f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}",
        "date": at.isoformat(timespec="milliseconds"),
        "text": text.strip(),
        "@type": "Note",
    }


def _split(path: str, event_type: str, body: bytes) -> Template:
    parts: list[bytes] = []
    ids: list[bool] = []
    for number, piece in enumerate(body.split(EVENT_ID)):
        for place, part in enumerate(piece.split(TICKET_ID)):
            if parts:
                ids.append(number > 0 and place == 0)
            parts.append(part)
    return Template(path, event_type, tuple(parts), tuple(ids))
