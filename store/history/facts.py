"""Facts: what was told about a ticket, each thing once, in an order that arrival cannot change. Pure."""

from collections.abc import Iterable
from operator import attrgetter

import msgspec

from store.history.members import Difference
from store.history.view import View


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One thing told, with every event that tells it and what it changed."""

    view: View
    aliases: tuple[View, ...]
    conflict: bool
    changes: tuple[Difference, ...] = ()


def distinct(views: Iterable[View]) -> list[Fact]:
    """What was told, each thing once, in fold order; the same key with other content in conflict."""
    by_content: dict[str, list[View]] = {}
    content_of: dict[tuple[str, str], str] = {}
    conflicting: set[tuple[str, str]] = set()
    for view in sorted(views, key=_order):
        content = view.content
        by_content.setdefault(content, []).append(view)
        name = (view.event_type, view.event_id)
        if content_of.setdefault(name, content) != content:
            conflicting.add(name)
    return [
        Fact(
            same[0],
            tuple(same[1:]),
            bool(conflicting) and any((v.event_type, v.event_id) in conflicting for v in same),
        )
        for same in by_content.values()
    ]


_order = attrgetter("order")
