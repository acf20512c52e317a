"""Events with a word in every member that may name a person, and people who look for it."""

import json
from datetime import datetime, timedelta

from config.hashed import scrypt_of, sha256_of
from store import NewEvent, Refused
from tests.browser import sample_history

PROBE = "Quasten"
SECRET = f"{PROBE}flosser"
REST = SECRET.removeprefix(PROBE)
"""What an answer must not contain even where it repeats a question for PROBE."""
PASSWORD = "correct horse battery staple"
TOKENS = {"analyst": "token-of-anna", "power": "token-of-paul"}
PEOPLE = f"""
[people.anna]
role = "analyst"
passwords = ["{scrypt_of(PASSWORD)}"]
tokens = ["{sha256_of(TOKENS["analyst"])}"]
[people.paul]
role = "power"
passwords = ["{scrypt_of(PASSWORD)}"]
tokens = ["{sha256_of(TOKENS["power"])}"]
"""


def bearer(role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {TOKENS[role]}"}


def resource(now: datetime) -> dict:
    """A ticket that names somebody wherever a ticket can, and nobody where analysts may read."""
    person = {"@type": "PartyRef", "id": "IND-1", "name": SECRET, "@referredType": "Individual"}
    team = {"@type": "PartyRef", "id": "T-1", "name": "Team Nord", "@referredType": "Organization"}
    site = {"id": "SITE-1", "name": f"{SECRET}weg 1", "@referredType": "GeographicSite"}
    line = {"id": "LINE-1", "name": "FTTH 500", "@referredType": "Product"}
    return {
        "@type": "TroubleTicket",
        "id": "PLANTED-1",
        "name": "No light",
        "description": f"Please call {SECRET}",
        "severity": "Major",
        "status": "inProgress",
        "statusChangeDate": now.isoformat(),
        "note": [{"@type": "Note", "id": "n1", "author": SECRET, "text": f"spoke to {SECRET}"}],
        "relatedParty": [
            {"@type": "X", "role": "customer", "partyOrPartyRole": person},
            {"@type": "X", "role": "owner", "partyOrPartyRole": team},
            {"@type": "X", "role": "contact", "name": SECRET},
        ],
        "relatedEntity": [
            {"@type": "X", "role": "site", "entity": site},
            {"@type": "X", "role": "product", "entity": line},
        ],
        "troubleTicketCharacteristic": [
            {"@type": "X", "name": "contactPhone", "value": f"+49 171 {SECRET}"},
            {"@type": "X", "name": "contactName", "value": {"given": SECRET}},
        ],
        "attachment": [{"@type": "Attachment", "id": "a1", "name": f"{SECRET}.pdf", "url": SECRET}],
        "x-contact": {"medium": f"{SECRET}@example.org"},
        "troubleTicketMilestone": [
            {"@type": "M", "id": "m", "name": "onSite", "description": f"meet {SECRET}",
             "milestoneDate": now.isoformat()}
        ],
    }  # fmt: skip


def events(now: datetime) -> list[NewEvent | Refused]:
    """Everything told of that ticket, its task and its specification, and a refused body."""
    told = resource(now)
    changed = {**told, "description": f"call {SECRET} again", "name": "=cmd|'/C calc'!A1"}
    specification = {
        "@type": "TroubleTicketSpecification",
        "id": "SPEC-1",
        "name": "Fault",
        "description": "Faults of lines",
        "relatedParty": [{"@type": "X", "role": "author", "name": SECRET}],
    }
    task = {
        "@type": "CancelTroubleTicket",
        "id": "CAN-1",
        "state": "acknowledged",
        "stateChangeReason": f"{SECRET} called",
        "stateChangeDate": now.isoformat(),
        "cancellationReason": f"{SECRET} does not want it any more",
        "troubleTicket": {"@type": "TroubleTicketRef", "id": "PLANTED-1"},
    }
    asked = {"op": "add", "path": "/note", "value": SECRET}
    kinds = (
        ("TroubleTicketCreateEvent", {"troubleTicket": told}),
        ("TroubleTicketAttributeValueChangeEvent", {"troubleTicket": changed}),
        ("TroubleTicketMilestoneEvent", {"troubleTicket": changed}),
        ("TroubleTicketInformationRequiredEvent", {"troubleTicket": changed, "informationRequired": asked}),
        ("CancelTroubleTicketStateChangeEvent", {"cancelTroubleTicket": task}),
        ("TroubleTicketSpecificationCreateEvent", {"troubleTicketSpecification": specification}),
    )  # fmt: skip
    posts = [
        sample_history.posted(kind, now + timedelta(seconds=number), **payload)
        for number, (kind, payload) in enumerate(kinds)
    ]
    found = [sample_history.event_of(post, now + timedelta(seconds=60)) for post in posts]
    assert all(found), "the edge refused what the test needs"
    body = json.dumps({"event": {"troubleTicket": {"name": SECRET}}}).encode()
    path = f"{sample_history.PREFIX}troubleTicketCreateEvent"
    refused = sample_history.told_of(sample_history.Delivery(now, path, body, "", ""), now)
    assert isinstance(refused, Refused)
    return [*found, refused]
