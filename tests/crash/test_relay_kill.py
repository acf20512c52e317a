"""kill -9 while a provider is asked: it hears of each key once, and what nobody knows is said so."""

import asyncio
import json
import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import httpx
import pytest

from receiver.limits import DEFAULT_LIMITS
from receiver.provider.client import Answer
from receiver.relay.asking import Asking, Log, Provider, Wish
from receiver.relay.kinds import KINDS, wish
from store import LogUnavailable, MemoryLog, RuleBook, open_log, open_reader
from store.asked.ledger import AskedLedger, Begun, Given, Question
from store.keeping.backup import AlreadyThere, back_up, restore
from store.keeping.erase import Subject, Unrecorded, erase
from tests.receiving import Receiving, wait_for
from tests.stand_in import stand_in

TICKET = {
    "@type": "TroubleTicket",
    "description": "no sync",
    "severity": "Major",
    "ticketType": "incident",
}
BODY = json.dumps(TICKET).encode()


def asked(url, key):
    """None: nobody answered."""
    headers = {"content-type": "application/json", "idempotency-key": key}
    try:
        return httpx.post(f"{url}/troubleTicket", content=BODY, headers=headers, trust_env=False, timeout=20)  # fmt: skip
    except httpx.TransportError:
        return None


def config_of(provider):
    return f'[sources.default]\n[sources.default.provider]\nbase_url = "{provider.url}"\nrequests_per_second = 1000\n'


def events_in(data):
    with closing(open_reader(data)) as log:
        return [json.loads(event.body) for event in log.read()]


def positions_in(data):
    with closing(sqlite3.connect(data / "asked.db")) as connection:
        return [row[0] for row in connection.execute("SELECT position FROM asked")]


def killed(one):
    one.process.kill()
    one.process.wait()


def test_killed_while_the_provider_answers_the_outcome_is_unknown_and_stays_so(tmp_path):
    data = tmp_path / "data"
    with stand_in() as provider:
        provider.may_answer.clear()
        one = Receiving(data, config_of(provider))
        waiting = threading.Thread(target=asked, args=(one.url, "k"))
        waiting.start()
        wait_for(lambda: provider.posts, "the provider to be asked")
        killed(one)
        waiting.join()
        provider.may_answer.set()
        one.stop()
        again = Receiving(data, config_of(provider))
        try:
            wait_for(lambda: again.head() == 1, "the record of what was open")
            for _ in range(2):
                answer = asked(again.url, "k")
                assert (answer.status_code, answer.json()["code"]) == (504, "outcome-unknown")
            assert len(provider.posts) == 1
            (said,) = events_in(data)
            assert (said["event"]["troubleTicket"], "status" in said["requested"]) == (
                TICKET,
                False,
            )
            assert any("were open" in line for line in again.lines)
            assert asked(again.url, "another").status_code == 201
            assert not list((data / "asking").iterdir())
        finally:
            again.stop()


def test_killed_at_any_moment_no_key_is_asked_twice_and_no_answer_is_lost(tmp_path):
    data, chance = tmp_path / "data", random.Random(8)
    heard: dict[str, bytes] = {}
    with stand_in() as provider, ThreadPoolExecutor(4) as senders:

        def ask_some(url, keys):
            for key in keys:
                answer = asked(url, key)
                if answer is None:
                    return
                if answer.status_code == 201:
                    # What was told once is told for ever.
                    assert heard.setdefault(key, answer.content) == answer.content

        for round_ in range(4):
            one = Receiving(data, config_of(provider))
            keys = [[f"{round_}-{sender}-{n}" for n in range(500)] for sender in range(4)]
            running = [senders.submit(ask_some, one.url, some) for some in keys]
            before = len(provider.posts)
            most = before + chance.randrange(5, 60)
            wait_for(lambda most=most: len(provider.posts) >= most, "the provider to be asked")
            killed(one)
            for each in running:
                each.result()
            one.stop()
        last = Receiving(data, config_of(provider))
        try:
            posts = [post.headers["idempotency-key"] for post in provider.posts]
            assert len(posts) == len(set(posts)) >= len(heard) > 0
            for key, content in heard.items():
                answer = asked(last.url, key)
                assert (answer.status_code, answer.content) == (201, content)
                assert answer.headers["idempotency-replayed"] == "true"
            assert len(provider.posts) == len(posts)
            # Of those that were written down and not sent yet, nobody knows either.
            wait_for(lambda: None not in positions_in(data), "a record of each")
            assert len(positions_in(data)) >= len(posts)
            assert sorted(positions_in(data)) == list(range(1, last.head() + 1))
            told = [one["requested"] for one in events_in(data)]
            answers = [json.dumps(one["answer"], sort_keys=True) for one in told if "status" in one]
            assert len(answers) == len(set(answers))
            assert {json.dumps(json.loads(one), sort_keys=True) for one in heard.values()} <= set(answers)  # fmt: skip
        finally:
            last.stop()


class Client:
    def __init__(self):
        self.posts = 0

    async def post(self, path, body, headers=None, *, idempotent=False):
        self.posts += 1
        return Answer(201, {"content-type": "application/json"}, b'{"id": "P-1"}', "http://x/y")


def wish_of(key):
    kind = KINDS["/troubleTicket"]
    document = wish(BODY, kind, DEFAULT_LIMITS)
    return Wish(owner="o", key=key, kind=kind, source="default", document=document, body=BODY, request_id="r")  # fmt: skip


def test_an_answer_that_the_log_cannot_take_is_told_kept_and_recorded_later(tmp_path):
    log, client, is_full = MemoryLog(), Client(), True

    async def append(event):
        if is_full:
            raise LogUnavailable("No space.")
        return log.append([event])[0].position

    async def body(position):
        return log.event(position).body

    asking = Asking(AskedLedger(tmp_path), {"default": Provider(client)}, Log(append, body))
    first = asyncio.run(asking.ask(wish_of("k")))
    assert (first.status, first.position, log.head()) == (201, None, 0)
    again = asyncio.run(asking.ask(wish_of("k")))
    assert (again.body, again.position, again.again) == (first.body, None, True)
    is_full = False
    assert [asyncio.run(asking.settle()) for _ in range(2)] == [1, 0]
    assert json.loads(log.event(1).body)["requested"]["answer"] == {"id": "P-1"}
    last = asyncio.run(asking.ask(wish_of("k")))
    assert (last.body, last.position) == (first.body, 1)
    assert client.posts == log.head() == 1


def test_an_answer_that_is_no_longer_there_leaves_its_status(tmp_path):
    log, client = MemoryLog(), Client()

    async def append(event):
        return log.append([event])[0].position

    told_instead = [b""]

    async def body(_position):
        return told_instead[0]

    moments = iter(datetime(2026, 1, 1, second=second, tzinfo=UTC) for second in range(60))
    provider = {"default": Provider(client)}
    asking = Asking(AskedLedger(tmp_path), provider, Log(append, body), lambda: next(moments))
    for key in ("k", "other"):
        asyncio.run(asking.ask(wish_of(key)))
    # Erased; and another's, where a backup of the log is older than asked.db.
    for told_instead[0] in (b"", log.event(2).body, b'{"eventId": "x"}'):
        told = asyncio.run(asking.ask(wish_of("k")))
        assert (told.status, told.body, client.posts) == (201, b"", 2)
    told_instead[0] = log.event(1).body
    assert asyncio.run(asking.ask(wish_of("k"))).body == b'{"id": "P-1"}'


def test_nothing_is_erased_while_what_was_asked_waits_to_be_recorded(tmp_path):
    with closing(open_log(tmp_path)):
        pass
    question = Question("o", "k", "d", "TroubleTicket", "default", "r", "2026-01-01T00:00:00.000Z", BODY)  # fmt: skip
    ledger = AskedLedger(tmp_path)
    begun = ledger.begin(question)
    ledger.answered(begun.entry.number, Given(201, (), b'{"id": "T"}', "2026-01-01T00:00:01.000Z"))
    ledger.release(begun)
    rule = Subject("ticket", "T", None)
    with pytest.raises(Unrecorded, match="not in the log yet"):
        erase(tmp_path, rule, RuleBook(), "2026-01-02T00:00:00.000Z", "anna", lambda _a, _b: None)


def test_one_that_another_process_asks_is_under_way_until_that_process_ends(tmp_path):
    question = Question("o", "k", "d", "TroubleTicket", "default", "r", datetime.now(UTC).isoformat(), BODY)  # fmt: skip
    other, mine = AskedLedger(tmp_path), AskedLedger(tmp_path)
    begun = other.begin(question)
    assert isinstance(begun, Begun)
    found = mine.begin(question)
    assert (found.state, found.in_flight) == ("asking", True)
    assert mine.unrecorded() == []
    other.release(begun)  # as the system does when it ends
    assert (mine.begin(question).state, mine.begin(question).in_flight) == ("unknown", False)
    assert [one.question.body for one in mine.unrecorded()] == [BODY]


def test_a_backup_knows_which_keys_were_asked(tmp_path):
    data, copy, back = (tmp_path / name for name in ("data", "copy", "back"))
    client = Client()

    def ask(directory):
        with closing(open_log(directory)) as log:

            async def append(event):
                return log.append([event])[0].position

            async def body(position):
                return log.event(position).body

            provider = {"default": Provider(client)}
            asking = Asking(AskedLedger(directory), provider, Log(append, body))
            return asyncio.run(asking.ask(wish_of("k")))

    first = ask(data)
    back_up(data, copy, "2026-01-01T00:00:00.000Z", lambda _: None)
    restore(copy, back, lambda _: None)
    again = ask(back)
    assert (again.body, again.position, again.again) == (first.body, 1, True)
    assert client.posts == 1
    (back / "log.db").unlink()
    with pytest.raises(AlreadyThere):
        restore(copy, back, lambda _: None)


def test_told_to_stop_while_the_provider_is_asked_the_answer_is_waited_for(tmp_path):
    with stand_in() as provider, ThreadPoolExecutor(1) as sender:
        provider.may_answer.clear()
        one = Receiving(tmp_path / "data", config_of(provider))
        try:
            waiting = sender.submit(asked, one.url, "k")
            wait_for(lambda: provider.posts, "the provider to be asked")
            one.process.terminate()
            provider.may_answer.set()
            assert waiting.result().status_code == 201
            assert one.process.wait(20) == 0
        finally:
            one.stop()
        (said,) = events_in(one.data)
        assert said["requested"]["answer"] == waiting.result().json()


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_wait_for_a_provider_than_may(tmp_path, most):
    config = f"asked_at_once = {most}\n"
    with stand_in() as provider, ThreadPoolExecutor(5) as senders:
        provider.may_answer.clear()
        one = Receiving(tmp_path / "data", config_of(provider) + config)
        try:
            first = [senders.submit(asked, one.url, f"{n}") for n in range(most)]
            wait_for(lambda: len(provider.posts) == most, "the provider to be asked")
            refused = asked(one.url, "more")
            assert (refused.status_code, refused.json()["code"]) == (503, "too-many-asked")
            assert int(refused.headers["retry-after"]) > 0
            provider.may_answer.set()
            assert [each.result().status_code for each in first] == [201] * most
            assert asked(one.url, "more").status_code == 201
        finally:
            one.stop()
