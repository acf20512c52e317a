"""One life, told in every dialect, is one history; and a dialect's own ways are no drift."""

import json
import random
import tempfile
from contextlib import closing
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import envelope
from receiver.events import EVENT_TYPES, EventTypes
from receiver.gate import Arrival
from receiver.rejections import InvalidEvent
from receiver.sources import SourceRules
from store import MemoryLog, NewEvent, RuleBook, Rules, open_log, open_reader
from store.commands.dialects import dialect_of
from store.dialects import Context, as_told, in_our_words, opened
from store.history import follower
from store.history.asking import ticket_history
from store.history.rebuild import rebuild
from store.history.view import view
from tests.edge import edge
from tests.property import follow
from tests.property.follow import examples, rows
from tests.property.lives import (
    CREATE,
    INFORMATION,
    STYLES,
    TICKET,
    Sent,
    Style,
    arrived,
    lives,
    sent,
    tell,
)
from tests.speaking import SENDER, WHOLE, mef_sonata

TYPES = EventTypes(EVENT_TYPES)
SEEDS = st.integers(0, 2**20)
STORIES = lives(STYLES.map(lambda style: replace(style, history="statusChangeHistory")))
AGREED_TO = "unknown-status"
"""Drift of the lives themselves: `reopened` is in no enumeration."""


def documents(life, seed):
    """The life's events, with members that dialects have under other names and shapes."""
    chance = random.Random(seed)
    told = [one.document for one in life.sent]
    for event in told:
        ticket = event["event"]["troubleTicket"]
        if chance.random() < 0.4:
            ticket["relatedParty"] = [
                {"role": role, "partyOrPartyRole": {"id": f"P-{role}", "name": f"{role} Müller"}}
                for role in chance.sample(["owner", "originator"], chance.randrange(1, 3))
            ]
        if chance.random() < 0.3:
            entity = {"id": "LINE-1", "@referredType": "Product"}
            ticket["relatedEntity"] = [{"role": "product", "entity": entity}]
        if chance.random() < 0.3:
            number = f"INC-{chance.randrange(3)}"
            ticket["externalIdentifier"] = [{"id": number, "@type": "ExternalIdentifier"}]
        if chance.random() < 0.2:
            ticket["note"] = [{"id": "N-1", "author": "Ada", "text": f"{chance.random()}"}]
    if chance.random() < 0.5:
        asked = sent(INFORMATION, "asked", {}, eventTime=told[-1]["eventTime"]).document
        asked["event"]["informationRequired"] = {"op": "add", "path": "/attachment"}
        told.append(asked)
    return told


def history_of(events, name, seed, speak):
    """history.db after these events were posted in a dialect, and the log that they are in."""
    dialect, chance = dialect_of(name), random.Random(seed)
    with edge(rules=SourceRules(dialect=dialect, success_status=dialect.status)) as here:
        for event in events:
            post = speak(event, chance)
            answer = here.send(post.path, post.body, headers=post.sent)
            assert answer.status_code == dialect.status, (post, answer.text)
            kept = here.last()
            assert kept.body == post.body
            assert kept.event_type == event["eventType"]
            assert [one for one in kept.drift if AGREED_TO not in one] == [], post
        book = RuleBook({"default": Rules(speech=dialect.speech)})
        history = follow.empty()
        following = follower.Follower(here.log, history, book)
        while following.step():
            pass
        return history, here.log


def told(history):
    """Every row but of arrival; what an event is known by is the dialect's own."""
    sender = f"{SENDER.replace(' ', '/')} "
    return {
        table: [
            tuple(cell.removeprefix(sender) if isinstance(cell, str) else cell for cell in row)
            for row in found
        ]
        for table, found in follow.told(history).items()
    }


@pytest.mark.parametrize("name", WHOLE)
def test_a_life_told_in_a_dialect_is_the_same_history(name):
    @examples(20)
    @given(STORIES, SEEDS)
    def holds(life, seed):
        events = documents(life, seed)
        plain, _ = history_of(events, "fit-v1", seed, WHOLE["fit-v1"])
        spoken, log = history_of(events, name, seed, WHOLE[name])
        assert told(spoken) == told(plain)
        times = [(event.occurred_at, event.event_time) for event in log.read()]
        assert all(at and sent_at for at, sent_at in times)

    holds()


@examples(20)
@given(STORIES, SEEDS)
def test_a_thin_dialect_tells_when_and_of_what_kind(life, seed):
    events = [one for one in documents(life, seed) if one["eventType"] != CREATE]
    for event in events:
        event.pop("timeOccurred", None)
    if not events:
        return
    history, log = history_of(events, "mef-sonata", seed, mef_sonata)
    assert all(event.ticket_id == TICKET for event in log.read())
    assert [event.event_type for event in log.read()] == [one["eventType"] for one in events]
    (ticket,) = rows(history, "tickets")
    # Two of one kind at one instant say the same: that one is the other's alias is all one can tell.
    distinct = {(one["eventType"], one["eventTime"]) for one in events}
    assert (ticket["id"], ticket["events"]) == (TICKET, len(distinct))
    assert ticket["aliases"] == len(events) - len(distinct)
    assert {json.loads(one["state"])["id"] for one in rows(history, "states")} == {TICKET}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "2026-01-01T00:00:00Z"]),
    lambda inside: st.lists(inside, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["event", "troubleTicket", "data", "specversion", "id", "source", "type", "eventId",
             "statusChange", "statusChangeHistory", "externalId", "externalIdentifier", "entity",
             "relatedParty", "partyOrPartyRole", "changeDate", "fieldPath", "informationRequired"]
        ),
        inside,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip
SPEECHES = st.sampled_from([name for name in (*WHOLE, "mef-sonata") if dialect_of(name).speech])


@examples(600)
@given(JSON.filter(lambda one: isinstance(one, dict)), SPEECHES)
def test_whatever_is_sent_can_be_read_and_reading_it_twice_changes_nothing(document, name):
    speech = dialect_of(name).speech
    assert speech is not None
    found = opened(document, speech, Context())
    once = in_our_words(found.document, CREATE, speech)
    assert in_our_words(once, CREATE, speech) == once
    for pointer in ("", "/event", "/event/troubleTicket/externalIdentifier/1/id", "/eventId"):
        assert isinstance(found.pointer(as_told(pointer, found.document, speech)), str)


@examples(300)
@given(JSON.filter(lambda one: isinstance(one, dict)), SPEECHES, st.booleans())
def test_the_edge_takes_or_refuses_whatever_is_sent_and_names_a_place(document, name, strict):
    rules = SourceRules(dialect=dialect_of(name), validation="strict" if strict else "tolerant")
    headers = (("ce-id", "7"), ("ce-type", "%zz"), ("ce-time", "x"))
    body = json.dumps(document).encode()
    at = "2026-11-24T06:00:00.000Z"
    arrival = Arrival("default", rules, "/listener", headers, at, media_type_given=True, body=body)
    reasons = ()
    try:
        assert envelope.parse(arrival, TYPES, TYPES.by_name[CREATE]).resource_id
    except InvalidEvent as refusal:
        reasons = refusal.reasons
    assert all(reason.pointer[:1] in ("", "/") for reason in reasons)


@examples(300)
@given(JSON.filter(lambda one: isinstance(one, dict)), SPEECHES)
def test_a_view_never_raises_whatever_the_log_has(document, name):
    event = next(iter(_logged(json.dumps(document).encode())))
    assert view(event, event.body, "Europe/Berlin", dialect_of(name).speech).event_type == CREATE


def _logged(body):
    log = MemoryLog()
    log.append([arrived(Sent(CREATE, "e", body), 0)])
    return log.read()


def test_rebuild_and_one_tickets_history_read_each_source_in_its_own_dialect():
    life = tell(Style(occurred=False), ["acknowledged", "inProgress", "pending", "resolved"], 8)
    names = [*WHOLE]
    book = RuleBook({name: Rules(speech=dialect_of(name).speech) for name in names})
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        log = open_log(directory)
        for name in names:
            _, spoken = history_of(documents(life, 8), name, 8, WHOLE[name])
            log.append([new_from(event, name) for event in spoken.read()])
        rebuild(directory / "history.db", partial(open_reader, directory), book, lambda *_: None)
        with closing(follower.connect(directory / "history.db")) as history:
            periods = rows(history, "status_periods")
            states = {one["ticket"]: one["state"] for one in rows(history, "states")}
        told_by = {
            name: ticket_history(directory, log, TICKET, book, source=name) for name in names
        }
        log.close()
    columns = ("status", "started_at", "ended_at")
    for name in names:
        own = [one for one in periods if one["ticket"] == f"{name}/{TICKET}"]
        assert [tuple(one[column] for column in columns) for one in own] == [
            tuple(one[column] for column in columns)
            for one in periods
            if one["ticket"] == f"fit-v1/{TICKET}"
        ]
        assert states[f"{name}/{TICKET}"] == states[f"fit-v1/{TICKET}"]
        assert told_by[name].states[0].state == states[f"{name}/{TICKET}"]


def new_from(event, source):
    return NewEvent(
        **{one.name: getattr(event, one.name) for one in fields(NewEvent)} | {"source": source}
    )
