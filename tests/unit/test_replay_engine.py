"""Lanes, sender, breaker and ledger: order per ticket, whose fault a failure is, what waits and what is dead."""

import asyncio
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing

import pytest

from store import open_log
from store.replay import breaker, job, lanes
from store.replay.job import Stopping, Work
from store.replay.ledger import JobExists, Ledger, LogLocked, UnknownJob
from store.replay.selection import Selected, Selection
from store.replay.sending import Manner
from store.replay.targets.protocol import Busy, Failed, Rejected, Unavailable
from tests.new_events import NOW, new_event

QUICK = Manner(concurrency=4, attempts=3, first_pause_seconds=0.001, longest_pause_seconds=0.01)

EVERYTHING = Selection()


class Endpoint:
    """Takes everything but what `bad` says, and remembers the order of what it took."""

    def __init__(self, bad=lambda event, tries: None):
        self.taken: list[int] = []
        self.tries = defaultdict(int)
        self.at_once = self.most_at_once = 0
        self._bad = bad

    async def deliver(self, event):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.tries[event.position] += 1
        error = self._bad(event, self.tries[event.position])
        if error:
            raise error
        self.taken.append(event.position)

    async def close(self):
        return


@pytest.fixture
def directory(tmp_path):
    with closing(open_log(tmp_path)) as log:
        log.append([new_event(str(n), ticket_id=f"T{n % 7}") for n in range(1, 71)])
    return tmp_path


def run(directory, endpoint, *, name="job", manner=QUICK, selection=EVERYTHING, **more):
    """Begin or go on; why it ended, and what became of each event."""
    with closing(Ledger(directory)) as ledger, closing(Selected(directory, selection)) as origin:
        try:
            found = ledger.job(name)
        except UnknownJob:
            told = selection.told()
            found = ledger.begin(name=name, kind="replay", target="t", selection=told, after=0, by="me", at=NOW)  # fmt: skip
        more = {"stopping": Stopping()} | more
        work = Work(job=found, ledger=ledger, origin=origin, **more)
        why = asyncio.run(asyncio.wait_for(job.run_endpoint(work, endpoint, manner), 30))
        return why, {one.position: one for one in ledger.deliveries(found)}


def of_ticket(positions, number):
    return [one for one in positions if one % 7 == number]


def test_tickets_go_side_by_side_and_each_in_order(directory):
    endpoint = Endpoint()
    why, rows = run(directory, endpoint)
    assert why is None
    assert endpoint.most_at_once == QUICK.concurrency
    assert all(of_ticket(endpoint.taken, n) == of_ticket(range(1, 71), n) for n in range(7))
    assert {row.outcome for row in rows.values()} == {"delivered"}
    assert sorted(rows) == list(range(1, 71))


def test_an_event_that_fails_is_tried_again_and_its_ticket_waits(directory):
    endpoint = Endpoint(
        lambda event, tries: Failed("500") if event.position == 8 and tries < 3 else None
    )
    _, rows = run(directory, endpoint)
    assert of_ticket(endpoint.taken, 1) == of_ticket(range(1, 71), 1)
    assert (rows[8].outcome, rows[8].attempts) == ("delivered", 3)
    assert endpoint.taken.index(8) > endpoint.taken.index(9), "the other tickets go on"


@pytest.mark.parametrize(("error", "attempts"), [(Rejected("400"), 1), (Failed("500"), 3)])
def test_what_is_given_up_is_a_dead_letter_and_its_ticket_waits_until_somebody_decides(
    directory, error, attempts
):
    bad = [15]
    endpoint = Endpoint(lambda event, _: error if event.position in bad else None)
    why, rows = run(directory, endpoint)
    assert why is None
    assert (rows[15].outcome, rows[15].attempts, rows[15].error) == ("dead", attempts, str(error))
    behind = of_ticket(range(16, 71), 1)
    assert {rows[one].outcome for one in behind} == {"waiting"}
    assert len(endpoint.taken) == 70 - 1 - len(behind)

    run(directory, endpoint)
    assert len(endpoint.taken) == 70 - 1 - len(behind), "going on alone decides nothing"

    with closing(Ledger(directory)) as ledger:
        assert ledger.decide(ledger.job("job"), "waiting", NOW, 16) == []
        assert ledger.decide(ledger.job("job"), "waiting", NOW) == [15]
    bad.clear()
    _, rows = run(directory, endpoint)
    assert {row.outcome for row in rows.values()} == {"delivered"}
    assert of_ticket(endpoint.taken, 1) == of_ticket(range(1, 71), 1)


def test_what_waits_behind_a_dropped_dead_letter_goes_on(directory):
    endpoint = Endpoint(lambda event, _: Rejected("no") if event.position in {15, 29} else None)
    run(directory, endpoint)
    with closing(Ledger(directory)) as ledger:
        ledger.decide(ledger.job("job"), "dropped", NOW, 15)
    _, rows = run(directory, endpoint)
    assert rows[15].outcome == "dropped"
    assert rows[22].outcome == "delivered"
    assert (rows[29].outcome, rows[36].outcome) == ("dead", "waiting")


@pytest.mark.parametrize("error", [Unavailable("down"), Busy("slowly")])
def test_an_outage_gives_no_event_up(directory, error, monkeypatch):
    monkeypatch.setattr(breaker, "SHORTEST_PAUSE_SECONDS", 0.01)
    calls = [0]

    def bad(_event, _tries):
        calls[0] += 1
        return error if calls[0] < 200 else None

    _, rows = run(directory, Endpoint(bad))
    assert {row.outcome for row in rows.values()} == {"delivered"}
    assert sum(row.attempts for row in rows.values()) >= 200


def test_being_unavailable_for_one_event_alone_is_its_own_fault(directory):
    endpoint = Endpoint(lambda event, _: Unavailable("gone") if event.position == 3 else None)
    with closing(open_log(directory)) as log:
        log.append([new_event(f"more {n}", ticket_id=f"M{n}") for n in range(2_000)])
    _, rows = run(directory, endpoint)
    assert rows[3].outcome == "dead"


def test_a_replay_stops_when_nobody_is_served_for_too_long(directory, monkeypatch):
    monkeypatch.setattr(breaker, "SHORTEST_PAUSE_SECONDS", 0.01)
    endpoint = Endpoint(lambda *_: Unavailable("down"))
    why, rows = run(directory, endpoint, give_up_seconds=0.3)
    assert "served nobody" in why
    assert not endpoint.taken
    assert "dead" not in {row.outcome for row in rows.values()}
    endpoint = Endpoint()
    _, rows = run(directory, endpoint)
    assert sorted(endpoint.taken) == list(range(1, 71))
    assert {row.outcome for row in rows.values()} == {"delivered"}


def test_retry_after_is_honoured(directory):
    busy = Busy("slowly")
    busy.retry_after = 0.4
    endpoint = Endpoint(lambda event, tries: busy if event.position == 1 and tries == 1 else None)
    began = time.monotonic()
    run(directory, endpoint)
    assert time.monotonic() - began >= 0.4
    assert of_ticket(endpoint.taken, 1) == of_ticket(range(1, 71), 1)


def test_open_the_breaker_lets_one_at_a_time_through():
    one = breaker.Breaker(0.001)
    at_once = [0, 0]

    async def attempt():
        async with one.turn():
            at_once[0] += 1
            at_once[1] = max(at_once)
            await asyncio.sleep(0.001)
            at_once[0] -= 1
            raise Unavailable("down")

    async def many():
        for _ in range(breaker.FAILURES):
            await asyncio.gather(attempt(), return_exceptions=True)
        assert one.is_open
        at_once[1] = 0
        await asyncio.gather(*(attempt() for _ in range(20)), return_exceptions=True)
        assert at_once[1] == 1
        async with one.turn():
            pass
        assert not one.is_open

    asyncio.run(many())


def test_a_small_window_and_one_ticket_in_trouble_do_not_stop_the_others(directory, monkeypatch):
    monkeypatch.setattr(lanes, "WINDOW", 4)
    monkeypatch.setattr(lanes, "RELOADED", 2)
    release = [False]

    def bad(event, _tries):
        release[0] = release[0] or event.position == 70
        return Busy("not yet") if event.position == 1 and not release[0] else None

    endpoint = Endpoint(bad)
    _, rows = run(directory, endpoint)
    assert endpoint.taken.index(1) > endpoint.taken.index(70) - 1
    assert of_ticket(endpoint.taken, 1) == of_ticket(range(1, 71), 1)
    assert {row.outcome for row in rows.values()} == {"delivered"}


def test_a_running_job_hears_of_decisions_and_forgets_what_is_long_delivered(
    directory, monkeypatch
):
    monkeypatch.setattr(job, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(job, "KEPT_POSITIONS", 20)
    bad = [15]
    endpoint = Endpoint(lambda event, _: Rejected("no") if event.position in bad else None)
    stopping = Stopping()

    def decide_then_stop(_seen, delivered):
        if delivered == 62 and bad:
            bad.clear()
            with closing(Ledger(directory)) as other:
                assert other.decide(other.job("job"), "waiting", NOW) == [15]
        stopping.asked = stopping.asked or delivered == 70

    why, rows = run(directory, endpoint, stopping=stopping, told=decide_then_stop, follow_seconds=0.05)  # fmt: skip
    assert why == "stopped"
    assert of_ticket(endpoint.taken, 1) == of_ticket(range(1, 71), 1)
    assert 14 not in rows
    assert {15, 50, 70} <= set(rows), "what waited then is kept"
    assert {row.outcome for row in rows.values()} == {"delivered"}


def test_erased_events_are_told_of_and_not_sent(directory):
    with closing(open_log(directory)) as log:
        log.append([new_event("erased", body=b"")])
    endpoint = Endpoint()
    _, rows = run(directory, endpoint)
    assert rows[71].outcome == "erased"
    assert 71 not in endpoint.taken


def test_a_fault_of_ours_ends_the_job_and_hides_nothing(directory):
    class Broken(Endpoint):
        async def deliver(self, event):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(directory, Broken())


def test_the_ledger_keeps_jobs_apart_and_one_process_at_each(directory):
    with closing(Ledger(directory)) as ledger:
        told = {
            "kind": "replay",
            "target": "t",
            "selection": "{}",
            "after": 0,
            "by": "me",
            "at": NOW,
        }
        one = ledger.begin(name=None, **told)
        assert one.name == "t-1"
        with pytest.raises(JobExists):
            ledger.begin(name="t-1", **told)
        ledger.take(one)
        code = (
            "import sys; from pathlib import Path; from store.replay.ledger import Ledger\n"
            f"ledger = Ledger(Path({str(directory)!r}))\n"
            "print(ledger.is_at_work(ledger.job('t-1')))\n"
            "ledger.take(ledger.job('t-1'))"
        )
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # fmt: skip
        assert other.stdout.strip() == "True"
        assert LogLocked.__name__ in other.stderr
