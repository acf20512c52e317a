"""Facts: what was told about a ticket, each thing once, in an order that arrival cannot change. Pure."""

from collections.abc import Iterable
from operator import attrgetter

import msgspec

from store.history.members import Difference
from store.history.view import TIMELESS, View


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One thing told, with every event that tells it and what it changed."""

    view: View
    aliases: tuple[View, ...]
    conflict: bool
    changes: tuple[Difference, ...] = ()


def distinct(views: Iterable[View]) -> list[Fact]:
    """What was told, each thing once, in fold order; the same key with other content in conflict."""
    told: list[list[View]] = []
    timeless: dict[str, list[View]] = {}
    by_name: dict[tuple[str, str], View] = {}
    conflicting: set[tuple[str, str]] = set()
    for view in sorted(views, key=_order):
        name = (view.event_type, view.event_id)
        namesake = by_name.setdefault(name, view)
        if namesake is not view and namesake.content != view.content:
            conflicting.add(name)
        # Those who say the same of one moment follow each other; of no moment, they may be apart.
        if view.occurred_rule == TIMELESS:
            same = timeless.setdefault(view.content, [])
            if not same:
                told.append(same)
            same.append(view)
        elif told and _say_the_same(told[-1][0], view):
            told[-1].append(view)
        else:
            told.append([view])
    return [
        Fact(
            same[0],
            tuple(same[1:]),
            bool(conflicting) and any((v.event_type, v.event_id) in conflicting for v in same),
        )
        for same in told
    ]


def _say_the_same(one: View, other: View) -> bool:
    return (
        one.occurred_at == other.occurred_at
        and one.rank == other.rank
        and one.content == other.content
    )


_order = attrgetter("order")
