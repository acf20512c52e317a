"""Whatever JSON a body is, it folds: nothing raises, and the rows can be stored and read."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.property.follow import disordered, examples, follow, told
from tests.property.lives import TICKET, Sent

NAMES = (
    *("troubleTicket", "troubleTicketSpecification", "cancelTroubleTicket", "id", "status", "note"),
    *(
        "statusChangeHistory",
        "statusChange",
        "statusChangeDate",
        "changeDate",
        "statusChangeReason",
    ),
    *("creationDate", "lastUpdate", "expectedResolutionDate", "relatedParty", "relatedEntity"),
    *("troubleTicketMilestone", "jeopardyAlert", "externalIdentifier", "channel", "@type", "role"),
    *("partyOrPartyRole", "informationRequired", "path", "op", "text", "author", "date", "state"),
    *("stateChangeHistory", "requestDate", "category", "stateChangeMessage", "code", "entity"),
)
TYPES = (
    *("TroubleTicketCreateEvent", "TroubleTicketStatusChangeEvent", "TroubleTicketResolvedEvent"),
    *("TroubleTicketAttributeValueChangeEvent", "TroubleTicketInformationRequiredEvent"),
    *("TroubleTicketMilestoneEvent", "TroubleTicketJeopardyAlertEvent", "TroubleTicketDeleteEvent"),
    *("CancelTroubleTicketStateChangeEvent", "TroubleTicketSpecificationStatusChangeEvent"),
)
SCALARS = (
    st.sampled_from(["pending", "resolved", "closed", "done", "3180", "", " ", "\x00", "/note"])
    | st.sampled_from(["2026-03-02T08:00:00Z", "2026-10-25T02:30:00", "0001-01-01T00:00:00+14:00"])
    | st.sampled_from(["9999-12-31T23:59:59.999Z", "2026-03-02T08:00+01:00", "2026-02-30T08:00Z"])
    | st.sampled_from([True, False, None, 0, 1.0, -0.0, 10**30, 1e300, 0.1])
    | st.text(st.characters(codec="utf-16"), max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inside, max_size=6)
    ),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=10)
TIMES = st.sampled_from(["2026-03-02T08:00:00Z", "2026-10-25T02:30:00", "no time", None, 7])


@st.composite
def bodies(draw):
    event_type = draw(st.sampled_from(TYPES))
    member = event_type.split("StateChange", maxsplit=1)[0]
    member = (
        "troubleTicket"
        if event_type.startswith("TroubleTicket")
        else member[0].lower() + member[1:]
    )
    payload = draw(st.just({member: draw(OBJECTS)}) | OBJECTS | VALUES)
    document = {"eventTime": draw(TIMES), "event": payload} | draw(st.just({}) | OBJECTS)
    return event_type, document


@examples(120)
@given(st.lists(bodies(), min_size=1, max_size=5), st.integers(0, 2**20))
def test_any_json_folds_and_its_rows_do_not_depend_on_arrival(found, seed):
    sent = []
    for number, (event_type, document) in enumerate(found):
        is_specification = "Specification" in event_type
        one = Sent(event_type, f"f{number}", json.dumps(document).encode())
        ticket_id = None if is_specification else TICKET
        sent.append(
            replace(one, ticket_id=ticket_id, received_at=f"2027-01-01T00:00:0{number}.000Z")
        )
    batches = disordered(sent, seed)
    assert told(follow(batches)) == told(follow([sent]))


ODD_BODIES = [
    b'{"event":{"id":"\\ud800", "name": 12345678901234567890}}',
    b'{"event":{"id":"T-1", "name": NaN, "note": [Infinity, -1e999]}}',
    b'{"event":{"id":"T-1", "name": "\xed\xa0\x80"}}',
    '{"event":{"id":"T-1", "status": "held"}}'.encode("utf-16"),
]


@examples(100)
@given(st.binary(max_size=60) | st.sampled_from(ODD_BODIES))
def test_any_bytes_fold(body):
    follow([[Sent("TroubleTicketStatusChangeEvent", "1", body)]])


@examples(50)
@given(st.sampled_from(["{{{}}}", "[{}]"]), st.integers(0, 200))
def test_bodies_nested_as_deep_as_the_edge_lets_in_fold(shape, depth):
    inner = "1"
    for _ in range(depth):
        inner = shape.format(f'"a":{inner}' if shape.startswith("{{") else inner)
    body = '{"event":{"troubleTicket":{"id":"T-1","note":' + inner + "}}}"
    follow([[Sent("TroubleTicketStatusChangeEvent", "1", body.encode())]])
