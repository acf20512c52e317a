"""What is missing from a history and what is odd about it, in words and with the way to the proof."""

from collections.abc import Callable
from dataclasses import dataclass

from dashboards import words
from dashboards.history import Beside, Row
from dashboards.links import Links
from dashboards.parts import LATE_SECONDS

_NAMES = {
    "never_created": "creation never told",
    "illegal_transition": "unusual transition",
    "left_terminal": "left a final status",
    "after_delete": "told of after deletion",
    "unseen_update": "unseen update",
}


@dataclass(frozen=True, slots=True)
class Oddity:
    """One thing to know about a history."""

    name: str
    text: str
    at: str | None = None
    status: str | None = None
    """Of a change that no event told."""
    link: str = ""
    link_text: str = ""


def missing(beside: Beside, link_to: Callable[[str], str]) -> list[Oddity]:
    """Events that are proven to be missing, each with the entry that proves it."""
    return [
        Oddity(
            "never told",
            words.with_times(gap["proof"] or ""),
            gap["at"],
            gap["status"],
            link_to(gap["witness"]) if gap["witness"] else "",
            "the entry that proves it",
        )
        for gap in beside.gaps
    ]


def odd(beside: Beside, late: int, links: Links) -> list[Oddity]:
    """What was noticed and not corrected, then how events came: `late` is how many entries did."""
    noticed = [
        Oddity(
            _NAMES.get(notice["kind"], str(notice["kind"] or "notice").replace("_", " ")),
            words.with_times(notice["text"] or ""),
            notice["at"],
        )
        for notice in beside.notices
    ]
    return [*noticed, *_arrivals(beside.ticket, late, links)]


def _arrivals(ticket: Row, late: int, links: Links) -> list[Oddity]:
    key = ticket["ticket"]
    found: list[Oddity] = []
    if late:
        told = words.some(late, "entry", "entries")
        found.append(
            Oddity(
                "late",
                f"{told} arrived more than {words.span(LATE_SECONDS)} after being sent.",
                link=links.rows("timeline", ticket=key, lateness_seconds__gte=LATE_SECONDS),
                link_text="which",
            )
        )
    if ticket["conflicts"]:
        told = words.some(ticket["conflicts"], "event")
        found.append(
            Oddity(
                "conflict",
                f"{told} came under the id of another one, with other content. All are kept.",
                link=links.rows("events", ticket=key, conflict_of__notnull=1),
                link_text="which",
            )
        )
    if ticket["aliases"]:
        told = words.some(ticket["aliases"], "event")
        found.append(
            Oddity("alias", f"{told} said again, under another id, what was told already.")
        )
    return found
