"""What must hold of histories, as functions: the properties try them on drawn lives, the planted
bugs on fixed ones."""

from collections.abc import Sequence

from store.history import units
from store.history.view import view
from store.times import seconds_between
from tests.property.follow import RULES, disordered, follow, rows, told
from tests.property.lives import TICKET, Life, Sent, arrived, dropping

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
    for before, after in zip(periods, periods[1:], strict=False):
        assert before["ended_at"] == after["started_at"]
        assert before["status"] != after["status"]
    ended = [one for one in periods if one["ended_at"]]
    if ended:
        span = seconds_between(ended[0]["started_at"], ended[-1]["ended_at"])
        assert abs(sum(one["seconds"] for one in ended) - span) < 0.001 * len(ended)
        assert all(one["seconds"] >= 0 for one in ended)


def fold(sent: Sequence[Sent], as_of: str | None = None):
    """The history of the ticket from these notifications, by the fold alone."""
    from store.log.memory import MemoryLog

    log = MemoryLog()
    log.append([arrived(one, number) for number, one in enumerate(sent)])
    zone = RULES.others.zone
    views = [view(event, zone) for event in log.read()]
    unit = units.Unit("ticket", "default", f"default/{TICKET}")
    return units.fold(unit, views, RULES.others, as_of)
