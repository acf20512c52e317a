"""The properties can fail: plausible bugs, planted in the fold one by one, are all caught.

Each is a patch that lasts for one test. The lives are fixed, so a bug is caught every time.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec
import pytest

from store.history import (
    asking,
    entries,
    facts,
    fold,
    follower,
    gaps,
    periods,
    points,
    statuses,
    units,
    view,
)
from store.history.view import View
from tests.property import claims
from tests.property.follow import disordered
from tests.property.lives import STATUSES, Life, Sent, Style, tell
from tests.property.mess import around

Plant = Callable[[pytest.MonkeyPatch], None]
LIVES = 40


@cache
def _example(number: int) -> tuple[Life, list[Sent], list[Sent]]:
    chance = random.Random(number)
    style = Style(
        dated=number % 2 == 0,
        history=("statusChangeHistory", "statusChange", "statusChangeHistory", "")[number % 4],
        milliseconds=number % 3 > 0,
        resolved=("beside", "instead", "never")[number % 3],
        full=number % 5 < 3,
        occurred=number % 7 < 4,
        delay=(0, 350, 2_000)[number % 3],
    )
    path = ["acknowledged"]
    for _ in range(chance.randrange(2, 8)):
        path.append(chance.choice([status for status in STATUSES if status != path[-1]]))
    life = tell(style, path, number)
    return life, around(life, number), around(life, number, ties=False)


def _check(number: int) -> None:
    """Everything that is claimed of histories, on one life."""
    life, mess, plain = _example(number)
    claims.has_no_gap(life)
    if life.style.history:
        claims.finds_what_was_dropped(life, number)
    claims.keeps_its_rows(mess, number)
    claims.agrees_with_naive(plain)
    claims.spans_meet(mess)
    claims.is_cut_by_as_of(mess, number / LIVES)
    if number % 4 == 0:
        claims.is_known_at_what_had_come(disordered(mess, number), number * 7)


def _order_by_arrival(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(View, "order", property(lambda one: (one.received_at, one.position)))


def _order_by_send_time_alone(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(View, "order", property(lambda one: (one.occurred_at, one.position)))


def _drop_by_event_id_alone(plant: pytest.MonkeyPatch) -> None:
    def distinct(views: Sequence[View]) -> Any:
        first = {one.event_id: one for one in sorted(views, key=lambda one: -one.position)}
        return true_distinct(first.values())

    true_distinct = fold.distinct
    plant.setattr(fold, "distinct", distinct)


def _drop_conflicts(plant: pytest.MonkeyPatch) -> None:
    def distinct(views: Sequence[View]) -> Any:
        newest_first = sorted(views, key=lambda one: -one.position)
        return true_distinct({(one.event_type, one.event_id): one for one in newest_first}.values())

    true_distinct = fold.distinct
    plant.setattr(fold, "distinct", distinct)


def _ignore_late_events(plant: pytest.MonkeyPatch) -> None:
    def distinct(views: Sequence[View]) -> Any:
        kept: list[View] = []
        for one in sorted(views, key=lambda one: one.position):
            if not kept or one.occurred_at >= kept[-1].occurred_at:
                kept.append(one)
        return true_distinct(kept)

    true_distinct = fold.distinct
    plant.setattr(fold, "distinct", distinct)


def _forget_aliases(plant: pytest.MonkeyPatch) -> None:
    true_content = view._content
    plant.setattr(
        view, "_content", lambda event, *rest: true_content(event, *rest) + event.event_id
    )


def _take_repetitions_for_aliases(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(
        facts,
        "_say_the_same",
        lambda one, other: one.kind == other.kind and one.resource == other.resource,
    )


def _replace_instead_of_merge(plant: pytest.MonkeyPatch) -> None:
    true_merge = fold.merge

    def merge(state: dict[str, Any], resource: dict[str, Any]) -> Any:
        for name in set(state) - set(resource):
            del state[name]
        return true_merge(state, resource)

    plant.setattr(fold, "merge", merge)


def _merge_arrays(plant: pytest.MonkeyPatch) -> None:
    true_merge = fold.merge

    def merge(state: dict[str, Any], resource: dict[str, Any]) -> Any:
        joined = {
            name: [*state[name], *one]
            if isinstance(one, list) and isinstance(state.get(name), list)
            else one
            for name, one in resource.items()
        }
        return true_merge(state, joined)

    plant.setattr(fold, "merge", merge)


def _take_null_for_absent(plant: pytest.MonkeyPatch) -> None:
    true_merge = fold.merge
    plant.setattr(
        fold,
        "merge",
        lambda state, resource: true_merge(
            state, {name: one for name, one in resource.items() if one is not None}
        ),
    )


def _forget_tombstones(plant: pytest.MonkeyPatch) -> None:
    plant.setitem(view.KINDS, "TroubleTicketDeleteEvent", ("attributes", 9))


def _ignore_time_zones(plant: pytest.MonkeyPatch) -> None:
    true_read = view.read_time
    plant.setattr(
        view,
        "read_time",
        lambda text, zone: true_read(text[:-6] + "Z" if str(text)[-6:-5] == "+" else text, zone),
    )


def _time_status_by_telling(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(
        statuses, "_changed_at", lambda one, claim, born: (one.occurred_at, one.occurred_rule)
    )


def _ignore_histories(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(gaps, "proven_by_history", lambda views, told: [])


def _believe_histories_only(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(gaps._Matching, "knows", lambda *_: False)


def _see_gaps_in_stale_statuses(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(gaps._Known, "_changed_just_then", lambda *_: False)


def _tell_twins_apart(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(statuses, "_is_same_change", lambda earlier, later: False)


def _let_one_undated_event_answer_for_all(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(points, "ROUNDING_SECONDS", 90_000.0)


def _repeat_a_status_as_a_period(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(periods, "transitions", list)


def _cut_before_the_moment(plant: pytest.MonkeyPatch) -> None:
    def until(timeline: entries.Timeline, end: str) -> entries.Timeline:
        # `<` where it must be `<=`
        return timeline._replace(entries=[one for one in timeline.entries if (one.at or "") < end])

    plant.setattr(entries.Timeline, "until", until)


def _know_before_the_moment(plant: pytest.MonkeyPatch) -> None:
    # Without its Z a text sorts before itself: `<` where it must be `<=`.
    plant.setattr(asking, "_quoted", lambda text: text.removesuffix("Z"))


def _give_a_task_to_who_named_it_first(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(
        units,
        "_tickets_of",
        lambda connection, task: [
            ticket
            for (ticket,) in connection.execute(
                "SELECT ticket FROM events WHERE task = ? AND ticket IS NOT NULL "
                "GROUP BY ticket ORDER BY min(position)",
                (task,),
            )
        ],
    )


def _date_notes_by_their_last_telling(plant: pytest.MonkeyPatch) -> None:
    true_notes = fold.attached.note_rows
    plant.setattr(
        fold.attached,
        "note_rows",
        lambda ticket, views, zone: [
            row
            for one in views
            for row in true_notes(ticket, [one], zone)  # the latest of one key stays in the table
        ],
    )


def _write_bodies_as_they_came(plant: pytest.MonkeyPatch) -> None:
    true_view = view.view

    def as_it_came(event: Any, body: bytes, *rules: Any) -> View:
        one = true_view(event, body, *rules)
        return msgspec.structs.replace(one, resource={**one.resource, "raw": body.decode()})

    plant.setattr(follower, "view", as_it_came)


def _grant_what_was_asked_for(plant: pytest.MonkeyPatch) -> None:
    plant.setitem(view.KINDS, "TroubleTicketRequestedEvent", ("attributes", 1))


def _infer_what_was_read(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(points.Point, "provenance", property(_received_or_inferred))


def _received_or_inferred(point: points.Point) -> str:
    return "inferred" if point.inferred else "received"


def _keep_what_a_whole_answer_left_out(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(fold, "whole", lambda state, resource: resource)


def _believe_that_what_is_gone_changed(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(view, "GONE", ("reconciled", 8))


BUGS: tuple[Plant, ...] = (
    _order_by_arrival,
    _order_by_send_time_alone,
    _drop_by_event_id_alone,
    _drop_conflicts,
    _ignore_late_events,
    _forget_aliases,
    _take_repetitions_for_aliases,
    _replace_instead_of_merge,
    _merge_arrays,
    _take_null_for_absent,
    _forget_tombstones,
    _ignore_time_zones,
    _time_status_by_telling,
    _ignore_histories,
    _believe_histories_only,
    _see_gaps_in_stale_statuses,
    _tell_twins_apart,
    _let_one_undated_event_answer_for_all,
    _repeat_a_status_as_a_period,
    _cut_before_the_moment,
    _know_before_the_moment,
    _give_a_task_to_who_named_it_first,
    _date_notes_by_their_last_telling,
    _write_bodies_as_they_came,
    _grant_what_was_asked_for,
    _infer_what_was_read,
    _keep_what_a_whole_answer_left_out,
    _believe_that_what_is_gone_changed,
)


def _check_all() -> None:
    for number in range(LIVES):
        _check(number)


def test_without_a_bug_every_claim_holds():
    _check_all()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__.strip("_"))
def test_a_planted_bug_is_caught(bug, monkeypatch):
    bug(monkeypatch)
    with pytest.raises(AssertionError):
        _check_all()
