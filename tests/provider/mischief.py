"""What goes wrong on the way: lost, odd, twice, late, contradicting, broken."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.provider.envelope import PREFIX, Delivery, Notification, encode, identifier, to_bytes

LOST, ODD, TWICE, LATE, CONFLICTS, ALIASES, BROKEN = 0.012, 0.03, 0.02, 0.04, 0.0012, 0.0016, 0.005
"""How often, as a share of all notifications."""


def deliveries(told: list[Notification], now: datetime, chance: Random) -> list[Delivery]:
    """Everything that is posted until `now`, in the order of posting."""
    posted: list[Delivery] = []
    for notification in lost(told, chance):
        posted.extend(posts(notification, chance))
    posted = [replace(one, at=min(one.at, now)) for one in posted]
    return sorted(posted, key=lambda one: one.at)


def posts(notification: Notification, chance: Random) -> Iterator[Delivery]:
    """One notification as it goes out: usually one POST, rarely more, or odd ones."""
    odd = chance.random() < ODD and oddly(notification, chance)
    delivery = to_bytes(odd or notification, "drift" if odd else "")
    if chance.random() < LATE:
        minutes = chance.choice((3, 12, 45, 180, 540)) * chance.uniform(0.7, 1.3)
        delivery = replace(delivery, at=delivery.at + timedelta(minutes=minutes), note="late")
    yield delivery
    if chance.random() < TWICE:
        yield replace(delivery, at=delivery.at + _soon(chance), note="duplicate")
    if chance.random() < CONFLICTS:
        yield _contradicting(delivery, chance)
    if chance.random() < ALIASES:
        yield _alias(delivery, chance)
    if chance.random() < BROKEN:
        broken = chance.choice(WAYS_TO_BREAK)(notification.body)
        yield replace(delivery, at=delivery.at - timedelta(seconds=1), body=broken, note="invalid")


def lost(told: Iterable[Notification], chance: Random) -> Iterator[Notification]:
    """Leave out a few changes of status which a later one proves, so that a gap can be found."""
    told = list(told)
    last: dict[str, int] = {}
    for number, one in enumerate(told):
        if one.fact.event_type == "TroubleTicketStatusChangeEvent":
            last[one.fact.about] = number
    for number, one in enumerate(told):
        status_change = one.fact.event_type == "TroubleTicketStatusChangeEvent"
        resolved = status_change and one.body["event"]["troubleTicket"]["status"] == "resolved"
        proven = status_change and not resolved and number < last[one.fact.about]
        if not (proven and chance.random() < LOST * 3):
            yield one


def oddly(notification: Notification, chance: Random) -> Notification | None:
    """The same, said in a way that the specification does not know; None when that way does not fit."""
    return chance.choice(ODDITIES)(notification)


def _soon(chance: Random) -> timedelta:
    return timedelta(seconds=chance.choice((2, 8, 30, 300, 7_200)) * chance.uniform(0.8, 1.3))


def _contradicting(delivery: Delivery, chance: Random) -> Delivery:
    body = json.loads(delivery.body)
    body["description"] += " (korrigiert)"
    body["priority"] = "1" if body.get("priority") != "1" else "2"
    return replace(delivery, at=delivery.at + _soon(chance), body=encode(body), note="conflict")


def _alias(delivery: Delivery, chance: Random) -> Delivery:
    body = json.loads(delivery.body) | {"eventId": identifier(chance)}
    return replace(delivery, at=delivery.at + _soon(chance), body=encode(body), note="alias")


def _misspelt(one: Notification) -> Notification:
    body = {
        ("timeOcurred" if name == "timeOccurred" else name): value
        for name, value in one.body.items()
    }
    return replace(one, body=body)


def _without_event_time(one: Notification) -> Notification:
    return replace(
        one, body={name: value for name, value in one.body.items() if name != "eventTime"}
    )


def _without_zone(one: Notification) -> Notification:
    return replace(one, body=one.body | {"eventTime": one.body["eventTime"].removesuffix("Z")})


def _number_for_text(one: Notification) -> Notification:
    return replace(one, body=one.body | {"priority": int(one.body["priority"])})


def _lower_case_type(one: Notification) -> Notification:
    name = one.body["eventType"]
    return replace(one, body=one.body | {"eventType": name[0].lower() + name[1:]})


def _as_in_version_4(one: Notification) -> Notification | None:
    """v4 says statusChange, changeDate and changeReason, and posts to …StateChangeEvent."""
    ticket = one.body["event"].get("troubleTicket")
    if one.fact.event_type != "TroubleTicketStatusChangeEvent" or ticket is None:
        return None
    old = dict(ticket)
    old["statusChange"] = [
        {
            "changeDate": change["statusChangeDate"],
            "changeReason": change["statusChangeReason"],
            "status": change["status"],
        }
        for change in old.pop("statusChangeHistory")
    ]
    body = one.body | {"event": {"troubleTicket": old}}
    return replace(one, body=body, path=f"{PREFIX}troubleTicketStateChangeEvent")


def _capital_status(one: Notification) -> Notification | None:
    ticket = one.body["event"].get("troubleTicket", {})
    if "status" not in ticket:
        return None
    status = ticket["status"][0].upper() + ticket["status"][1:]
    return replace(
        one,
        body=one.body
        | {"event": one.body["event"] | {"troubleTicket": ticket | {"status": status}}},
    )


ODDITIES: tuple[Callable[[Notification], Notification | None], ...] = (
    _misspelt, _misspelt, _without_event_time, _without_zone, _number_for_text, _lower_case_type,
    _as_in_version_4, _as_in_version_4, _capital_status,
)  # fmt: skip


def _cut_off(body: dict[str, Any]) -> bytes:
    whole = encode(body)
    return whole[: len(whole) * 2 // 3]


def _error_page(_body: dict[str, Any]) -> bytes:
    return b"<html><head><title>502 Bad Gateway</title></head><body>upstream prematurely closed</body></html>"


def _nothing(_body: dict[str, Any]) -> bytes:
    return b""


def _without_id(body: dict[str, Any]) -> bytes:
    payload = {
        member: {name: value for name, value in part.items() if name not in {"id", "href"}}
        for member, part in body["event"].items()
    }
    return encode(body | {"event": payload})


def _id_of_wrong_type(body: dict[str, Any]) -> bytes:
    payload = {
        member: part | {"id": {"value": part.get("id")}} for member, part in body["event"].items()
    }
    return encode(body | {"event": payload})


def _text_for_payload(body: dict[str, Any]) -> bytes:
    return encode(body | {"event": json.dumps(body["event"], ensure_ascii=False)})


WAYS_TO_BREAK: tuple[Callable[[dict[str, Any]], bytes], ...] = (
    _cut_off, _error_page, _nothing, _without_id, _id_of_wrong_type, _text_for_payload,
)  # fmt: skip
