"""A naive reading of the rules, written from their text alone: slow, obvious, sharing nothing with
the fold. From a set of notifications it says what one ticket's history must be.

Rules: design.md "Identity, order, time"; merging, arrays and gaps as the issue says; what is
tolerated as domain.md says. It knows the shapes that the tests send, no more.
"""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ORDER = {
    "TroubleTicketCreateEvent": 0,
    "TroubleTicketAttributeValueChangeEvent": 1,
    "TroubleTicketMilestoneEvent": 2,
    "TroubleTicketJeopardyAlertEvent": 3,
    "TroubleTicketStatusChangeEvent": 4,
    "TroubleTicketResolvedEvent": 5,
    "TroubleTicketInformationRequiredEvent": 6,
    "CancelTroubleTicketStateChangeEvent": 7,
    "InflightChangeTroubleTicketStateChangeEvent": 7,
    "TroubleTicketDeleteEvent": 9,
    "TroubleTicketReconciledEvent": 8,
    "TroubleTicketRequestedEvent": 6.5,
}
ABOUT_STATUS = {
    "TroubleTicketCreateEvent",
    "TroubleTicketStatusChangeEvent",
    "TroubleTicketResolvedEvent",
}
TOLD_IN_THE_LANE = {
    *("id", "href", "@type", "status", "statusChangeDate", "lastUpdate"),
    *("statusChangeHistory", "statusChange"),
    *("troubleTicketMilestone", "troubleTicketJeopardyAlert"),
}
READ = "TroubleTicketReconciledEvent"
ASKED = "TroubleTicketRequestedEvent"
WHOLE = {
    *("name", "description", "severity", "priority", "ticketType", "channel", "note"),
    *("attachment", "relatedParty", "relatedEntity", "troubleTicketRelationship"),
    *("troubleTicketCharacteristic", "externalIdentifier", "troubleTicketSpecification"),
    *("requestedResolutionDate", "expectedResolutionDate", "resolutionDate"),
}
SKEW = timedelta(minutes=5)
SECOND = timedelta(seconds=1)


class Told:
    """One notification, read."""

    def __init__(self, event_type, event_id, resource_id, body, received_at):
        self.event_type = event_type
        self.event_id = event_id
        self.resource_id = resource_id
        self.document = json.loads(body, parse_float=lambda text: int(float(text)))
        self.resource = resource_of(event_type, self.document)
        self.is_gone = "gone" in self.document
        self.is_whole = self.document.get("complete") is True
        self.received_at = instant(received_at)
        own = [self.document.get(name) for name in ("timeOccurred", "timeOcurred")]
        happened = next((instant(text) for text in own if instant(text)), None)
        sent = instant(self.document.get("eventTime"))
        dates = [self.resource.get(n) for n in ("statusChangeDate", "lastUpdate", "creationDate")]
        inside = next((instant(text) for text in dates if instant(text)), None)
        self.occurred_at = happened or sent or inside or self.received_at
        self.rank = 9 if self.is_gone else ORDER[event_type]
        self.is_task = self.rank == 7
        # What it says: everything but ids and, where it says when it happened, when it was sent.
        said = dict(self.document)
        if happened or sent or inside:
            said.pop("eventId", None)
        said.pop("correlationId", None)
        if happened:
            said.pop("eventTime", None)
        self.says = json.dumps([event_type, resource_id, said], sort_keys=True)

    @property
    def status(self):
        if self.event_type == "TroubleTicketResolvedEvent":
            return self.resource.get("status") or "resolved"
        return self.resource.get("status")

    @property
    def past(self):
        found = []
        for name in ("statusChangeHistory", "statusChange"):
            for change in self.resource.get(name) or []:
                date = change.get("statusChangeDate") or change.get("changeDate")
                found.append((instant(date), change["status"]))
        return sorted(found, key=lambda one: one[0])


class Span:
    """The status from a moment on."""

    def __init__(self, at, status, told_by, dates, provenance):
        self.at = at
        self.status = status
        self.told_by = told_by
        self.dates = dates
        self.provenance = provenance


def instant(text):
    if not isinstance(text, str) or "T" not in text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def clock_of(text):
    return instant(text).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def resource_of(event_type, document):
    event = document["event"]
    if event_type.startswith("Cancel"):
        return event["cancelTroubleTicket"]
    if event_type.startswith("Inflight"):
        return event["inflightChangeTroubleTicket"]
    if event_type == ASKED:  # whatever we asked for, it is not so until the provider says so
        return {}
    named = event.get("troubleTicket", event)
    return named[0] if isinstance(named, list) else named


def facts_of(notifications, ticket_id):
    """What was told about the ticket and its tasks, each thing once, with how often and by whom."""
    kept = {}
    for one in notifications:
        key = (one.event_type, one.event_id, one.resource_id if "Task" in one.event_type else "")
        told = Told(one.event_type, one.event_id, one.resource_id, one.body, one.received_at)
        kept.setdefault((key, json.dumps(told.document, sort_keys=True)), (one, told))
    tasks_of_ticket = {
        (one.event_type, one.resource_id)
        for one, told in kept.values()
        if told.is_task and one.ticket_id == ticket_id
    }
    mine = [
        told
        for one, told in kept.values()
        if (told.is_task and (one.event_type, one.resource_id) in tasks_of_ticket)
        or (not told.is_task and one.ticket_id == ticket_id)
    ]
    by_content = {}
    for told in sorted(mine, key=lambda told: told.occurred_at):
        by_content.setdefault(told.says, []).append(told)
    facts = [same[0] for same in by_content.values()]
    aliases = sum(len(same) - 1 for same in by_content.values())
    return sorted(facts, key=lambda told: (told.occurred_at, told.rank)), aliases


def merged(facts):
    """(state, [(member, item, action, before, after)] of every change but the first telling's)."""
    state, changes = {}, []
    for told in facts:
        if told.is_task or told.rank == 9:
            continue
        is_birth = not state and told.event_type in {"TroubleTicketCreateEvent", READ}
        resource = dict(told.resource)
        if told.is_whole and not is_birth:
            resource |= {name: None for name in WHOLE & state.keys() if name not in resource}
        for member, after in resource.items():
            before = state.get(member)
            state[member] = after
            if member in TOLD_IN_THE_LANE or is_birth or written(before) == written(after):
                continue
            changes += differences(member, before, after)
    return {name: value for name, value in state.items() if value is not None}, changes


def differences(member, before, after):
    old, new = items_by_id(before), items_by_id(after)
    if old is None or new is None or not (old or new):
        action = "set" if before is None else "cleared" if after is None else "changed"
        return [(member, None, action, written(before), written(after))]
    found = []
    for name in old.keys() | new.keys():
        if name not in old:
            found.append((member, name, "added", None, written(new[name])))
        elif name not in new:
            found.append((member, name, "removed", written(old[name]), None))
        elif written(old[name]) != written(new[name]):
            found.append((member, name, "changed", written(old[name]), written(new[name])))
    return found


def items_by_id(value):
    if value is None:
        return {}
    if not isinstance(value, list) or not all(
        isinstance(one, dict) and "id" in one for one in value
    ):
        return None
    named = [f"{one['role']} {one['id']}" if "role" in one else one["id"] for one in value]
    return dict(zip(named, value, strict=True)) if len(set(named)) == len(named) else None


def written(value):
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)


def lane_of(facts):
    """The status from moment to moment: as told, and as only later events prove."""
    born = [instant(told.resource.get("creationDate")) for told in facts if not told.is_task]
    born_at = min((one for one in born if one), default=None)

    def plausible(date, told):
        return bool(
            date and date <= told.occurred_at + SKEW and (born_at is None or date >= born_at - SKEW)
        )

    spans = []
    for told in facts:
        if told.event_type not in ABOUT_STATUS or not told.status:
            continue
        stated = instant(told.resource.get("statusChangeDate"))
        last = told.past[-1] if told.past else None
        from_history = last[0] if last and last[1] == told.status else None
        created = instant(told.resource.get("creationDate"))
        choices = [stated, from_history]
        if told.rank == 0:
            choices.append(created)
        at = next((date for date in choices if plausible(date, told)), told.occurred_at)
        dates = [date for date in (stated, from_history) if date]
        twin = next((one for one in spans if is_twin(one, told, at, dates, spans)), None)
        if twin:
            twin.told_by.append(told)
            twin.dates += dates
            twin.at = min(twin.at, at)
        else:
            spans.append(Span(at, told.status, [told], dates, "received"))
    # What the provider was asked for tells it before what it said in passing.
    for told in sorted(facts, key=lambda told: told.event_type != READ):
        for date, status in [] if told.is_task else told.past:
            if date > told.occurred_at + SKEW or any(names(one, status, date) for one in spans):
                continue
            how = "reconciled" if told.event_type == READ else "inferred"
            spans.append(Span(date, status, [told], [date], how))
    return sorted(spans, key=lambda one: one.at)


def is_twin(span, told, at, dates, spans):
    if span.status != told.status:
        return False
    if span.dates and dates:
        return any(abs(one - other) <= SECOND for one in span.dates for other in dates)
    if any(one.status != told.status and span.at < one.at < at for one in spans):
        return False
    ranks = {told.rank, *(one.rank for one in span.told_by)}
    return abs(span.at - at) <= (SKEW if ranks == {4, 5} else SECOND)


def names(span, status, date):
    return span.status == status and any(
        abs(one - date) <= SECOND for one in (*span.dates, span.at)
    )


def periods_of(spans):
    """[(status, start, end, provenance)], the last one open."""
    found = []
    for span in spans:
        if found and found[-1][0] == span.status:
            continue
        if found:
            found[-1] = (*found[-1][:2], span.at, found[-1][3])
        found.append((span.status, span.at, None, span.provenance))
    return found


def deleted_at(facts):
    """When it was deleted, unless created again after that (and not only told of it)."""
    found = None
    for told in facts:
        created = instant(told.resource.get("creationDate")) or told.occurred_at
        if told.rank == 9:
            found = told.occurred_at
        elif (told.rank == 0 and found and created > found) or told.rank == 8:
            found = None
    return found


def promises_of(facts):
    found, promised = [], None
    for told in facts:
        date = instant(told.resource.get("expectedResolutionDate"))
        if not told.is_task and date and date != promised:
            found.append((told.occurred_at, date))
            promised = date
    return found


def notes_of(facts):
    """{what identifies it: (since, author, text)}"""
    found = {}
    for told in facts:
        for note in told.resource.get("note") or []:
            name = note.get("id") or (note["author"], note["text"], instant(note.get("date")))
            first = found[name][0] if name in found else told.occurred_at
            found[name] = (instant(note.get("date")) or first, note["author"], note["text"])
    return found


def tasks_of(facts):
    """{(event type, id): [(state, since)]}"""
    found = {}
    for told in facts:
        if told.is_task:
            states = found.setdefault((told.event_type, told.resource_id), [])
            if not states or states[-1][0] != told.resource["state"]:
                states.append((told.resource["state"], told.occurred_at))
    return found
