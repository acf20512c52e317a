"""Specifications: kinds of tickets in the provider's catalogue; created, changed, one taken away."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.provider.people import RESELLERS, party
from tests.provider.problems import SPECIFICATIONS
from tests.provider.ticket import API, Fact

CHANGED = "SPEC-1002"
RETIRED = "SPEC-2004"
DELETED = "SPEC-9001"


def specification_facts(start: datetime, now: datetime, chance: Random) -> list[Fact]:
    """What happened to the catalogue between start and now."""
    facts: list[Fact] = []
    for number in SPECIFICATIONS:
        created = start - timedelta(hours=chance.uniform(1, 20))
        launched = created + timedelta(hours=chance.uniform(2, 30))
        facts.append(_fact(created, "Create", _whole(number, created)))
        facts.append(
            _fact(launched, "StatusChange", _part(number, launched, lifecycleStatus="active"))
        )
    span = now - start
    words = "Neu: Paketverlust wird in Prozent mit einer Nachkommastelle erwartet."
    changed, retired, deleted = (start + span * share for share in (0.35, 0.6, 0.8))
    facts.append(
        _fact(
            changed, "AttributeValueChange", _part(CHANGED, changed, description=words, version="2")
        )
    )
    facts.extend(
        _fact(retired, "StatusChange", _part(number, retired, lifecycleStatus="retired"))
        for number in (RETIRED, DELETED)
    )
    facts.append(
        _fact(
            deleted,
            "Delete",
            _reference(DELETED, "TroubleTicketSpecificationRef") | {"version": "1"},
        )
    )
    return facts


def _fact(at: datetime, what: str, body: dict[str, Any]) -> Fact:
    event_type = f"TroubleTicketSpecification{what}Event"
    return Fact(at, event_type, body["id"], {"troubleTicketSpecification": body})


def _reference(number: str, kind: str) -> dict[str, Any]:
    return {"id": number, "href": f"{API}/troubleTicketSpecification/{number}", "@type": kind}


def _part(number: str, at: datetime, **members: Any) -> dict[str, Any]:
    return _reference(number, "TroubleTicketSpecification") | members | {"lastUpdate": _text(at)}


def _whole(number: str, at: datetime) -> dict[str, Any]:
    name, characteristics = SPECIFICATIONS[number]
    return _part(number, at) | {
        "name": name,
        "description": f"Merkmale und Regeln für Tickets der Art {name}.",
        "version": "1",
        "lifecycleStatus": "inTest",
        "creationDate": _text(at),
        "validFor": {"startDateTime": _text(at)},
        "relatedParty": [party("approver", RESELLERS[0], "Organization")],
        "specCharacteristic": [
            {
                "id": str(position),
                "name": member,
                "valueType": "string",
                "configurable": True,
                "minCardinality": 0,
                "maxCardinality": 1,
                "description": f"{member}, wie im Störungsformular",
                "@type": "CharacteristicSpecification",
            }
            for position, member in enumerate(characteristics, start=1)
        ],
    }


def _text(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
