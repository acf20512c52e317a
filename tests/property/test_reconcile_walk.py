"""Lists that move while they are read: no ticket is lost, whatever the provider's list can do."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.provider.client import Answer
from receiver.provider.reconcile.pages import Lists
from receiver.provider.reconcile.rules import ReconcileRules
from receiver.provider.reconcile.walk import Walk, Walker
from store.reconciling.held import Holdings
from store.reconciling.ledger import DIFFERS, SEEN, Ledger
from store.times import utc_text
from tests.property.follow import examples

BEGIN = datetime(2026, 11, 24, 6, tzinfo=UTC)
NOWHERE = Path("/nonexistent")


@dataclass
class Moving:
    """A provider's list; between two requests things happen to it."""

    seed: int
    sorts: bool
    counts: bool
    newest_first: bool
    most: int
    """It gives at most so many at once."""
    busy: float
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0
    still_after: int = 10**9
    """Nothing happens any more after so many requests: the walk can come to an end."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = 0
        for _ in range(self.chance.randrange(0, 60)):
            self._add()

    def _tick(self) -> str:
        self.clock += 1
        return utc_text(BEGIN + timedelta(seconds=self.clock))

    def _add(self) -> None:
        name = f"T-{len(self.tickets) + self.clock:04d}"
        at = self._tick()
        self.tickets[name] = {"id": name, "creationDate": at, "lastUpdate": at, "n": 0}

    def happen(self) -> None:
        if self.asked > self.still_after:
            return
        while self.chance.random() < self.busy:
            what = self.chance.randrange(4)
            names = list(self.tickets)
            if what == 0 or not names:
                self._add()
            elif what == 1:
                del self.tickets[self.chance.choice(names)]
            else:
                one = self.tickets[self.chance.choice(names)]
                one |= {"lastUpdate": self._tick(), "n": one["n"] + 1}

    async def get(self, path: str, query: dict[str, str] | None = None) -> Answer:
        self.asked += 1
        self.happen()
        if query is None:
            found = self.tickets.get(path.rpartition("/")[2])
            return self._answer(200 if found else 404, found or {}, {})
        order = query.get("sort", "") if self.sorts else ""
        listed = list(self.tickets.values())
        if order:
            listed.sort(key=lambda one: one["lastUpdate"], reverse=order.startswith("-"))
        elif self.newest_first:
            listed.reverse()
        offset, limit = int(query["offset"]), min(self.most, int(query["limit"]))
        headers = {"x-total-count": str(len(listed))} if self.counts else {}
        page = listed[offset : offset + limit]
        return self._answer(206 if len(page) < len(listed) else 200, page, headers)

    def _answer(self, status: int, body: Any, headers: dict[str, str]) -> Answer:
        return Answer(status, headers, json.dumps(body).encode(), "http://provider")


def walked(moving: Moving, since: str | None = None, most: int = 10_000) -> tuple[Walk, Ledger]:
    rules = ReconcileRules(source="default", page_size=7, most=most)
    ledger = Ledger(None, "default")
    walker = Walker(
        rules,
        Lists(moving, rules.page_size),
        Holdings(NOWHERE, "default"),
        ledger,
        now=lambda: "2026-11-24T12:00:00.000Z",
        progress=lambda *_: None,
    )
    walk = Walk(resource_type="TroubleTicket", since=since)
    asyncio.run(walker.walk(walk))
    return walk, ledger


def seen(ledger: Ledger) -> dict[str, int]:
    """Of each ticket that was seen, in which state it was seen last."""
    found = {note.id: note for note in ledger.every(DIFFERS, "TroubleTicket")}
    assert found.keys() == {note.id for note in ledger.every(SEEN, "TroubleTicket")}
    return {name: json.loads(note.answer)["n"] for name, note in found.items()}


MOVINGS = st.builds(
    Moving,
    seed=st.integers(0, 2**20),
    sorts=st.booleans(),
    counts=st.booleans(),
    newest_first=st.booleans(),
    most=st.sampled_from([2, 3, 7, 100]),
    busy=st.sampled_from([0.0, 0.2, 0.4]),
)


@examples(300)
@given(MOVINGS)
def test_every_ticket_that_was_there_all_the_time_is_seen(moving):
    before = set(moving.tickets)
    _, ledger = walked(moving)
    assert before & moving.tickets.keys() <= seen(ledger).keys()


@examples(200)
@given(MOVINGS, st.integers(0, 12))
def test_where_the_provider_sorts_what_changed_meanwhile_is_seen_as_it_became(moving, requests):
    moving.sorts, moving.still_after = True, requests
    _, ledger = walked(moving)
    last = {name: one["n"] for name, one in moving.tickets.items()}
    assert last.items() <= seen(ledger).items()


@examples(100)
@given(MOVINGS, st.floats(0, 1))
def test_what_changed_since_a_moment_is_seen_and_where_it_sorts_little_else_is_asked_for(
    moving, share
):
    moving.busy = 0.0
    dates = sorted(one["lastUpdate"] for one in moving.tickets.values())
    since = dates[int(share * (len(dates) - 1))] if dates else "2026-11-24T00:00:00.000Z"
    wanted = {name for name, one in moving.tickets.items() if one["lastUpdate"] >= since}
    _, ledger = walked(moving, since)
    assert wanted <= seen(ledger).keys()
    if moving.sorts and moving.most >= 7 and len(moving.tickets) > 1:
        assert moving.asked <= 6 + 2 * (len(wanted) // 6 + 1)


def test_a_list_that_only_looks_sorted_is_read_to_its_end():
    moving = Moving(2, sorts=False, counts=True, newest_first=True, most=100, busy=0.0)
    for _ in range(40):
        moving._add()
    oldest = next(iter(moving.tickets.values()))
    oldest["lastUpdate"] = moving._tick()
    _, ledger = walked(moving, since=oldest["lastUpdate"])
    assert oldest["id"] in seen(ledger)


@pytest.mark.parametrize("counts", [True, False])
def test_a_provider_that_gives_one_at_a_time_is_read_to_its_end(counts):
    moving = Moving(4, sorts=False, counts=counts, newest_first=True, most=1, busy=0.0)
    _, ledger = walked(moving)
    assert len(moving.tickets) > 10
    assert seen(ledger).keys() == moving.tickets.keys()


def test_a_list_that_ignores_offset_ends():
    class Stubborn(Moving):
        async def get(self, path, query=None):
            return await super().get(path, query and {**query, "offset": "0"})

    moving = Stubborn(3, sorts=False, counts=False, newest_first=True, most=100, busy=0.0)
    _, ledger = walked(moving)
    assert len(seen(ledger)) == 7
    assert moving.asked < 15


def test_a_list_that_is_too_long_is_read_to_the_bound_and_said_so():
    moving = Moving(1, sorts=True, counts=True, newest_first=True, most=100, busy=0.0)
    for _ in range(60):
        moving._add()
    walk, ledger = walked(moving, most=20)
    assert walk.stopped == "most"
    assert 20 <= len(seen(ledger)) < 30


def test_a_walk_that_was_interrupted_goes_on_where_it_was(tmp_path):
    moving = Moving(5, sorts=False, counts=True, newest_first=True, most=100, busy=0.0)
    for _ in range(80):
        moving._add()
    rules = ReconcileRules(source="default", page_size=7)
    kept: list[Walk] = []

    def walker(ledger: Ledger) -> Walker:
        made = Walker(
            rules,
            Lists(moving, rules.page_size),
            Holdings(NOWHERE, "default"),
            ledger,
            now=lambda: "2026-11-24T12:00:00.000Z",
            progress=lambda *_: None,
        )
        made.keep = lambda walk: kept.append(Walk(**vars_of(walk)))
        return made

    class Interrupted(Exception):
        pass

    true_happen, moving.happen = moving.happen, lambda: None

    def interrupt() -> None:
        if moving.asked == 9:
            raise Interrupted

    moving.happen = interrupt
    ledger = Ledger(tmp_path, "default")
    with pytest.raises(Interrupted):
        asyncio.run(walker(ledger).walk(Walk(resource_type="TroubleTicket", since=None)))
    ledger.close()
    moving.happen = true_happen
    reached, asked = kept[-1].offset, moving.asked
    assert reached > 20
    ledger = Ledger(tmp_path, "default")
    asyncio.run(walker(ledger).walk(kept[-1]))
    assert seen(ledger).keys() == moving.tickets.keys()
    assert moving.asked - asked <= (len(moving.tickets) - reached) // 6 + 4


def vars_of(walk: Walk) -> dict[str, Any]:
    return {name: getattr(walk, name) for name in walk.__dataclass_fields__}
