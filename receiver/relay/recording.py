"""Recording: what was asked and answered becomes an event of the log, and is found there again."""

import json
from typing import Any, cast

import msgspec

from receiver.relay.kinds import KINDS, Kind
from store import NewEvent
from store.asked.ledger import UNKNOWN, Entry
from store.dialects import Dialect, resource_read
from store.own_events import requested
from store.payload import id_text, ticket_id_of


def kind_of(entry: Entry) -> Kind:
    """What was asked for."""
    named = entry.question.resource_type
    return next(one for one in KINDS.values() if one.resource_type == named)


FIT = Dialect()


def event_of(entry: Entry, dialect: Dialect = FIT) -> NewEvent:
    """The event that says what was asked, in the provider's words, and what was answered, if it was."""
    question, given = entry.question, entry.given
    answer = given.body if given else b""
    made = _object(answer) if given and given.status < 300 else {}  # noqa: PLR2004 - RFC 9110, 15.3
    given_id = id_text(resource_read(made, dialect.speech).get("id"))
    kind = question.resource_type
    about = ticket_id_of(kind, resource_read(_object(question.body), dialect.speech))
    paths = dialect.provider
    member = kind_of(entry).member
    is_ticket = kind == "TroubleTicket"
    key = f"{question.owner}\n{question.key}"
    return requested(
        source=question.source,
        resource_type=kind,
        request=question.body,
        path=paths.path(member) or paths.path(member, about) or f"/{member}",
        asked_at=question.asked_at,
        by=question.owner,
        status=given.status if given else None,
        answer=answer,
        ticket_id=given_id if is_ticket else about,
        resource_id=given_id,
        # The same request may be answered later: two events, of which neither contradicts the other.
        key=f"{key}\n{UNKNOWN} {question.asked_at}" if given is None else key,
    )


def reads_as_json(answer: bytes) -> bool:
    """Whether the event has an answer as it came; what is no JSON it has as text."""
    try:
        msgspec.json.decode(answer)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def answer_in(body: bytes, entry: Entry) -> bytes:
    """The provider's answer, out of the event that `event_of` made of this entry; empty out of one
    that was erased, or is another's (where a backup of the log is older than asked.db).

    JSON comes out as it came, but for blanks around it; what was none as text in UTF-8.
    """
    try:
        said = msgspec.json.decode(body, type=_Envelope)
    except msgspec.MsgspecError:
        return b""
    if (said.event_time, said.requested.by) != (entry.question.asked_at, entry.question.owner):
        return b""
    raw = bytes(said.requested.answer)
    if entry.given is None or entry.given.is_json:
        return raw
    return msgspec.json.decode(raw, type=str).encode()


class _Said(msgspec.Struct):
    by: str
    answer: msgspec.Raw = msgspec.Raw(b"")


class _Envelope(msgspec.Struct, rename="camel"):
    requested: _Said
    event_time: str


def _object(told: bytes) -> dict[str, Any]:
    try:
        found = json.loads(told)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
