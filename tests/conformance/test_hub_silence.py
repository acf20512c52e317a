"""Silence against a source's habit, and everything told twice: seen in a real log, healed at a real provider."""

import asyncio
import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from receiver.provider.client import ProviderClient
from receiver.provider.hub import Found, HubRules
from receiver.provider.looking import Look
from receiver.provider.ours import Ours
from receiver.provider.registering import Registrar
from receiver.provider.rules import ProviderRules
from store import open_log
from store.history import follower
from store.history.follower import Follower
from store.history.rules import RuleBook
from store.hub import registrations
from store.hub.file import HubFile
from store.hub.heard import Patience, heard
from store.hub.standing import standing
from store.times import utc_text
from tests.hubs import CALLBACK
from tests.new_events import new_event
from tests.provider.habits import Habits
from tests.provider.running import running_provider

START = datetime(2026, 11, 2, tzinfo=UTC)
EVERY = timedelta(minutes=10)
DAYS = 9
USUAL_SECONDS = 6_000
"""Ten usual pauses, which is more than silence_seconds."""


def event(number, at, *, source="nord", event_type="TroubleTicketStatusChangeEvent", ticket=None):
    told = {"id": ticket or f"T{number}", "status": "inProgress", "statusChangeDate": utc_text(at)}
    body = {
        "eventId": f"e{number}",
        "eventType": event_type,
        "timeOccurred": utc_text(at),
        "event": {"troubleTicket": told},
    }
    return new_event(
        f"e{number}",
        json.dumps(body).encode(),
        source=source,
        event_type=event_type,
        resource_id=told["id"],
        ticket_id=told["id"],
        occurred_at=utc_text(at),
        event_time=utc_text(at),
        received_at=utc_text(at),
    )


def always():
    return [event(number, START + number * EVERY) for number in range(DAYS * 144)]


def by_day():
    """Nothing is sent between eight in the evening and six in the morning."""
    return [one for one in always() if 6 <= int(one.received_at[11:13]) < 20]


class Scene:
    """A listener that is registered, its log, and a clock that is moved by hand."""

    def __init__(self, data, provider):
        self.data = data
        self.provider = provider
        self.now = utc_text(START)
        self.rules = HubRules(callback=CALLBACK, silence_seconds=3_600.0, silence_times=10.0)
        self.reconciled = []
        self.fails = False

    def heard(self, events):
        with closing(open_log(self.data)) as log:
            log.append(events)
            self.now = max(one.received_at for one in events)
            with closing(follower.connect(self.data / "history.db")) as history:
                while Follower(log, history, RuleBook()).step(2_000):
                    pass

    def later(self, seconds):
        at = datetime.fromisoformat(self.now) + timedelta(seconds=seconds)
        self.now = utc_text(at)
        return self.look()

    async def reconcile(self, source, since):
        self.reconciled.append((source, since))
        if self.fails:
            raise RuntimeError("not today")

    def register(self):
        return self._act(lambda ours: Registrar(ours).register()).registration

    def look(self):
        return self._act(lambda ours: Look(self.data, ours, self.reconcile).look())

    def _act(self, act):
        async def go():
            rules = ProviderRules(base_url=self.provider.base_url, attempts=1)
            async with ProviderClient(rules) as client:
                ours = Ours("nord", self.rules, client, HubFile(self.data), now=lambda: self.now)
                return await act(ours)

        return asyncio.run(go())


@pytest.fixture(scope="module")
def running():
    with running_provider(tickets=1) as one:
        yield one


@pytest.fixture
def scene(running, tmp_path):
    running.forget_hubs()
    running.habits = Habits(hub_get=False)
    one = Scene(tmp_path, running)
    one.register()
    return one


def test_a_silence_against_the_habit_is_an_alarm_and_registers_anew_and_reconciles(scene):
    scene.heard(always())
    last = scene.now
    (first,) = scene.provider.hubs()
    assert scene.later(USUAL_SECONDS).problem is None
    assert scene.provider.hubs() == [first]

    seen = scene.later(1)
    assert seen.silent_since == last
    assert seen.problem.startswith(f"Silent since {last}")
    assert (seen.heals, seen.healed) == (1, "it was silent")
    (second,) = scene.provider.hubs()
    assert second != first
    assert scene.reconciled == [("nord", last)]
    assert seen.reconcile_since is None, "it is done"


def test_a_silence_that_goes_on_registers_anew_after_twice_as_long_each_time(scene):
    scene.heard(always())
    healed = []
    for _ in range(80):
        if scene.later(2_400).heals > len(healed):
            healed.append(datetime.fromisoformat(scene.now))
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(healed)]
    assert pauses == [12_000, 24_000, 48_000, 96_000]
    assert len(scene.provider.hubs()) == 1


def test_an_event_ends_the_alarm(scene):
    scene.heard(always())
    assert scene.later(USUAL_SECONDS + 1).problem
    scene.heard([event(5_000, datetime.fromisoformat(scene.now))])
    seen = scene.look()
    assert (seen.problem, seen.silent_since, seen.silence_heals) == (None, None, 0)


def test_a_night_is_no_alarm_where_the_night_a_week_ago_was_silent_too(scene):
    scene.heard(by_day())
    for _ in range(10):
        assert scene.later(3_500).problem is None
    assert scene.later(3 * 3_600).problem, "but a morning is"


def test_without_a_rhythm_there_is_no_silence(scene):
    scene.heard([event(1, START)])
    assert scene.later(30 * 86_400).problem is None
    assert scene.provider.hubs()


def test_what_we_read_there_ourselves_is_not_heard_from_it(scene):
    scene.heard(always())
    last = scene.now
    ours = datetime.fromisoformat(last) + timedelta(seconds=USUAL_SECONDS - 10)
    scene.heard([event(9_000, ours, event_type="TroubleTicketReconciledEvent")])
    assert scene.later(20).silent_since == last


def test_a_history_that_is_behind_the_log_says_nothing(scene):
    scene.heard(always())
    with closing(open_log(scene.data)) as log:
        log.append([event(7_000, datetime.fromisoformat(scene.now) + EVERY)])
    assert scene.later(USUAL_SECONDS * 3).problem is None
    assert (
        heard(scene.data, "nord", now=scene.now, since=scene.now, patience=Patience(60, 2)) is None
    )


def test_what_cannot_be_ended_is_not_doubled_by_a_silence(scene, monkeypatch):
    async def not_served(*_):
        return Found.NOT_SERVED, "answered 405"

    monkeypatch.setattr("receiver.provider.ours.hub.remove", not_served)
    scene.heard(always())
    before = scene.provider.hubs()
    seen = scene.later(USUAL_SECONDS + 1)
    assert "ends no registrations" in seen.problem
    assert scene.provider.hubs() == before


def test_a_reconcile_that_fails_stays_wanted_and_is_asked_for_again(scene):
    scene.heard(always())
    last = scene.now
    scene.fails = True
    assert scene.later(USUAL_SECONDS + 1).reconcile_since == last
    assert scene.later(60).reconcile_since == last
    scene.fails = False
    assert scene.later(60).reconcile_since is None
    assert scene.reconciled == [("nord", last)] * 3
    scene.later(60)
    assert len(scene.reconciled) == 3


def twice(number, at):
    """The same content under two event ids, as two registrations tell it."""
    one = event(number, at)
    other = replace(
        one,
        event_id=f"{one.event_id}-b",
        body=one.body.replace(f'"{one.event_id}"'.encode(), f'"{one.event_id}-b"'.encode()),
    )
    return [one, other]


def test_everything_told_twice_is_said_and_a_repetition_now_and_then_is_not(scene):
    scene.rules = replace(scene.rules, silence_seconds=1e9)
    some = [event(number, START + number * EVERY) for number in range(40)]
    some += twice(41, START + 41 * EVERY)
    scene.heard(some)
    assert scene.look().problem is None
    scene.heard([one for n in range(100, 150) for one in twice(n, START + n * EVERY)])
    seen = scene.look()
    assert "told twice" in seen.problem
    assert "second" in seen.problem
    assert scene.later(60).problem_since == seen.problem_since


def test_an_unanswered_registration_is_let_go_when_nothing_is_told_twice(scene):
    file = HubFile(scene.data)
    (current,) = registrations.unended(file, "nord")
    registrations.asked(file, "nord", current.wanted, now=scene.now)
    scene.look()
    assert len(registrations.unended(file, "nord")) == 2
    scene.heard([event(number, START + number * EVERY) for number in range(20)])
    scene.look()
    assert registrations.unended(file, "nord")[0].hub_id == current.hub_id
    assert len(registrations.unended(file, "nord")) == 1


def test_what_cannot_be_settled_is_said_once_and_not_at_every_look(scene, caplog):
    file = HubFile(scene.data)
    (current,) = registrations.unended(file, "nord")
    registrations.asked(file, "nord", current.wanted, now=scene.now)

    async def three_looks(ours):
        look = Look(scene.data, ours)
        for _ in range(3):
            await look.look()

    scene._act(three_looks)
    assert [one for one in caplog.messages if "may be there too" in one] == caplog.messages[:1]


def test_two_registrations_of_ours_that_we_know_become_one(scene):
    file = HubFile(scene.data)
    (current,) = registrations.unended(file, "nord")
    other = Scene(scene.data / "other", scene.provider)
    other.data.mkdir()
    doubled = other.register()
    row = registrations.asked(file, "nord", current.wanted, now=scene.now)
    registrations.registered(
        file, row.number, doubled.hub_id, now=scene.now, is_probed=False, is_listed=False
    )
    assert len(scene.provider.hubs()) == 2
    scene.look()
    assert scene.provider.hubs() == [doubled.hub_id]
    assert standing(file, "nord").problem is None


def test_a_post_that_is_never_answered_is_repeated_later_and_later(scene):
    """Each might be one more registration that nobody knows."""
    scene.rules = replace(scene.rules, registers=True, look_seconds=60.0)
    file = HubFile(scene.data)
    (current,) = registrations.unended(file, "nord")
    registrations.ended(file, current.number, "ended by us", now=scene.now)
    registrations.asked(file, "nord", current.wanted, now=scene.now)
    before = len(scene.provider.hubs())
    for _ in range(2):
        assert "not answered" in scene.later(59).problem
    assert len(scene.provider.hubs()) == before
    assert scene.later(59).problem is None
    assert len(scene.provider.hubs()) == before + 1
