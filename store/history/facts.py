"""Facts: what was told about a ticket, each thing once, in an order that arrival cannot change. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from store.history.members import Difference
from store.history.view import View


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing told, with every event that tells it and what it changed."""

    view: View
    aliases: tuple[View, ...]
    conflict: bool
    changes: tuple[Difference, ...] = ()


def distinct(views: Iterable[View]) -> list[Fact]:
    """What was told, each thing once, in fold order; the same key with other content in conflict."""
    by_content: dict[str, list[View]] = {}
    for view in sorted(views, key=lambda view: view.order):
        by_content.setdefault(view.content, []).append(view)
    contents_of: dict[tuple[str, str], set[str]] = {}
    for content, same in by_content.items():
        for view in same:
            contents_of.setdefault((view.event_type, view.event_id), set()).add(content)
    facts = [
        Fact(
            view=same[0],
            aliases=tuple(same[1:]),
            conflict=any(len(contents_of[v.event_type, v.event_id]) > 1 for v in same),
        )
        for same in by_content.values()
    ]
    return sorted(facts, key=lambda fact: fact.view.order)
