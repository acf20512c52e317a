"""A history in parts, against the whole of it: nothing lost, nothing twice, in the same order."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

from dashboards import parts
from dashboards.charts.marks import TimeScale
from tests.browser.sample_history import fill, long_life, provider_events


def test_parts_of_every_history_say_what_the_whole_says(tmp_path):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    events = [*provider_events(40, now), *long_life("LONG-1", 230, now)]
    fill(tmp_path, events)
    with closing(sqlite3.connect(tmp_path / "history.db")) as db:
        db.row_factory = sqlite3.Row

        async def ask(sql, values=()):
            return [dict(row) for row in db.execute(sql, values)]

        keys = [row["ticket"] for row in db.execute("select ticket from tickets")]
        for key in keys:
            asyncio.run(_compare(ask, key))
    assert len(keys) > 40


async def _compare(ask, key):
    whole = await ask("select * from timeline where ticket = ? order by at, rank, entry", [key])
    periods = await ask("select * from status_periods where ticket = ? order by n", [key])
    totals = await parts.totals(ask, key)
    counted = Counter(row["kind"] for row in whole)
    assert {kind: n for kind, n in totals.kinds.items() if kind != parts.NOTES} == counted
    assert totals.entries == len(whole)
    assert totals.late == sum((row["lateness_seconds"] or 0) >= 60 for row in whole)
    pages = -(-len(whole) // parts.PAGE)
    assert [
        row for page in range(pages) for row in await parts.page_of(ask, key, None, page + 1)
    ] == whole
    for place, row in list(enumerate(whole))[::40]:
        assert await parts.page_with(ask, key, row["entry"]) == place // parts.PAGE + 1
    first, last = await parts.extent(ask, key)
    instants = [at for row in (*whole, *periods)
                for name in ("at", "started_at", "ended_at") if (at := row.get(name))]  # fmt: skip
    assert first <= min(instants) <= max(instants) <= last
    scale = TimeScale.over(first, last, 0, 1_000)
    events = await parts.drawn_events(ask, key, scale)
    assert sum(row["marks"] for row in events) == len(whole)
    drawn = await parts.drawn_periods(ask, key, scale)
    numbers = {row["n"]: row["status"] or "unknown" for row in periods}
    assert all(row["before"] == numbers.get(row["n"] - 1) for row in drawn)
    long = [
        row["n"]
        for row in periods
        if (row["seconds"] or 0) > 0.02 * (scale.end - scale.start).total_seconds()
    ]
    assert set(long) <= {row["n"] for row in drawn}
    assert [row["n"] for row in drawn] == sorted(row["n"] for row in drawn)
