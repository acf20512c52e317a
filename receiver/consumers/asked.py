"""What a consumer asks for: the query of /events and its headers, read strictly.

A parameter that is not known, or cannot be read, is refused and named; none is ever ignored.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from receiver.events import EventTypes
from receiver.rejections import InvalidParameter, NotAcceptable
from store import Condition

JSON, NDJSON = b"application/json", b"application/x-ndjson"
STREAM = b"text/event-stream"

CONSUMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
MOST_POSITION = 2**63 - 1

_COLUMNS = {"type": "event_type", "ticket": "ticket_id", "source": "source"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which events, from where on, how many."""

    condition: Condition
    after: int | None
    consumer: str | None
    """Whose checkpoint says from where on."""
    limit: int
    wait: float


def asked(
    query: bytes, types: EventTypes, *, most: int, longest_wait: int, may: Collection[str]
) -> Asked:
    """Read a query string, of which only the parameters in `may` are known here.

    type, ticket, source: several, by comma or repeated, mean any of them. Raises InvalidParameter.
    """
    given = parameters(query, may)
    after, consumer = _single(given, "after"), _single(given, "consumer")
    if after is not None and consumer is not None:
        raise InvalidParameter("consumer", "not together with after")
    if consumer is not None:
        check_consumer(consumer)
    wait = number(_single(given, "wait"), "wait", 0, longest_wait)
    limit = number(_single(given, "limit"), "limit", 1, most)
    return Asked(
        condition=_condition(given, types),
        after=number(after, "after", 0, MOST_POSITION),
        consumer=consumer,
        limit=most if limit is None else limit,
        wait=wait or 0,
    )


def parameters(query: bytes, may: Collection[str]) -> dict[str, list[str]]:
    """A query string by names. Raises InvalidParameter for a name that is not in `may`."""
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise InvalidParameter("query", "a query string in UTF-8") from None
    for name, value in pairs:
        if name not in may:
            raise InvalidParameter(name[:64], f"one of {', '.join(sorted(may))}, or nothing")
        found.setdefault(name, []).append(value)
    return found


def check_consumer(name: str) -> None:
    """Raise InvalidParameter for what is no consumer's name."""
    if not CONSUMER.fullmatch(name):
        raise InvalidParameter("consumer", "up to 64 letters, digits, dots, dashes, underscores")


def number(text: str | None, name: str, least: int, most: int) -> int | None:
    """A whole number within its bounds. Raises InvalidParameter."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_POSITION))):
        raise InvalidParameter(name, f"a whole number from {least} to {most}")
    value = int(text)
    if not least <= value <= most:
        raise InvalidParameter(name, f"a whole number from {least} to {most}")
    return value


def media_type(headers: Mapping[bytes, bytes], offered: Sequence[bytes]) -> bytes:
    """What of the offered the consumer likes best; the first where it does not say (RFC 9110, 12.5.1).

    Raises NotAcceptable.
    """
    accept = headers.get(b"accept", b"").strip()
    if not accept:
        return offered[0]
    liked = {kind: _liking(accept, kind) for kind in offered}
    best = max(offered, key=lambda kind: liked[kind])
    if liked[best] <= 0:
        told = b" or ".join(offered).decode()
        raise NotAcceptable(f"Offered: {told}.")
    return best


def _liking(accept: bytes, kind: bytes) -> float:
    """The weight of a media type: that of the range which names it most exactly."""
    named = {kind: 3, kind.partition(b"/")[0] + b"/*": 2, b"*/*": 1}
    best, weight = 0, 0.0
    for one in accept.lower().split(b","):
        media_range, *parts = [part.strip() for part in one.split(b";")]
        exact = named.get(media_range, 0)
        if exact > best:
            best, weight = exact, _weight(parts)
    return weight


def _weight(parts: Sequence[bytes]) -> float:
    for part in parts:
        if part.startswith(b"q="):
            try:
                return float(part[2:])
            except ValueError:
                return 0.0
    return 1.0


def _single(given: Mapping[str, list[str]], name: str) -> str | None:
    values = given.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise InvalidParameter(name, "only once")
    return values[0]


def _condition(given: Mapping[str, list[str]], types: EventTypes) -> Condition:
    parts: list[str] = []
    values: list[object] = []
    for name, column in _COLUMNS.items():
        told = [one for text in given.get(name, ()) for one in text.split(",")]
        if not told:
            continue
        if "" in told:
            raise InvalidParameter(name, "a value")
        wanted = [_event_type(one, types) for one in told] if name == "type" else told
        parts.append(f"{column} IN ({', '.join('?' * len(wanted))})")
        values += wanted
    return Condition(" AND ".join(parts), tuple(values))


def _event_type(text: str, types: EventTypes) -> str:
    line = types.called(text)
    if line is None:
        raise InvalidParameter("type", "an event type, as TroubleTicketCreateEvent")
    return line.name
