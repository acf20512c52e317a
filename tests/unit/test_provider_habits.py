"""The simulated provider's server: what it tells its subscribers, what it loses, how long it tries."""

import asyncio
import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from tests.provider.habits import TEN_ATTEMPTS, Habits
from tests.provider.known import KINDS, kind_of
from tests.provider.provider import Provider
from tests.provider.running import running_provider
from tests.receiving import wait_for


class Subscriber:
    """A real server that keeps what it is told, and answers what it should."""

    def __init__(self):
        self.got = []
        self.shown = set()
        """Authorization headers, as bytes."""
        self.answers = []
        """Statuses of the next answers; then 204. None hangs up."""
        self.url = ""

    def bodies(self, about=None):
        told = [json.loads(body) for _, body in self.got]
        return [one for one in told if about is None or _id(one) == about]

    async def take(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                status = self.answers.pop(0) if self.answers else 204
                if status is None:
                    break
                self.shown.add(head.lower().partition(b"authorization: ")[2].split(b"\r\n")[0])
                if status == 204:
                    self.got.append((head.split()[1].decode(), body))
                length = "" if status == 204 else "content-length: 0\r\n"
                writer.write(f"HTTP/1.1 {status} -\r\n{length}\r\n".encode())
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@contextmanager
def subscriber():
    one = Subscriber()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(one.take, "127.0.0.1", 0))
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def end():
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield one
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _id(event):
    return event["event"][kind_of(event["eventType"])]["id"]


def subscribe(provider, url, query="", **more):
    hub = {"callback": url, "query": query, **more}
    answer = httpx.post(f"{provider.base_url}/hub", json=hub, trust_env=False)
    assert answer.status_code == 201, answer.text
    assert not answer.json().keys() & more.keys()
    return answer.json()["id"]


@contextmanager
def told(**habits):
    """A provider of these habits, and one subscriber."""
    with running_provider(7, 30, habits=Habits(**habits)) as provider, subscriber() as one:
        subscribe(provider, one.url)
        yield provider, one


def merged(bodies):
    """What a subscriber knows: what it was told, merged in the order of happening."""
    known = {kind: {} for kind in KINDS}
    for one in sorted(bodies, key=lambda one: one["timeOccurred"]):
        kind = kind_of(one["eventType"])
        part = one["event"][kind]
        if one["eventType"].endswith("DeleteEvent"):
            known[kind].pop(part["id"], None)
        else:
            known[kind][part["id"]] = known[kind].get(part["id"], {}) | part
    return known


def test_what_it_knows_of_a_new_ticket_is_what_it_told():
    with told() as (provider, one):
        before = {number for kind in KINDS for number in provider.resources(kind)}
        provider.advance(minutes=12)
        known = merged(one.bodies())
        for kind in ("troubleTicket", "cancelTroubleTicket", "inflightChangeTroubleTicket"):
            after = provider.resources(kind)
            assert after.keys() - before == known[kind].keys() - before
            for number in after.keys() - before:
                assert after[number] == known[kind][number]
            assert len(after.keys() - before) > (30 if kind == "troubleTicket" else 0)
        assert len(one.got) > 200
        assert {path for path, _ in one.got} == {
            f"/listener/{body['eventType'][0].lower()}{body['eventType'][1:]}"
            for body in one.bodies()
        }


def test_every_change_of_a_ticket_moves_its_last_update():
    with told() as (provider, one):
        provider.advance(minutes=10)
        for body in one.bodies():
            ticket = body["event"].get("troubleTicket")
            if ticket and body["eventType"] != "TroubleTicketDeleteEvent":
                assert ticket["lastUpdate"], body["eventType"]
        for ticket in provider.tickets().values():
            assert ticket["lastUpdate"]


def test_the_same_seed_tells_the_same_however_time_is_cut():
    def run(*pieces):
        async def live():
            provider = Provider(3, 20)
            for minutes in pieces:
                await provider.advance(minutes=minutes)
            return provider.tickets()

        return asyncio.run(live())

    assert run(6) == run(1, 0.5, 4.5) != run(5)


def test_each_subscription_is_told_under_ids_of_its_own_unless_that_is_not_the_habit():
    for fresh in (True, False):
        with told(fresh_ids=fresh) as (provider, one), subscriber() as other:
            subscribe(provider, other.url)
            provider.advance(minutes=2)
            ids = [{body["eventId"] for body in each.bodies()} for each in (one, other)]
            assert len(ids[0]) == len(one.got) == len(other.got) > 20
            assert ids[0].isdisjoint(ids[1]) if fresh else ids[0] == ids[1]


def test_a_query_chooses_event_types_and_members_and_a_wrong_name_is_told_nothing():
    with told() as (provider, _all), subscriber() as some, subscriber() as none:
        query = "eventType=TroubleTicketCreateEvent,TroubleTicketStatusChangeEvent&fields=status"
        subscribe(provider, some.url, query)
        subscribe(provider, none.url, "eventType=TroubleTicketStateShiftEvent")
        provider.advance(minutes=5)
        kinds = {one["eventType"] for one in some.bodies()}
        assert kinds == {"TroubleTicketCreateEvent", "TroubleTicketStatusChangeEvent"}
        members = {name for one in some.bodies() for name in one["event"]["troubleTicket"]}
        assert members == {"id", "href", "@type", "status"}
        assert none.got == []


def test_it_shows_the_credentials_that_were_agreed_or_registered():
    headers = (("authorization", "Bearer agreed"),)
    with running_provider(7, 30, headers=headers) as provider, subscriber() as one:
        subscribe(provider, one.url)
        provider.advance(seconds=10)
        assert one.shown == {b"bearer agreed"}
    with running_provider(7, 30) as provider, subscriber() as one, subscriber() as other:
        subscribe(provider, one.url, authorization="Bearer registered")
        subscribe(provider, other.url)
        provider.advance(seconds=10)
        assert (one.shown, other.shown) == ({b"bearer registered"}, {b""})


def test_living_on_it_tells_in_another_order_too():
    with told(reorder=0.5) as (provider, one):
        provider.go_on(200)
        wait_for(lambda: len(one.got) > 150, "the provider to live on")
        assert {each.note for each in provider.told()} == {"", "reordered"}
        times = [body["timeOccurred"] for body in one.bodies()]
        assert times != sorted(times)


def test_one_attempt_and_a_notification_is_gone():
    with told() as (provider, one):
        one.answers = [503, None, 400]
        provider.advance(minutes=1)
        ends = [(each.outcome, each.status, each.attempts) for each in provider.told()]
        assert ends[:3] == [("given up", 503, 1), ("given up", None, 1), ("refused", 400, 1)]
        assert {end[0] for end in ends[3:]} == {"taken"}
        assert len(one.got) == len(ends) - 3


def test_ten_attempts_take_37_seconds_and_the_tenth_may_be_taken():
    assert sum(TEN_ATTEMPTS) == 37
    with told(pauses=TEN_ATTEMPTS, pace=0.0001) as (provider, one):
        one.answers = [503] * 9
        provider.advance(seconds=3)
        first = [each.attempts for each in provider.told()]
        assert sum(first) == 9 + len(first)
        assert {each.outcome for each in provider.told()} == {"taken"}
        one.answers = [429] * 400
        provider.advance(seconds=6)
        later = provider.told()[len(first) :]
        assert {(each.outcome, each.status, each.attempts) for each in later} == {
            ("given up", 429, 10)
        }


def test_what_is_refused_is_not_tried_again():
    with told(pauses=TEN_ATTEMPTS, pace=0.0001) as (provider, one):
        one.answers = [400] * 100
        provider.advance(seconds=10)
        assert {(each.outcome, each.attempts) for each in provider.told()} == {("refused", 1)}


def test_it_loses_as_many_as_it_should():
    with told(lose=0.3) as (provider, one):
        provider.advance(minutes=10)
        ends = Counter(each.outcome for each in provider.told())
        assert set(ends) == {"taken", "lost"}
        assert 0.2 < ends["lost"] / ends.total() < 0.4
        assert len(one.got) == ends["taken"]


def test_it_tells_twice_with_the_same_bytes():
    with told(duplicate=0.2) as (provider, one):
        provider.advance(minutes=5)
        twice = [body for body, count in Counter(body for _, body in one.got).items() if count == 2]
        assert len(twice) == sum(each.note == "duplicate" for each in provider.told()) > 5


def test_it_tells_late():
    with told(delay=1.0, delay_seconds=120) as (provider, one):
        provider.advance(minutes=2)
        assert one.got == []
        provider.advance(minutes=2)
        early = len(one.got)
        assert early
        provider.habits = replace(provider.habits, delay=0.0)
        provider.advance(minutes=3)
        assert len(one.got) > 2 * early
        assert {each.note for each in provider.told()} == {"late", ""}


def test_it_tells_in_another_order_and_leaves_nothing_out():
    def times(**habits):
        with told(**habits) as (provider, one):
            provider.advance(minutes=5)
            return [body["timeOccurred"] + body["description"] for body in one.bodies()]

    right, other = times(), times(reorder=0.2)
    assert right != other
    assert sorted(right) == sorted(other)


def test_thin_notifications_tell_the_id_alone():
    with told(thin=True) as (provider, one):
        provider.advance(minutes=3)
        for body in one.bodies():
            part = body["event"][kind_of(body["eventType"])]
            assert set(part) == {"id", "href", "@type"}


def test_it_plays_tricks_as_in_its_past():
    with told(mischief=True) as (provider, _one):
        provider.advance(minutes=15)
        notes = {each.note for each in provider.told()}
        assert notes >= {"", "drift", "late", "duplicate", "invalid"}


def test_a_provider_that_is_down_answers_503_tells_nothing_and_lives_on():
    with told() as (provider, one):
        provider.habits = replace(provider.habits, down=True)
        before = provider.tickets()
        provider.advance(minutes=2)
        for path in ("/troubleTicket", "/hub/1"):
            answer = httpx.get(f"{provider.base_url}{path}", trust_env=False)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        assert one.got == []
        assert provider.tickets() != before
        provider.habits = replace(provider.habits, down=False)
        provider.advance(minutes=1)
        assert one.got


def test_it_forgets_its_subscribers_without_a_word():
    with told() as (provider, one):
        (number,) = provider.hubs()
        provider.forget_hubs()
        provider.advance(minutes=2)
        assert one.got == []
        answer = httpx.get(f"{provider.base_url}/hub/{number}", trust_env=False)
        assert answer.status_code == 404


def test_a_stopped_provider_refuses_connections_and_comes_back_on_its_port():
    with told() as (provider, one):
        provider.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(provider.base_url, trust_env=False)
        provider.advance(minutes=1)
        assert one.got
        provider.start()
        answer = httpx.get(f"{provider.base_url}/troubleTicket", trust_env=False)
        assert answer.status_code == 200
