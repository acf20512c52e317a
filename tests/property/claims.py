"""What must hold of histories, as functions: the properties try them on drawn lives, the planted
bugs on fixed ones."""

import json
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from store import MemoryLog, UnknownTicket
from store.history import follower, units
from store.history.asking import ticket_history
from store.history.view import STATUS_KINDS, view
from store.times import seconds_between
from tests.property import naive_fold as naive
from tests.property.follow import RULES, disordered, follow, rows, told
from tests.property.lives import ATTRIBUTES, RESOLVED, TICKET, Life, Sent, arrived, clock, dropping

NEAR = 1.001
"""Seconds that rounding to the second may cost."""


def keeps_its_rows(sent: Sequence[Sent], seed: int) -> None:
    """Any order, duplication and batching: the same rows."""
    assert told(follow(disordered(sent, seed))) == told(follow([sent]))


def has_no_gap(life: Life) -> None:
    """A complete stream has no gap, and its periods are what happened."""
    history = follow([life.sent])
    assert rows(history, "gaps") == []
    periods = rows(history, "status_periods")
    assert [one["status"] for one in periods] == [status for status, _ in life.truth]
    late = NEAR + life.style.delay / 1000
    for period, (_, since) in zip(periods, life.truth, strict=True):
        assert 0 <= seconds_between(since, period["started_at"]) <= late
        assert period["provenance"] == "received"
    # A change that two events tell is one entry.
    told_changes = [one for one in rows(history, "timeline") if one["kind"] in STATUS_KINDS]
    assert len(told_changes) == len(life.truth)
    twice = sum(one.event_type == RESOLVED for one in life.sent) * (life.style.resolved == "beside")
    assert sum(one["witnesses"] == 2 for one in told_changes) == twice


def finds_what_was_dropped(life: Life, seed: int) -> None:
    """Every transition that is not told but proven by a history is a gap, and nothing else is; it
    closes when the event comes late after all."""
    kept, untold = dropping(life, seed)
    history = follow([kept])
    proven = [life.truth[number] for number in sorted(untold)]
    gaps = sorted(rows(history, "gaps"), key=lambda gap: gap["at"])
    assert [gap["status"] for gap in gaps] == [status for status, _ in proven]
    for gap, (_, since) in zip(gaps, proven, strict=True):
        assert abs(seconds_between(since, gap["at"])) <= NEAR
        assert gap["witness"]
    inferred = [one for one in rows(history, "timeline") if one["provenance"] == "inferred"]
    assert len(inferred) == len(gaps)
    late = [one for one in life.sent if one not in kept]
    closed = follow([kept, late])
    assert rows(closed, "gaps") == []
    assert told(closed) == told(follow([life.sent]))


def finds_what_shows(life: Life, seed: int) -> None:
    """Without histories, a dropped transition is a gap when its date shows in an attribute event."""
    kept, untold = dropping(life, seed)
    shown = {
        naive.clock_of(one.document["event"]["troubleTicket"]["statusChangeDate"])
        for one in kept
        if one.event_type == ATTRIBUTES
    }
    proven = [life.truth[number] for number in untold if life.truth[number][1] in shown]
    gaps = [(one["status"], one["at"]) for one in rows(follow([kept]), "gaps")]
    assert sorted(gaps) == sorted(proven)
    late = [one for one in life.sent if one not in kept]
    assert rows(follow([kept, late]), "gaps") == []


def folds_one_ticket_alone(life: Life, seed: int) -> None:
    """A late event changes rows of its own ticket only."""
    others = [
        replace(one, ticket_id="T-2", resource_id="T-2", body=one.body.replace(b"T-1", b"T-2"))
        for one in life.sent
    ]
    late = life.sent[seed % len(life.sent)]
    early = [one for one in life.sent if one is not late]
    before, after = follow([early, others]), follow([early, others, [late]])
    for table in ("tickets", "timeline", "status_periods", "changes", "gaps"):
        of_other = [one for one in rows(before, table) if one["ticket"] == "default/T-2"]
        assert of_other == [one for one in rows(after, table) if one["ticket"] == "default/T-2"]
    assert told(after) == told(follow([[*life.sent, *others]]))


def spans_meet(sent: Sequence[Sent]) -> None:
    """Status periods have no holes and no overlaps; their seconds add up to the whole span."""
    periods = sorted(rows(follow([sent]), "status_periods"), key=lambda one: one["n"])
    for before, after in pairwise(periods):
        assert before["ended_at"] == after["started_at"]
        assert before["status"] != after["status"]
    ended = [one for one in periods if one["ended_at"]]
    if ended:
        span = seconds_between(ended[0]["started_at"], ended[-1]["ended_at"])
        assert abs(sum(one["seconds"] for one in ended) - span) < 0.001 * len(ended)
        assert all(one["seconds"] >= 0 for one in ended)


def agrees_with_naive(sent: Sequence[Sent]) -> None:
    """The rows say what the rules say, read naively."""
    history = follow(disordered(sent, len(sent)))
    facts, aliases = naive.facts_of(sent, TICKET)
    tickets = [one for one in rows(history, "tickets") if one["id"] == TICKET]
    assert bool(facts) == bool(tickets)
    if not facts:
        return
    assert (tickets[0]["events"], tickets[0]["aliases"]) == (len(facts), aliases)
    deleted_at = naive.deleted_at(facts)
    assert tickets[0]["deleted_at"] == (deleted_at and clock(deleted_at))
    _agree_on_members(history, facts)
    _agree_on_what_hangs_on_it(history, facts)
    if not any(told.status and told.rank in {1, 2, 3, 6} for told in facts):
        _agree_on_the_lane(history, facts)


def _agree_on_members(history, facts) -> None:
    state, changes = naive.merged(facts)
    kept = json.loads(rows(history, "states")[0]["state"])
    assert {name: value for name, value in kept.items() if value is not None} == state
    columns = ("member", "item", "action", "before", "after")
    told_changes = [tuple(one[name] for name in columns) for one in rows(history, "changes")]
    assert sorted(map(_plain, told_changes)) == sorted(map(_plain, changes))


def _plain(change) -> str:
    read = [None if text is None else json.loads(text) for text in change[3:]]
    return json.dumps([*change[:3], *read], sort_keys=True)


def _agree_on_the_lane(history, facts) -> None:
    periods = sorted(rows(history, "status_periods"), key=lambda one: one["n"])
    expected = [
        (status, clock(start), provenance)
        for status, start, _, provenance in naive.periods_of(naive.lane_of(facts))
    ]
    found = [(one["status"], one["started_at"], one["provenance"]) for one in periods]
    assert expected == found, (expected, found)


def _agree_on_what_hangs_on_it(history, facts) -> None:
    notes = sorted((one["at"], one["author"], one["text"]) for one in rows(history, "notes"))
    expected = [(clock(at), *words) for at, *words in naive.notes_of(facts).values()]
    assert notes == sorted(expected)
    promises = [
        (one["told_at"], one["expected_resolution_at"]) for one in rows(history, "promises")
    ]
    assert promises == [(clock(at), clock(date)) for at, date in naive.promises_of(facts)]
    states: dict[str, list[tuple[str, str]]] = {}
    for one in sorted(rows(history, "task_states"), key=lambda one: one["at"]):
        if one["ticket"] == f"default/{TICKET}":
            states.setdefault(one["task"], []).append((one["state"], one["at"]))
    assert states == {
        f"default/{event_type.removesuffix('StateChangeEvent')}/{task_id}": [
            (state, clock(at)) for state, at in told
        ]
        for (event_type, task_id), told in naive.tasks_of(facts).items()
    }


def is_cut_by_as_of(sent: Sequence[Sent], share: float) -> None:
    """What was true then: the entries until then of all entries, and nothing that was told later.

    As of the end it is the whole.
    """
    whole = fold(sent)
    moments = sorted({entry.at for entry in whole.timeline})
    then = moments[int(share * (len(moments) - 1))]
    cut = fold(sent, as_of=then)
    assert [entry.entry for entry in cut.timeline] == [
        entry.entry for entry in whole.timeline if entry.at <= then
    ]
    assert [(one.status, one.started_at) for one in cut.status_periods] == [
        (one.status, one.started_at) for one in whole.status_periods if one.started_at <= then
    ]
    assert all(one.told_at <= then for one in cut.promises)
    kept = {entry.entry for entry in cut.timeline}
    assert all(one.entry in kept for one in cut.changes)
    assert all(one.witness is None or one.witness in kept for one in cut.gaps)
    assert fold(sent, as_of=moments[-1]).timeline == whole.timeline
    assert fold(sent, as_of="2999-01-01T00:00:00.000Z") == whole


def is_known_at_what_had_come(batches: Sequence[Sequence[Sent]], place: int) -> None:
    """Known at T is, exactly, the fold of what was received until T; with the follower anywhere."""
    arrivals = [replace(one, received_at=None) for batch in batches for one in batch]
    events = [arrived(one, number) for number, one in enumerate(arrivals)]
    known_at = events[place % len(events)].received_at
    log = MemoryLog()
    log.append(events)
    until = MemoryLog()
    until.append([event for event in events if event.received_at <= known_at])
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        answers = [_ask(directory, log, known_at=known_at), _ask(directory, until)]
        with closing(follower.connect(directory / "history.db")) as history:
            follower.Follower(log, history, RULES).step(limit=1 + place % 7)
        answers.append(_ask(directory, log, known_at=known_at))
    assert answers[0] == answers[1] == answers[2]


def _ask(directory: Path, log: MemoryLog, known_at: str | None = None):
    try:
        return ticket_history(directory, log, TICKET, RULES, known_at=known_at)
    except UnknownTicket:
        return None


def fold(sent: Sequence[Sent], as_of: str | None = None):
    """The history of the ticket from these notifications, by the fold alone."""
    log = MemoryLog()
    log.append([arrived(one, number) for number, one in enumerate(sent)])
    zone = RULES.others.zone
    views = [view(event, event.body, zone) for event in log.read() if event.ticket_id == TICKET]
    unit = units.Unit("ticket", "default", f"default/{TICKET}")
    return units.fold(unit, views, RULES.others, as_of)
