"""A ticket at the provider: what it is now, and the facts its changes leave behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.provider.people import Line, line, party
from tests.provider.problems import SPECIFICATIONS, Problem
from tests.provider.rhythm import ZONE

API = "https://api.example.net/tmf-api/troubleTicketManagement/v5"
RANKS = {"Critical": "1", "Major": "2", "Minor": "3"}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened at the provider, before anybody was told."""

    at: datetime
    event_type: str
    about: str
    """Id of the ticket or specification it belongs to."""
    payload: dict[str, Any]


class Ticket:
    """One ticket. `clock` is its present; every change is a Fact at that moment."""

    def __init__(self, number: str, problem: Problem, clock: datetime, chance: Random) -> None:
        self.id = number
        self.problem = problem
        self.clock = clock
        self.chance = chance
        self.line: Line = line(chance)
        self.facts: list[Fact] = []
        self.name = ""
        self.status: str | None = None
        self.history: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []
        self.parties = [
            party("originator", self.line.originator, "Organization"),
            party("owner", self.line.owner, "Organization"),
            party("customer", self.line.customer, "Customer"),
        ]
        self.severity = chance.choice(problem.severities)
        self.priority = RANKS[self.severity]
        self.due = clock + timedelta(
            hours=problem.hours[0] * (0.5 if self.severity == "Critical" else 1)
        )
        self.promised = self.due
        self.alerted = False
        self.related: list[dict[str, Any]] = []

    def tell(self, event_type: str, payload: dict[str, Any]) -> None:
        """Leave a fact behind. Facts of one moment keep their order: a little time passes."""
        self.facts.append(Fact(self.clock, event_type, self.id, payload))
        self.clock += timedelta(milliseconds=self.chance.randrange(180, 2_400))

    def create(self, *, acknowledged: bool) -> None:
        """Come into being; some systems acknowledge at once, others in an event of its own."""
        if acknowledged:
            self._enter("acknowledged", ("0001", "Störungsmeldung angenommen"))
        name, description = self.chance.choice(self.problem.names)
        self.name = f"{name}, {self.line.city}"
        body = self.reference() | {
            "name": self.name,
            "description": f"{description} Leitung {self.line.line_id}, {self.line.site}.",
            "severity": self.severity,
            "priority": self.priority,
            "ticketType": self.problem.ticket_type,
            "creationDate": self.when(self.clock),
            "requestedResolutionDate": self.when(self.due),
            "channel": {"id": "B2B-1", "name": "Wholesale B2B", "@type": "ChannelRef"},
            "externalIdentifier": [self._external_identifier()],
            "relatedParty": list(self.parties),
            "relatedEntity": self._entities(),
            "troubleTicketSpecification": self._specification(),
            "troubleTicketCharacteristic": self._characteristics(),
        }
        if self.chance.random() < 0.3:
            body["attachment"] = [self.attachment()]
        if self.related:
            body["troubleTicketRelationship"] = self.related
        if self.problem.fault:
            body |= self._fault_members(name)
        body |= self._updated()
        self.tell("TroubleTicketCreateEvent", {"troubleTicket": body | self._status_members()})

    def become(self, status: str, message: tuple[str, str]) -> None:
        """Change status. `resolved` is told twice: as change of status, and as Resolved."""
        self._enter(status, message)
        members = self._status_members()
        if status == "resolved":
            members["resolutionDate"] = self.when(self.clock)
        self.tell("TroubleTicketStatusChangeEvent", {"troubleTicket": self.reference() | members})
        if status == "resolved":
            self.tell("TroubleTicketResolvedEvent", {"troubleTicket": self.reference() | members})

    def change(self, **members: Any) -> None:
        """Tell changed attributes, and only those."""
        body = self.reference() | members | self._updated()
        self.tell("TroubleTicketAttributeValueChangeEvent", {"troubleTicket": body})

    def add_note(self, author: str, text: str) -> None:
        self.notes.append(
            {
                "id": f"{self.id}-N{len(self.notes) + 1}",
                "author": author,
                "date": self.when(self.clock),
                "text": text,
                "@type": "Note",
            }
        )
        self.change(note=list(self.notes))

    def assign(self, technician: tuple[str, str]) -> None:
        """Another technician takes over."""
        self.parties = [one for one in self.parties if one["role"] != "technician"]
        self.parties.append(party("technician", technician, "Individual"))
        self.change(relatedParty=list(self.parties))

    def promise(self, moment: datetime) -> None:
        """Say when it will be done; again, when that slips."""
        self.promised = moment
        self.change(expectedResolutionDate=self.when(moment))

    def raise_priority(self) -> None:
        self.priority = str(max(1, int(self.priority) - 1))
        self.change(priority=self.priority)

    def milestone(self, name: str, code: str, text: str) -> None:
        """FIT's Milestone: Message list and relatedState instead of TMF's message and status."""
        reached = {
            "id": f"{self.id}-M{len(self.facts)}",
            "name": name,
            "milestoneDate": self.when(self.clock),
            "milestoneMessage": messages((code, text)),
            "relatedState": self.status,
            "@type": "Milestone",
        }
        body = self.reference() | {"troubleTicketMilestone": [reached]} | self._updated()
        self.tell("TroubleTicketMilestoneEvent", {"troubleTicket": body})

    def alert(self, code: str, text: str, ends: datetime) -> None:
        """FIT's JeopardyAlert: the agreed time is at risk."""
        self.alerted = True
        risk = {
            "id": f"{self.id}-J{len(self.facts)}",
            "name": "resolutionDelay",
            "alertDate": self.when(self.clock),
            "exception": text,
            "jeopardyAlertMessage": messages((code, text)),
            "estimatedAlertEndDate": self.when(ends),
            "@type": "JeopardyAlert",
        }
        body = self.reference() | {"troubleTicketJeopardyAlert": [risk]} | self._updated()
        self.tell("TroubleTicketJeopardyAlertEvent", {"troubleTicket": body})

    def ask(self, path: str) -> None:
        """Require information: a JSON Patch says which member is missing."""
        body = self.reference() | {"name": self.name} | self._updated()
        wanted = {"op": "add", "path": path, "@type": "JsonPatch"}
        self.tell(
            "TroubleTicketInformationRequiredEvent",
            {"troubleTicket": body, "informationRequired": wanted},
        )

    def delete(self) -> None:
        reference = {"id": self.id, "href": self.href, "@type": "TroubleTicketRef"}
        self.tell("TroubleTicketDeleteEvent", {"troubleTicket": reference})

    @property
    def href(self) -> str:
        return f"{API}/troubleTicket/{self.id}"

    def reference(self) -> dict[str, Any]:
        """What every partial ticket begins with."""
        kind = (
            {"@type": "FaultTicket", "@baseType": "TroubleTicket"}
            if self.problem.fault
            else {"@type": "TroubleTicket"}
        )
        return {"id": self.id, "href": self.href} | kind

    def attachment(self) -> dict[str, Any]:
        number = self.chance.randrange(10_000, 99_999)
        return {
            "id": f"ATT-{number}",
            "href": f"https://api.example.net/documents/{number}",
            "name": self.chance.choice(
                ("Messprotokoll.pdf", "Traceroute.txt", "Foto APL.jpg", "Rechnung.pdf")
            ),
            "mimeType": "application/octet-stream",
            "@type": "AttachmentRef",
            "@referredType": "Attachment",
        }

    def when(self, moment: datetime) -> str:
        """FIT writes local times with offset, TMF's samples UTC."""
        if self.problem.fault:
            return moment.astimezone(ZONE).isoformat(timespec="seconds")
        return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"

    def _enter(self, status: str, message: tuple[str, str]) -> None:
        self.status = status
        change = {
            "statusChangeDate": self.when(self.clock),
            "statusChangeReason": message[1],
            "status": status,
            "@type": "StatusChange",
        }
        if self.problem.fault:
            change["statusChangeMessage"] = messages(message)
        self.history.append(change)

    def _updated(self) -> dict[str, Any]:
        return {"lastUpdate": self.when(self.clock)}

    def _status_members(self) -> dict[str, Any]:
        if self.status is None:
            return {}
        last = {name: value for name, value in self.history[-1].items() if name != "@type"}
        return last | {
            "priority": self.priority,
            **self._updated(),
            "statusChangeHistory": list(self.history),
        }

    def _external_identifier(self) -> dict[str, Any]:
        number = self.chance.randrange(1_000_000, 9_999_999)
        owner = self.line.originator[1]
        return {
            "id": f"INC{number}",
            "owner": owner,
            "externalIdentifierType": "Incident",
            "@type": "ExternalIdentifier",
        }

    def _entities(self) -> list[dict[str, Any]]:
        line = self.line
        entities = [
            ("faultyProduct", line.line_id, line.product, "Product"),
            ("site", line.site_id, line.site, "GeographicSite"),
        ]
        if self.problem.key in {"billing", "missedVisit"}:
            bill = self.chance.randrange(100_000, 999_999)
            month = self.clock.astimezone(ZONE).strftime("%m/%Y")
            entities.append(("disputedBill", f"BILL-{bill}", f"Rechnung {month}", "CustomerBill"))
        return [
            {
                "role": role,
                "entity": {
                    "id": number,
                    "href": f"https://api.example.net/{kind}/{number}",
                    "name": name,
                    "@type": "EntityRef",
                    "@referredType": kind,
                },
                "@type": "RelatedEntity",
            }
            for role, number, name, kind in entities
        ]

    def _specification(self) -> dict[str, Any]:
        number = self.problem.specification
        return {
            "id": number,
            "href": f"{API}/troubleTicketSpecification/{number}",
            "name": SPECIFICATIONS[number][0],
            "version": "1",
            "@type": "TroubleTicketSpecificationRef",
            "@referredType": "TroubleTicketSpecification",
        }

    def _characteristics(self) -> list[dict[str, Any]]:
        known: dict[str, Any] = {
            "lineId": self.line.line_id,
            "nodeId": self.line.node,
            "currency": "EUR",
            "syncState": "down",
        }
        entries = []
        for number, name in enumerate(SPECIFICATIONS[self.problem.specification][1], start=1):
            value = known.get(name, round(self.chance.uniform(1, 60), 1))
            kind = "string" if isinstance(value, str) else "number"
            entries.append(
                {
                    "id": str(number),
                    "name": name,
                    "valueType": kind,
                    "value": value,
                    "@type": f"{kind.title()}Characteristic",
                }
            )
        return entries

    def _fault_members(self, name: str) -> dict[str, Any]:
        return {
            "faultDescriptionMessage": messages(("0100", name)),
            "expressFaultResolution": self.severity == "Critical",
            "interimMessageRequested": self.chance.random() < 0.5,
            "endUserContactAllowed": self.chance.random() < 0.8,
            "agreement": [
                {
                    "id": "SLA-24" if self.due - self.clock <= timedelta(hours=24) else "SLA-72",
                    "@type": "AgreementRef",
                }
            ],
        }


def messages(*pairs: tuple[str, str] | Sequence[str]) -> list[dict[str, str]]:
    """FIT's Message list. The code is text: leading zeros matter."""
    return [{"code": code, "text": text, "@type": "Message"} for code, text in pairs]
