"""The simulated provider beside a real receiver and follower: what is told is what is known."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from store import progress
from tests import mirrored
from tests.provider.habits import Habits
from tests.provider.running import running_provider
from tests.receiving import receiving, wait_for

TASKS = ("cancelTroubleTicket", "inflightChangeTroubleTicket")


@contextmanager
def following(data):
    command = [sys.executable, "-m", "receiver", "follow", "--data", str(data)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def listening(tmp_path, **habits):
    """A provider and a listener that has subscribed."""
    with (
        running_provider(7, 10, habits=Habits(**habits)) as provider,
        receiving(tmp_path, "") as receiver,
        following(receiver.data),
    ):
        subscribe(provider, receiver)
        yield provider, receiver


def subscribe(provider, receiver):
    hub = {"@type": "Hub", "callback": receiver.url}
    assert httpx.post(f"{provider.base_url}/hub", json=hub, trust_env=False).status_code == 201


def known(data, kind):
    """What the mirror tells of a kind, by id."""

    def is_folded():
        at = progress(data)
        return at.checkpoint is not None and at.checkpoint == at.head

    wait_for(is_folded, "the follower")
    name = f"{kind[0].upper()}{kind[1:]}"
    return {one["id"]: one for _, one in mirrored.resources(data / "history.db", name)}


def unequal(provider, receiver, before, kind="troubleTicket"):
    """The ids of those that came after `before` and are not known as the provider knows them."""
    theirs, ours = provider.resources(kind), known(receiver.data, kind)
    new = (theirs.keys() | ours.keys()) - before
    assert new
    return {number for number in new if theirs.get(number) != ours.get(number)}


@pytest.mark.parametrize(
    "habits",
    [
        {},
        {"duplicate": 0.3, "reorder": 0.3, "delay": 0.1, "delay_seconds": 30},
        {"fresh_ids": False, "duplicate": 0.2},
    ],
    ids=["once and in order", "twice, late and in any order", "under the same ids"],
)
def test_every_new_ticket_and_task_equals_the_providers(tmp_path, habits):
    with listening(tmp_path, **habits) as (provider, receiver):
        before = {kind: set(provider.resources(kind)) for kind in ("troubleTicket", *TASKS)}
        provider.advance(minutes=5)
        provider.habits = replace(provider.habits, lose=1.0)
        provider.advance(seconds=31)  # what was late has come
        lost = {one.about for one in provider.told() if one.outcome == "lost"}
        assert unequal(provider, receiver, before["troubleTicket"]) <= lost
        assert {one.outcome for one in provider.told()} == {"taken", "lost"}


def test_two_subscriptions_of_one_listener_are_told_under_two_ids_and_known_once(tmp_path):
    with listening(tmp_path) as (provider, receiver):
        subscribe(provider, receiver)
        before = set(provider.tickets())
        provider.advance(minutes=3)
        assert unequal(provider, receiver, before) == set()
        assert len(provider.told()) == receiver.head() > 50


def test_what_is_lost_is_not_known(tmp_path):
    with listening(tmp_path, lose=0.2) as (provider, receiver):
        before = set(provider.tickets())
        provider.advance(minutes=5)
        lost = {one.about for one in provider.told() if one.outcome == "lost"}
        assert set() != unequal(provider, receiver, before) <= lost
