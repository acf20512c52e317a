"""The mess around a life: everything that senders do to the set of their notifications."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from store.times import moment
from tests.property import lives
from tests.property.lives import (
    ASKED,
    ATTRIBUTES,
    CANCEL,
    CHANGE,
    CREATE,
    DELETE,
    INFORMATION,
    READ,
    TICKET,
    Life,
    Sent,
    clock,
    sent,
    task,
)

WORDS = ("line dead", "", "again", "Ünïcode 漢字", None, 1, 1.0, True, [], {}, ["a", "b"])


@st.composite
def messes(draw: st.DrawFn, *, ties: bool = True) -> list[Sent]:
    """Every notification of one ticket, its tasks included, in the order they were sent."""
    life = draw(lives.lives())
    return around(life, draw(st.integers(0, 2**20)), ties=ties)


def around(life: Life, seed: int, *, ties: bool = True) -> list[Sent]:
    """The notifications of a life in a mess that `seed` decides. `ties`: several of one kind may
    tell one instant, and some tell no time at all.
    """
    return _Messer(random.Random(seed), ties=ties).around(life)


class _Messer:
    def __init__(self, chance: random.Random, *, ties: bool) -> None:
        self.chance = chance
        self.ties = ties
        self.made = 0

    def around(self, life: Life) -> list[Sent]:
        self.times = sorted({_told_at(one) for one in life.sent})
        self.truth = life.truth
        found = [self._bent(one) for one in life.sent if self.chance.random() < 0.85]
        makers = (
            *(self._attributes, self._attributes, self._notes, self._promise, self._task),
            *(self._information, self._milestone, self._delete, self._late_create, self._thin),
            *(self._specification, self._read, self._asked),
        )
        for _ in range(self.chance.randrange(1, 9)):
            found += self.chance.choice(makers)()
        found = found if self.ties else _without_ties(found)
        return found + [again for one in found for again in self._again(one)]

    def _bent(self, one: Sent) -> Sent:
        """Another shape for the same: in a list, bare, or without the envelope's times."""
        document = one.document
        resource = document["event"]["troubleTicket"]
        match self.chance.randrange(12):
            case 0:
                document["event"]["troubleTicket"] = [resource]
            case 1:
                document["event"] = resource
            case 2 if "statusChangeDate" in resource and self.ties:
                del document["eventTime"]
                document.pop("timeOccurred", None)
            case 3 if "timeOccurred" in document:
                document["timeOcurred"] = document.pop("timeOccurred")
            case 4:
                document["timeOccurred"] = None
            case _:
                return one
        return one.saying(document)

    def _again(self, one: Sent) -> list[Sent]:
        """It may be told under another id, or its id used for something else."""
        document = one.document
        match self.chance.randrange(12):
            case 0:
                self.made += 1
                document |= {"eventId": f"alias{self.made}", "correlationId": f"c{self.made}"}
                if document.get("timeOccurred"):
                    later = moment(document["timeOccurred"]) + timedelta(seconds=self.made)
                    document["eventTime"] = clock(later)
                return [replace(one.saying(document), event_id=document["eventId"])]
            case 1 if self.ties:
                document["description"] = f"conflict {self.chance.randrange(3)}"
                return [one.saying(document)]
            case 2:
                return [self._post(ATTRIBUTES, {"priority": "7"}, event_id=one.event_id)]
            case _:
                return []

    def _time(self) -> str:
        if self.ties and self.chance.random() < 0.4:
            return self.chance.choice(self.times)
        self.made += 1
        # Never the same instant twice, and never one that a life uses.
        first = moment(self.times[0]) - timedelta(hours=1)
        return clock(first + timedelta(seconds=self.chance.randrange(600_000) + self.made / 1000))

    def _post(self, kind: str, members: dict[str, Any], **envelope: Any) -> Sent:
        self.made += 1
        event_id = envelope.pop("event_id", None) or f"m{self.made}"
        at = envelope.pop("at", None) or self._time()
        named = {"timeOccurred": at} if self.chance.random() < 0.5 else {}
        one = sent(kind, event_id, members, eventTime=at, **named, **envelope)
        if self.ties and self.chance.random() < 0.1:
            document = one.document
            del document["eventTime"]
            document.pop("timeOccurred", None)
            one = replace(one.saying(document), received_at=at)
        return one

    def _attributes(self) -> list[Sent]:
        members = {
            name: self.chance.choice(WORDS)
            for name in self.chance.sample(["description", "name", "priority", "channel"], 2)
        }
        if self.chance.random() < 0.5:
            members["relatedParty"] = [
                {"role": "buyer", "id": str(number), "name": self.chance.choice("ab")}
                for number in self.chance.sample(range(4), self.chance.randrange(4))
            ]
        if self.chance.random() < 0.3:
            members["attachment"] = [{"name": self.chance.choice("xyz")}]
        return [self._post(ATTRIBUTES, members)]

    def _read(self) -> list[Sent]:
        """What the provider answered when we asked: all of it, part of it, or that it is gone."""
        at = self._time()
        if self.chance.random() < 0.2:
            one = sent(READ, "", {}, timeOccurred=at)
            one = one.saying({**one.document, "gone": 404})
        else:
            one = sent(READ, "", self._answer(at), timeOccurred=at)
            if self.chance.random() < 0.6:
                one = one.saying({**one.document, "complete": True})
        self.made += 1
        return [replace(one, event_id=f"r{self.made}")]

    def _answer(self, at: str) -> dict[str, Any]:
        known = [(status, since) for status, since in self.truth if since <= at]
        members: dict[str, Any] = {"severity": self.chance.choice("123"), "lastUpdate": at}
        if self.chance.random() < 0.5:
            members["note"] = [{"id": "n9", "author": "NOC", "text": "read"}]
        if known:
            past = [{"status": status, "statusChangeDate": since} for status, since in known]
            members |= {**past[-1], "statusChangeHistory": past}
        return members

    def _asked(self) -> list[Sent]:
        """What we asked the provider for: it never changes what is."""
        members = {"severity": "9", "status": "cancelled", "note": [{"author": "us", "text": "?"}]}
        return [self._post(ASKED, members)]

    def _notes(self) -> list[Sent]:
        notes = [
            {"author": "NOC", "text": self.chance.choice(["no change", "cable cut"])}
            | self.chance.choice([{}, {"id": "n1"}, {"date": self._time()}])
            for _ in range(self.chance.randrange(1, 3))
        ]
        return [self._post(ATTRIBUTES, {"note": notes})]

    def _promise(self) -> list[Sent]:
        return [
            self._post(ATTRIBUTES, {"expectedResolutionDate": self.chance.choice(self.times)})
            for _ in range(self.chance.randrange(1, 4))
        ]

    def _task(self) -> list[Sent]:
        kind = self.chance.choice([CANCEL, CHANGE])
        task_id = self.chance.choice(["7", "8"])
        found: list[Sent] = []
        for state in ("acknowledged", "inProgress", self.chance.choice(["done", "rejected"])):
            self.made += 1
            members: dict[str, Any] = {"id": task_id, "state": state}
            # Some name no ticket, and some another one: it belongs to the first by name.
            named = self.chance.choice([TICKET] * 4 + [None, None, "T-2"])
            members["troubleTicket"] = named and {"id": named}
            found.append(task(kind, f"t{self.made}", members, self._time()))
        return found

    def _specification(self) -> list[Sent]:
        if not self.ties:
            return []
        kind = f"TroubleTicketSpecification{self.chance.choice(['Create', 'StatusChange'])}Event"
        one = self._post(kind, {"lifecycleStatus": self.chance.choice(["active", "retired"])})
        document = one.document
        document["event"] = {"troubleTicketSpecification": document["event"]["troubleTicket"]}
        return [replace(one.saying(document), ticket_id=None)]

    def _information(self) -> list[Sent]:
        one = self._post(INFORMATION, {})
        document = one.document
        document["event"]["informationRequired"] = {"op": "add", "path": "/attachment"}
        return [one.saying(document)]

    def _milestone(self) -> list[Sent]:
        kind = self.chance.choice(["Milestone", "JeopardyAlert"])
        member = f"troubleTicket{kind}"
        told = {"id": self.chance.choice("12"), "name": self.chance.choice(["a", "b"])}
        return [self._post(f"TroubleTicket{kind}Event", {member: [told]})]

    def _delete(self) -> list[Sent]:
        return [self._post(DELETE, {})]

    def _late_create(self) -> list[Sent]:
        return [self._post(CREATE, {"creationDate": self.times[0], "name": "created late"})]

    def _thin(self) -> list[Sent]:
        kind = self.chance.choice([ATTRIBUTES, lives.STATUS_CHANGE])
        return [self._post(kind, {})]


def _told_at(one: Sent) -> str:
    return json.loads(one.body)["eventTime"]


def _without_ties(sent: list[Sent]) -> list[Sent]:
    """The first of each kind in each instant."""
    first: dict[tuple[str, str], Sent] = {}
    for one in sent:
        first.setdefault((one.event_type, _happened_at(one)), one)
    return list(first.values())


def _happened_at(one: Sent) -> str:
    document = one.document
    return document.get("timeOccurred") or document.get("timeOcurred") or document["eventTime"]
