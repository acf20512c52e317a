"""What the page of a ticket shows: each part read by itself, so that a ticket of ten thousand
entries opens like one of ten.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dashboards import parts, raw, words
from dashboards.axes import Axes
from dashboards.charts import bars
from dashboards.charts.lanes import Drawn, lanes, scale_of
from dashboards.history import Ask, Beside, Row, read_beside, read_changes
from dashboards.pages import oddities
from dashboards.pages.entries import Told, anchor, entries_of
from dashboards.pages.facts import badges, facts
from dashboards.pages.related import neighbours, related
from dashboards.parts import PAGE, Totals
from dashboards.site import NOT_SEEN, Site
from store.history.clock import ServiceClock
from store.times import seconds_between

_EMBEDDED_BYTES = 32_768
"""Notifications are folded into the page up to this many bytes; beyond it they are links."""

_PERIODS = 50
_NOTES = 50


@dataclass(frozen=True)
class Asked:
    """A history, and what was asked for to get it."""

    site: Site
    axes: Axes
    ask: Ask
    ticket: Row

    @property
    def key(self) -> str:
        return self.ticket["ticket"]

    @property
    def clock(self) -> ServiceClock | None:
        """Its source's service clock, where the settings are known."""
        rules = self.site.rules
        return rules.of(self.ticket["source"]).clock if rules else None

    def address(self, form: str = "", **query: object) -> str:
        """Of this history in another form, on another page, or at another time."""
        return self.site.links.ticket(self.key, form, **{**self.axes.query, **query})

    def entry_address(self, entry: str) -> str:
        """Of an entry, on whatever page it stands."""
        told = entry.rpartition("#")[2]
        return f"{self._entry_base}{told}#{anchor(entry)}"

    @cached_property
    def _entry_base(self) -> str:
        # Hundreds of links on a page differ in nothing but the plain letters and digits at their end.
        return self.address(entry="")


async def context(asked: Asked) -> dict[str, Any]:
    """What the template shows."""
    site, now = asked.site, asked.axes.end(words.now_text())
    beside = await read_beside(asked.ask, asked.ticket)
    totals = await parts.totals(asked.ask, asked.key)
    timeline, there = await _timeline(asked, totals)
    link_to = _entry_links(asked, there)
    shares = await _shares(asked, now)
    return {
        "beside": beside,
        "ticket": asked.ticket,
        "axes": asked.axes,
        "address": asked.address,
        "entry_address": asked.entry_address,
        "by_default_rules": site.rules is None,
        "badges": badges(beside, now, asked.clock),
        "facts": facts(beside, site.links, now, asked.clock),
        "lanes": await _lanes(asked, beside, now, link_to),
        "periods": await parts.periods(asked.ask, asked.key, _PERIODS),
        "shares": shares,
        "share_bar": bars.share_bar(shares),
        "missing": oddities.missing(beside, link_to),
        "odd": oddities.odd(beside, totals.late, site.links),
        "totals": totals,
        "notes": await parts.notes(asked.ask, asked.key, _NOTES),
        "states": _states(beside),
        "related": await related(site.ask, beside),
        "neighbours": await neighbours(site.ask, asked.ticket),
        **timeline,
    }


async def _timeline(asked: Asked, totals: Totals) -> tuple[dict[str, Any], frozenset[str]]:
    """The page of the timeline that is asked for, and which entries are on it."""
    site = asked.site
    kind = site.argument("kind")
    kind = kind if kind in totals.kinds else None
    pages = max(1, -(-(totals.kinds[kind] if kind else totals.entries) // PAGE))
    page = await _page_number(asked, pages)
    shown = await parts.page_of(asked.ask, asked.key, kind, page)
    positions = [row["position"] for row in shown if row["position"] is not None]
    entries = entries_of(
        shown, await read_changes(asked.ask, shown), await _redelivered(site, positions)
    )
    bodies, unreachable = await _bodies(site, entries)
    told = {
        "entries": entries,
        "kind": kind,
        "page": page,
        "pages": pages,
        "bodies": bodies,
        "unreachable": unreachable,
    }
    return told, frozenset(row["entry"] for row in shown)


async def _page_number(asked: Asked, pages: int) -> int:
    entry = asked.site.argument("entry")
    if entry:
        return await parts.page_with(asked.ask, asked.key, f"{asked.key}#{entry}")
    text = asked.site.argument("page") or "1"
    return min(max(int(text), 1), pages) if text.isascii() and text.isdigit() else 1


def _entry_links(asked: Asked, there: frozenset[str]) -> Callable[[str], str]:
    """The address of an entry of the timeline, seen from a page that shows some of them."""

    def link_to(entry: str) -> str:
        return f"#{anchor(entry)}" if entry in there else asked.entry_address(entry)

    return link_to


async def _lanes(
    asked: Asked, beside: Beside, now: str, link_to: Callable[[str], str]
) -> str | None:
    scale = scale_of(beside, await parts.extent(asked.ask, asked.key), now)
    if scale is None:
        return None
    drawn = Drawn(
        scale,
        beside,
        await parts.drawn_periods(asked.ask, asked.key, scale),
        await parts.drawn_events(asked.ask, asked.key, scale),
        await parts.drawn_notes(asked.ask, asked.key, scale),
    )
    return lanes(drawn, now, link_to, "now" if asked.axes.is_now else "then")


async def _shares(asked: Asked, now: str) -> list[bars.Share]:
    """Time in each status; the present one runs until now while the ticket is open."""
    rows = await parts.seconds_by_status(asked.ask, asked.key)
    seconds = {row["status"]: row["seconds"] or 0.0 for row in rows}
    service = {row["status"]: row["service_seconds"] or 0.0 for row in rows}
    status, since = asked.ticket["status"], asked.ticket["status_since"]
    if asked.ticket["is_open"] and status in seconds and since and since < now:
        seconds[status] += seconds_between(since, now)
        if asked.clock:
            service[status] += asked.clock.seconds(status, since, now)
    return bars.shares(seconds, service)


def _states(beside: Beside) -> Mapping[str, list[Row]]:
    """The states each task went through."""
    states: dict[str, list[Row]] = {}
    for state in beside.task_states:
        states.setdefault(state["task"], []).append(state)
    return states


async def _redelivered(site: Site, positions: Sequence[int]) -> Mapping[int, int]:
    """How often events came again, by position."""
    marks = ", ".join("?" * len(positions))
    rows = await site.ask(
        "select position, redeliveries from events "
        f"where position in ({marks}) and redeliveries > 0",
        positions,
    )
    return {row["position"]: row["redeliveries"] for row in rows}


async def _bodies(site: Site, told: list[Told]) -> tuple[dict[int, str], str]:
    """Bodies to fold into the page, by position, and why there are none if the log is away."""
    if not site.sees_notifications:
        return {}, NOT_SEEN
    if not site.sees_notifications:
        return {}, NOT_SEEN
    if not site.sees_notifications:
        return {}, NOT_SEEN
    positions = [position for entry in told for position in entry.positions]
    try:
        found = await raw.events(site.directory, positions)
    except raw.LogUnreachable as error:
        return {}, str(error)
    bodies: dict[int, str] = {}
    room = _EMBEDDED_BYTES
    for position in positions:
        event = found.get(position)
        if event and len(event.body) <= room:
            room -= len(event.body)
            bodies[position] = raw.pretty(event.body)
    return bodies, ""
