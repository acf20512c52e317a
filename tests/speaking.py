"""The same event as a sender of each dialect posts it. Written from the standards, not from our files."""

import copy
import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
FIT = "/tmf-api/troubleTicketManagement/v5"
SENDER = "https://carrier.example/events ü"
"""A CloudEvents source; what is no ASCII shows that headers are decoded."""


@dataclass(frozen=True)
class Post:
    """A request."""

    path: str
    document: Json
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return json.dumps(self.document, ensure_ascii=False).encode()

    @property
    def sent(self) -> dict[str, str]:
        return {"content-type": "application/json", **self.headers}


def fit_v1(event: Json, chance: random.Random) -> Post:
    return Post(f"{FIT}/listener/{_path(event)}", event)


def tmf621_v5(event: Json, chance: random.Random) -> Post:
    return Post(f"/tmf-api/troubleTicket/v5/listener/{_path(event)}", event)


def tmf621_v4(event: Json, chance: random.Random) -> Post:
    """No @type around it, timeOcurred, flat references, statusChange, externalId, fieldPath."""
    told = _without(event, "@type")
    if "timeOccurred" in told:
        told["timeOcurred"] = told.pop("timeOccurred")
    asked = told["event"].pop("informationRequired", None)
    if asked:
        told["fieldPath"] = asked["path"]
    told["event"]["troubleTicket"] = v4_ticket(told["event"]["troubleTicket"])
    return Post(f"/tmf-api/troubleTicket/v4/listener/{_path(event)}", told)


def v4_ticket(ticket: Json) -> Json:
    """A ticket of v5 as v4 has it."""
    told = copy.deepcopy(ticket)
    if "statusChangeHistory" in told:
        told["statusChange"] = [
            {
                {"statusChangeDate": "changeDate", "statusChangeReason": "changeReason"}.get(
                    name, name
                ): value
                for name, value in change.items()
            }
            for change in told.pop("statusChangeHistory")
        ]
    for name in ("externalIdentifier",):
        for one in told.pop(name, ()):
            told["externalId"] = one["id"]
    for name, inner in (("relatedParty", "partyOrPartyRole"), ("relatedEntity", "entity")):
        if name in told:
            told[name] = [{**_without(one, inner), **one[inner]} for one in told[name]]
    return told


def tmf621_v4_state(event: Json, chance: random.Random) -> Post:
    told = tmf621_v4(event, chance)
    kind = told.document["eventType"].replace("StatusChange", "StateChange")
    return Post(
        told.path.replace("StatusChange", "StateChange"), {**told.document, "eventType": kind}
    )


def tmf688(event: Json, chance: random.Random) -> Post:
    """The Event itself, or a notification of it; in it the payload, or what TMF621 would have sent."""
    told = {**_without(event, "@type"), "@type": "Event", "domain": "assurance"}
    told.pop("domain")
    if "timeOccurred" in told:
        told["timeOcurred"] = told.pop("timeOccurred")
    if chance.random() < 0.3 and len(told["event"]) == 1:
        told["event"] = told["event"]["troubleTicket"]
    outer = {"eventId": f"n{chance.random()}", "eventType": "EventCreateEvent", "@type": "Event"}
    match chance.randrange(4):
        case 0:
            return Post("/tmf-api/event/v4/listener", told)
        case 1:
            return Post("/tmf-api/event/v4/listener/eventNotification", {**outer, "event": told})
        case 2:
            nested = {**outer, "event": {"event": told}}
            return Post("/tmf-api/event/v4/listener/eventCreateEvent", nested)
        case _:
            inner = {"event": event["event"], "eventType": event["eventType"]}
            return Post("/listener", {**told, "event": inner})


def cloudevents(event: Json, chance: random.Random) -> Post:
    """Structured or binary; `data` is the event, its payload or the ticket alone."""
    payload = event["event"]
    forms = [_without(event, "eventId")]
    if "timeOccurred" not in event:
        forms.append(payload)
        if len(payload) == 1:
            forms.append(payload["troubleTicket"])
    data = chance.choice(forms)
    attributes = {
        "specversion": "1.0",
        "id": event["eventId"],
        "source": SENDER.replace(" ", "/"),
        "type": f"example.carrier.{event['eventType']}",
        "time": event["eventTime"],
        "subject": payload["troubleTicket"]["id"],
    }
    path = "/listener" if chance.random() < 0.5 else f"{FIT}/listener/{_path(event)}"
    if chance.random() < 0.5:
        headers = {f"ce-{name}": quote(value, safe=":/.") for name, value in attributes.items()}
        return Post(path, data, headers)
    kind = {"content-type": "application/cloudevents+json; charset=utf-8"}
    return Post(path, {**attributes, "data": data}, kind)


def mef_sonata(event: Json, chance: random.Random) -> Post:
    """Which ticket, and nothing of it; there is no creation and no deletion."""
    told = {name: event[name] for name in ("eventId", "eventTime")}
    kind = _path(event)
    ticket = {"id": event["event"]["troubleTicket"]["id"], "sellerId": "seller-1"}
    told |= {"eventType": kind, "event": ticket}
    path = f"/mefApi/sonata/troubleTicketNotification/v4/listener/{kind}"
    return Post(path, told, {"content-type": "application/json;charset=utf-8"})


WHOLE = {
    "fit-v1": fit_v1,
    "tmf621-v5": tmf621_v5,
    "tmf621-v4": tmf621_v4,
    "tmf621-v4-state": tmf621_v4_state,
    "tmf688": tmf688,
    "cloudevents": cloudevents,
}
"""Those that tell a whole life."""


def _path(event: Json) -> str:
    name = event["eventType"]
    return name[0].lower() + name[1:]


def _without(members: Json, *names: str) -> Json:
    told = copy.deepcopy(members)
    for name in names:
        told.pop(name, None)
    return told
