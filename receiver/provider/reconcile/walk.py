"""Walk: every resource of one type, read from the provider and compared with what we hold.

The list moves meanwhile. What is new pushes everything on: it is seen twice. What is deleted pulls
everything back, past us: so every page begins with the last resource of the page before, and where
it does not, the same is read again from further back. What changed behind us is found at the end,
when the beginning is read again until it tells nothing new; and as long as the provider counts more
than were seen, all is read once more. (A provider that gives one resource at a time has no page that
could begin with another: what is deleted there meanwhile may hide one.)

Kept page by page in the ledger: interrupted, or killed, it goes on where it was.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from receiver.provider.reconcile.pages import Found, Lists, Page
from receiver.provider.reconcile.rules import ReconcileRules
from store.payload import status_changes
from store.reconciling.compare import differences, proves
from store.reconciling.held import Held, Holdings
from store.reconciling.ledger import DIFFERS, SEEN, UNEXPLAINED, Ledger, Note
from store.times import read_time

MOST_TIMES = 3
"""How often all is read when the provider counts more than were seen."""
BEGINNINGS = 20
"""How often the beginning is read again at most, where something new stands there each time."""
IGNORED_TIMES = 5
"""How often the same page again, further on each time, means that the provider knows no offset; once
it may be that as much as a page has come in front of us."""
WHOLE = frozenset({"TroubleTicket", "TroubleTicketSpecification"})
"""Types whose whole answer says also what is not there (store/history/members.py)."""

Progress = Callable[[str, int, int], None]
"""Told the resource type, how many were seen, how many there are as far as is known."""


@dataclass(slots=True, kw_only=True)
class Walk:
    """How far the reading of one type is; kept in the ledger."""

    resource_type: str
    since: str | None
    """Only what changed then or later is wanted (UTC text); None: everything."""
    is_sorted: bool | None = None
    """Whether the provider sorts by lastUpdate; None: not known yet."""
    is_full: bool = False
    """Whether a resource in a list is as whole as one by its id."""
    offset: int = 0
    seen: int = 0
    """How many were seen, each once."""
    counted: int | None = None
    """X-Total-Count."""
    times: int = 1
    turn: int = 1
    """Which reading this is, of all and of beginnings: what was seen in it is ground to stand on."""
    newest: str | None = None
    """The latest lastUpdate that was seen, by the provider's clock."""
    stopped: str = ""
    """Why it ended before the list did: `since`, `most`; empty when it did not."""
    is_done: bool = False


class Walker:
    """Walks for one reconciliation."""

    def __init__(
        self,
        rules: ReconcileRules,
        lists: Lists,
        holdings: Holdings,
        ledger: Ledger,
        *,
        now: Callable[[], str],
        progress: Progress,
    ) -> None:
        self._rules = rules
        self._lists = lists
        self._holdings = holdings
        self._ledger = ledger
        self._now = now
        self._progress = progress
        self.keep: Callable[[Walk], None] = lambda _walk: None
        """Told to keep a walk, within the ledger's transaction."""

    async def walk(self, walk: Walk) -> None:
        """Walk on until it is done. Raises NotServed, NotReconciled, ProviderAway, LogUnavailable."""
        if walk.is_sorted is None:
            walk.is_sorted = await self._lists.sorts(walk.resource_type)
            walk.is_full = await self._lists_are_full(walk)
        while True:
            await self._to_the_end(walk)
            if walk.stopped != "most":
                await self._beginning_again(walk)
            if walk.stopped or (walk.counted or 0) <= walk.seen or walk.times >= MOST_TIMES:
                break
            walk.times, walk.turn, walk.offset = walk.times + 1, walk.turn + 1, 0
        walk.is_done = True
        with self._ledger.writing():
            self.keep(walk)

    async def _lists_are_full(self, walk: Walk) -> bool:
        page = await self._lists.page(walk.resource_type, 0, is_sorted=bool(walk.is_sorted))
        if not page.found:
            return False
        first = page.found[0]
        _, whole = await self._lists.one(walk.resource_type, first.id)
        return whole is not None and whole.members.keys() <= first.members.keys()

    async def _to_the_end(self, walk: Walk) -> None:
        async for page in self._pages(walk, walk.offset):
            walk.offset = page.end
            walk.counted = page.total
            if page.found and self._is_before(walk, page.found[-1]):
                walk.stopped = "since"
            self._take(walk, page)
            if walk.is_sorted and not self._is_in_order(page):
                # It does not sort after all: the same from the beginning, in its own order.
                walk.is_sorted, walk.stopped, walk.offset, walk.turn = False, "", 0, walk.turn + 1
                await self._to_the_end(walk)
                return
            if walk.seen >= self._rules.most and not page.is_last:
                walk.stopped = "most"
            if walk.stopped:
                return

    async def _beginning_again(self, walk: Walk) -> None:
        for _ in range(BEGINNINGS):
            had_news = False
            walk.turn += 1
            began = walk.turn
            async for page in self._pages(walk, 0):
                # What was taken in this very turn says nothing about what stands below it.
                reached = self._was_taken(walk, page.found, before=began)
                news = self._take(walk, page)
                had_news = had_news or bool(news)
                if reached and not news:
                    break
            if not had_news:
                return

    async def _pages(self, walk: Walk, offset: int) -> AsyncIterator[Page]:
        """Page after page from `offset` to the end; each begins with what was taken in this turn."""
        back, overlap, same = self._rules.page_size, 1, 0
        names: list[str] = []
        began = ground = walk.turn
        while True:
            start = max(0, offset - overlap)
            page = await self._lists.page(walk.resource_type, start, is_sorted=bool(walk.is_sorted))
            if start and overlap and not self._was_taken(walk, page.found[:1], since=ground):
                # Something was deleted in front of us. What is read again was taken already, which
                # proves nothing about what lies in between: that is a turn of its own.
                offset, back, names = max(0, offset - back), back * 2, []
                walk.turn, ground = walk.turn + 1, began
                continue
            ground = walk.turn
            before, names = names, [one.id for one in page.found]
            same = same + 1 if names == before else 0
            progressed = page.end > offset and same < IGNORED_TIMES
            yield page
            if page.is_last or not progressed:
                return
            offset = page.end
            back, overlap = self._rules.page_size, 1 if page.count > 1 else 0

    def _was_taken(
        self, walk: Walk, found: Sequence[Found], since: int = 0, before: int | None = None
    ) -> bool:
        """Whether any of these was taken in the turns since the one, before the other."""
        noted = self._ledger.noted(SEEN, walk.resource_type, [one.id for one in found])
        turns = [one["turn"] for one in noted.values()]
        return any(since <= turn and (before is None or turn < before) for turn in turns)

    def _is_in_order(self, page: Page) -> bool:
        dates = [self._updated(one) for one in page.found]
        return all(
            older is not None and newer is not None and older <= newer
            for newer, older in pairwise(dates)
        )

    def _is_before(self, walk: Walk, one: Found) -> bool:
        updated = self._updated(one)
        return bool(walk.is_sorted and walk.since and updated and updated < walk.since)

    def _updated(self, one: Found) -> str | None:
        return read_time(one.members.get("lastUpdate"), self._rules.zone)

    def _take(self, walk: Walk, page: Page) -> int:
        """Compare a page and note it; how many told something new."""
        kind, asked_at = walk.resource_type, self._now()
        ids = [one.id for one in page.found]
        seen = self._ledger.noted(SEEN, kind, ids)
        held = self._holdings.of(kind, ids)
        news = 0
        walk.seen += len({*ids} - seen.keys())
        dates = [date for one in page.found if (date := self._updated(one))]
        walk.newest = max([*dates, walk.newest or ""]) or None
        with self._ledger.writing():
            for one in page.found:
                digest = hashlib.sha256(one.answer).hexdigest()[:16]
                if seen.get(one.id, {}).get("digest") != digest:
                    news += 1
                    self.compare(walk, one, held.get(one.id), asked_at)
                noted = {"digest": digest, "turn": walk.turn}
                self._ledger.note(SEEN, Note(kind, one.id, noted))
            self.keep(walk)
        self._progress(kind, walk.seen, max(walk.counted or 0, walk.seen))
        return news

    def compare(self, walk: Walk, one: Found, held: Held | None, asked_at: str) -> list[str]:
        """What differs, noted within the ledger's transaction."""
        kind = walk.resource_type
        whole = walk.is_full and kind in WHOLE
        found = differences(held, one.members, self._rules.zone, whole=whole)
        if found:
            told = {"members": found if held else [], "asked_at": asked_at}
            self._ledger.note(DIFFERS, Note(kind, one.id, told, one.answer))
        else:
            self._ledger.strike(DIFFERS, kind, one.id)
        note_gaps(self._ledger, kind, one, held, self._rules.zone)
        return found


def note_gaps(ledger: Ledger, kind: str, one: Found, held: Held | None, zone: str) -> None:
    """What a ticket lacks and the provider does not tell either is left unexplained."""
    left = [gap for gap in held.gaps if not proves(one.members, gap, zone)] if held else []
    if not left:
        ledger.strike(UNEXPLAINED, kind, one.id)
        return
    told = ", ".join(f"{gap.status or 'another status'} at {gap.at}" for gap in left)
    has = "history does not tell" if status_changes(one.members) else "answer has no history of"
    why = f"a gap stays: the provider's {has} {told}"
    ledger.note(UNEXPLAINED, Note(kind, one.id, {"why": why}))
