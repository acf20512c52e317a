"""What must hold of histories, as functions: the properties try them on drawn lives, the planted
bugs on fixed ones."""

import json
from collections.abc import Sequence
from itertools import pairwise

from store.history import units
from store.history.view import view
from store.times import seconds_between
from tests.property import naive_fold as naive
from tests.property.follow import RULES, disordered, follow, rows, told
from tests.property.lives import TICKET, Life, Sent, arrived, clock, dropping

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
        (status, clock(start), "inferred" if inferred else "received")
        for status, start, _, inferred in naive.periods_of(naive.lane_of(facts))
    ]
    assert expected == [(one["status"], one["started_at"], one["provenance"]) for one in periods]


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
        if one["ticket"]:
            states.setdefault(one["task"], []).append((one["state"], one["at"]))
    assert states == {
        f"default/{event_type.removesuffix('StateChangeEvent')}/{task_id}": [
            (state, clock(at)) for state, at in told
        ]
        for (event_type, task_id), told in naive.tasks_of(facts).items()
    }


def fold(sent: Sequence[Sent], as_of: str | None = None):
    """The history of the ticket from these notifications, by the fold alone."""
    from store.log.memory import MemoryLog

    log = MemoryLog()
    log.append([arrived(one, number) for number, one in enumerate(sent)])
    zone = RULES.others.zone
    views = [view(event, zone) for event in log.read()]
    unit = units.Unit("ticket", "default", f"default/{TICKET}")
    return units.fold(unit, views, RULES.others, as_of)
