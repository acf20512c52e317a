"""The dictionary that bodies are compressed with: trained on invented bodies, and on those alone.

    python -m tests.provider.dictionary            writes it into store/log/dictionaries/

A dictionary has pieces of what it was trained on, verbatim, for ever. So it is never trained on
what a listener received: an erasure could not reach it. Two kinds of bodies teach it the members'
names, the words of enumerations and the layouts of JSON: the simulated provider's, and for every
event type documents of all members that the models name, filled with chance.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import zstandard

from receiver.app import PREFIXES
from receiver.events import EVENT_TYPES, EventTypes
from receiver.openapi import describe
from tests.provider.history import history

NUMBER = 34_337
"""Zstandard's id of the dictionary; those below 32,768 are for public registries (RFC 8878)."""
SIZE = 112_640
FOLDER = Path(__file__).parents[2] / "store" / "log" / "dictionaries"
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
OF_EACH_TYPE = 400
TICKETS = 500
_STATUSES = (
    "acknowledged", "inProgress", "pending", "held", "resolved", "closed", "cancelled", "rejected",
    "submitted", "done", "terminatedWithError", "active", "Retired", "Launched",
)  # fmt: skip
_WORDS = {
    "status": _STATUSES,
    "state": _STATUSES,
    "severity": ("Critical", "Major", "Minor", "Extensive", "Moderate", "high", "low"),
    "priority": ("1", "2", "3", "4", "Critical", "High", "Medium", "Low"),
    "role": ("customer", "originator", "owner", "reporter", "technician", "member", "user"),
    "ticketType": ("Bills, charges or payment", "serviceFault", "networkFault", "missing supplement"),
    "relationshipType": ("dependent", "causedBy", "duplicates", "parent", "child", "isDependentOn"),
    "channel": ("self service", "Mobile", "Hotline", "web", "email"),
    "valueType": ("string", "number", "boolean", "object", "Date"),
    "mimeType": ("application/pdf", "image/jpeg", "text/plain", "application/json"),
    "attachmentType": ("video", "log", "photo", "document"),
    "@referredType": (
        "Individual", "Organization", "TroubleTicket", "Customer", "Product", "Service",
        "PartyRole", "LogicalResource", "BillingAccount", "CustomerBill", "ServiceOrder",
    ),
    "@baseType": ("Event", "Entity", "Party", "EntityRef", "Characteristic", "TroubleTicket"),
    "@schemaLocation": ("https://example.com/schemas/TroubleTicket.schema.json",),
}  # fmt: skip
_KINDS = {
    "note": ("Note",), "relatedParty": ("RelatedPartyRefOrPartyRoleRef", "RelatedParty"),
    "partyOrPartyRole": ("PartyRef", "PartyRoleRef"), "relatedEntity": ("RelatedEntity",),
    "entity": ("EntityRef",), "externalIdentifier": ("ExternalIdentifier",),
    "statusChangeHistory": ("StatusChange",), "statusChange": ("StatusChange",),
    "attachment": ("Attachment", "AttachmentRefOrValue", "AttachmentRef"),
    "channel": ("ChannelRef",), "validFor": ("TimePeriod",), "size": ("Quantity",),
    "troubleTicketRelationship": ("TroubleTicketRelationship",),
    "troubleTicketSpecification": ("TroubleTicketSpecificationRef", "TroubleTicketSpecification"),
    "troubleTicketCharacteristic": (
        "StringCharacteristic", "NumberCharacteristic", "Characteristic", "BooleanCharacteristic",
    ),
    "source": ("EntityRef", "ReportingResource"),
    "reportingSystem": ("EntityRef", "ReportingResource"),
    "troubleTicketMilestone": ("Milestone",), "milestone": ("Milestone",),
    "troubleTicketJeopardyAlert": ("JeopardyAlert",), "jeopardyAlert": ("JeopardyAlert",),
    "troubleTicket": ("TroubleTicket", "FaultTicket"),
    "cancelTroubleTicket": ("CancelTroubleTicket",),
    "inflightChangeTroubleTicket": ("InflightChangeTroubleTicket",),
}  # fmt: skip


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    trained = zstandard.train_dictionary(SIZE, samples(), level=3, dict_id=NUMBER)
    (FOLDER / f"{NUMBER}.zdict").write_bytes(trained.as_bytes())


def samples(seed: int = 621) -> list[bytes]:
    """Invented bodies; the same seed, the same bytes."""
    chance = Random(seed)
    told = [one.body for one in history(seed=seed, tickets=TICKETS, now=NOW).deliveries]
    found = [
        _laid_out(json.loads(body), chance)
        for body in told
        if body[:1] == b"{" and body[-1:] == b"}"
    ]
    schemas = describe(EventTypes(EVENT_TYPES), PREFIXES)["components"]["schemas"]
    for line in EVENT_TYPES:
        invented = (_Invented(schemas, chance).event(line.name) for _ in range(OF_EACH_TYPE))
        found += [_laid_out(document, chance) for document in invented]
    chance.shuffle(found)
    return found


def _laid_out(document: Any, chance: Random) -> bytes:
    layouts: tuple[dict[str, Any], ...] = (
        {"separators": (",", ":")}, {"separators": (",", ":")}, {}, {"indent": 2}, {"indent": 4},
    )  # fmt: skip
    return json.dumps(document, ensure_ascii=False, **chance.choice(layouts)).encode()


class _Invented:
    """Documents by a JSON schema, filled with chance."""

    def __init__(self, schemas: dict[str, Any], chance: Random) -> None:
        self._schemas = schemas
        self._chance = chance
        self._share = chance.choice((0.3, 0.6, 1.0))

    def event(self, name: str) -> Any:
        found = self._object(self._schemas[name], 0, name)
        return found | {"eventType": name, "@type": name}

    def _value(self, schema: dict[str, Any], depth: int, name: str) -> Any:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        if choices:
            return self._value(self._chance.choice(choices), depth, name)
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth + 1, name)
        if kind == "array":
            return [
                self._value(schema["items"], depth, name)
                for _ in range(self._chance.choice((1, 1, 2)))
            ]
        if kind == "boolean":
            return self._chance.random() < 0.5
        if kind in ("number", "integer"):
            return self._chance.randrange(1_000)
        return self._text(name, schema)

    def _object(self, schema: dict[str, Any], depth: int, name: str) -> dict[str, Any]:
        members = list(schema.get("properties", {}).items())
        if self._chance.random() < 0.7:
            # As nearly all senders do: id and href first, TMF's own members last.
            members.sort(key=lambda one: (one[0][:1] == "@", one[0] not in {"id", "href"}))
        required = schema.get("required", ())
        return {
            member: self._value(inner, depth, member)
            if member != "@type" or not _KINDS.get(name)
            else self._chance.choice(_KINDS[name])
            for member, inner in members
            if member in required or (depth < 5 and self._chance.random() < self._share)
        }

    def _text(self, name: str, schema: dict[str, Any]) -> str:
        if name in _WORDS:
            return self._chance.choice(_WORDS[name])
        if schema.get("format") == "date-time" or name.endswith(("Date", "Time", "date")):
            return self._time()
        if name == "href":
            kind = self._chance.choice(("troubleTicket", "individual", "organization", "service"))
            host = self._chance.choice(("https://host:port", "https://api.example.com"))
            return f"{host}/tmf-api/troubleTicketManagement/v5/{kind}/{self._id()}"
        return self._id() if "id" in name.lower() else f"{self._id()} {self._id()}"

    def _id(self) -> str:
        chance = self._chance
        return chance.choice(
            (
                str(chance.randrange(10**4, 10**6)),
                chance.randbytes(4).hex(),
                chance.randbytes(6).hex(),
            )
        )

    def _time(self) -> str:
        moment = NOW - timedelta(seconds=self._chance.randrange(40_000_000))
        text = moment.isoformat(timespec=self._chance.choice(("seconds", "milliseconds")))[:-6]
        return text + self._chance.choice(("Z", "Z", "+01:00", "+00:00"))


if __name__ == "__main__":
    main()
