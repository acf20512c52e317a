"""A log that several machines share: what a real NATS server acknowledged is on every node, the same."""

import asyncio
import json
import os
import uuid
from contextlib import closing, contextmanager

import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from store import (
    Accepted,
    LogError,
    LogFollows,
    LogUnavailable,
    Overloaded,
    open_log,
    open_reader,
    open_shared_appender,
    open_shared_log,
    verify_chain,
)
from store.keeping.deciding import decide
from store.keeping.head import head_of
from store.keeping.quarantine import AlreadyDecided, UnknownEntry
from store.log.copying import Copier, Parted
from store.log.entries import Decided
from store.log.jetstream import Stream
from store.log.jetstream_answers import NoStream
from store.log.origin import origin_of
from tests.jetstream import Servers, make_stream
from tests.new_events import new_event, refused
from tests.torture.processes import Listener, wait_for


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    one = Servers(tmp_path_factory.mktemp("nats"))
    one.start()
    yield one
    one.close()


@pytest.fixture
def place(servers):
    place = servers.place(stream=uuid.uuid4().hex, timeout_seconds=2)
    make_stream(place)
    return place


async def until(true):
    while not true():  # noqa: ASYNC110  the stream is asked once a second; nothing tells of it
        await asyncio.sleep(0.05)


def appending(place, directory, use, *, body=1_048_576, **limits):
    """What `use` makes of an appender."""

    async def go():
        defaults = {"queue_events": 100, "queue_bytes": 1_000_000, "patience_seconds": 60}
        appender = await open_shared_appender(
            place, largest_body=body, copied_to=directory, **(defaults | limits)
        )
        try:
            return await use(appender)
        finally:
            await appender.close()

    return asyncio.run(go())


def state(place):
    async def ask():
        stream = Stream(place)
        await stream.connect(5)
        try:
            return await stream.state()
        finally:
            await stream.close()

    return asyncio.run(ask())


def everything(directory):
    """All that a log has, in its own words."""
    with closing(open_reader(directory)) as log:
        kept = (log.read(), log.redeliveries(), log.quarantined(), log.decisions())
        return tuple(list(one) for one in kept)


def copied(directory, place):
    with closing(open_shared_log(directory, place)) as log:
        log.copy()


async def all_at_once(appender):
    """Redeliveries, a conflict, an equal JSON and a refusal among what comes at the same time."""
    events = [new_event(str(n % 30), received_at=f"2026-11-24T00:00:00.{n:03}Z") for n in range(60)]
    events += [new_event("1", b'{"eventId":"1"}'), new_event("1", b'{"other":1}')]
    return await asyncio.gather(
        *(appender.append(event) for event in events),
        *(appender.quarantine(refused(b"%d" % n)) for n in range(3)),
    )


def test_every_node_copies_the_same_rows_and_seals_whatever_came_at_once(place, tmp_path):
    answers = appending(place, tmp_path, all_at_once)
    assert sum(one is None for one in answers) == 3
    known = [one for one in answers if one]
    assert all(isinstance(one, Accepted) for one in known)
    assert sum(one.duplicate for one in known) == 30
    nodes = [tmp_path / name for name in ("one", "two")]
    for node in nodes:
        copied(node, place)
    one, two = (everything(node) for node in nodes)
    assert one == two
    events, redeliveries, refusals, _ = one
    assert len(events) == 31
    assert len(redeliveries) == 31
    assert len(refusals) == 3
    with closing(open_reader(nodes[0])) as log:
        assert verify_chain(log) is None


def test_the_same_event_long_after_is_a_redelivery_although_the_stream_forgot_it(servers, tmp_path):
    place = servers.place(stream=uuid.uuid4().hex, keep_seconds=0.2)  # so short is its memory too
    make_stream(place)
    node = tmp_path / "node"

    async def once(appender):
        return await appender.append(new_event("a"))

    assert not appending(place, tmp_path, once).duplicate
    copied(node, place)
    again = 1
    while appending(place, tmp_path, once).duplicate:  # until the stream does not know it any more
        copied(node, place)
        again += 1
    copied(node, place)
    events, redeliveries, _, _ = everything(node)
    assert (len(events), len(redeliveries)) == (1, again)


def test_without_a_quorum_nothing_is_acknowledged_and_it_goes_on_when_there_is_one(tmp_path):
    one = Servers(tmp_path / "nats")
    one.start()
    place = one.place(timeout_seconds=1)
    make_stream(place)

    async def through_an_outage(appender):
        await appender.append(new_event("before"))
        one.kill()
        with pytest.raises(LogUnavailable):
            await appender.append(new_event("lost"))
        await until(lambda: not appender.is_ready())
        assert "log: " in appender.why_not_ready()
        await asyncio.sleep(1.2)
        with pytest.raises(LogUnavailable, match="cannot acknowledge"):
            await asyncio.wait_for(appender.append(new_event("at once")), 0.5)
        one.start()
        await until(appender.is_ready)
        await appender.append(new_event("after"))

    appending(place, tmp_path, through_an_outage)
    copied(tmp_path / "node", place)
    one.close()
    events, *_ = everything(tmp_path / "node")
    assert [event.event_id for event in events] == ["before", "after"]


def test_a_node_that_does_not_copy_is_not_ready_until_it_does(place, tmp_path):
    async def without_a_copier(appender):
        assert appender.is_ready()
        await appender.append(new_event("a"))
        await until(lambda: "copier: behind the stream by 1" in appender.why_not_ready())
        assert appender.is_ready(), "events are taken all the same"
        await asyncio.to_thread(copied, tmp_path, place)
        await until(lambda: not appender.why_not_ready())

    appending(place, tmp_path, without_a_copier, patience_seconds=0.5)


def test_a_connection_that_the_library_gave_up_is_made_anew(place, tmp_path):
    async def through_a_closed_client(appender):
        await appender._stream.close()
        await appender.append(new_event("after"))  # tried again until there is a connection

    appending(place, tmp_path, through_a_closed_client)
    copied(tmp_path / "node", place)
    assert [event.event_id for event in everything(tmp_path / "node")[0]] == ["after"]


def test_more_than_the_queue_holds_is_refused_at_once(place, tmp_path):
    async def two_at_once(appender):
        first = asyncio.create_task(appender.append(new_event("a")))
        await asyncio.sleep(0)
        assert appender.is_full()
        with pytest.raises(Overloaded):
            await appender.append(new_event("b"))
        await first
        assert appender.waiting() == (0, 0)

    appending(place, tmp_path, two_at_once, queue_events=1)

    async def too_many_bytes(appender):
        first = asyncio.create_task(appender.append(new_event("c", b"1" * 80)))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await appender.append(new_event("d", b"2" * 80))
        await first

    appending(place, tmp_path, too_many_bytes, queue_bytes=100)


def test_a_stream_that_is_not_there_or_takes_too_little_is_refused_at_the_start(servers, tmp_path):
    async def nothing(_appender):
        raise AssertionError("it must not have begun")

    missing = servers.place(stream="missing")
    with pytest.raises(NoStream, match="no stream missing"):
        appending(missing, tmp_path, nothing)
    with pytest.raises(NoStream):
        open_shared_log(tmp_path, missing)
    make_stream(small := servers.place(stream=uuid.uuid4().hex))
    with pytest.raises(LogError, match="max_payload"):
        appending(small, tmp_path, nothing, body=2_097_152)


def test_a_copy_is_written_by_its_copier_only_until_it_leaves(place, tmp_path):
    copied(tmp_path, place)
    with pytest.raises(LogFollows, match="copy of the stream"):
        open_log(tmp_path)
    said = run(place, "cluster", "leave", "--data", str(tmp_path))
    assert said.exit_code == 0, said.output
    with closing(open_log(tmp_path)) as log:
        log.append([new_event("alone")])
    with pytest.raises(Parted, match="ends at event 1"):
        open_shared_log(tmp_path, place)


def run(place, *arguments):
    log = f"{','.join(place.servers)}/{place.stream}".replace(",nats://", ",")
    return CliRunner().invoke(main, arguments, env={"LISTENER_LOG": log})


def test_a_log_moves_into_a_cluster_and_out_again_with_all_it_has(servers, tmp_path):
    place = servers.place(stream=uuid.uuid4().hex)
    first, second = tmp_path / "first", tmp_path / "second"
    with closing(open_log(first)) as log:
        log.append([new_event("a"), new_event("b"), new_event("a")])
        log.quarantine([refused()])
    config = tmp_path / "one.toml"
    config.write_text("[cluster]\nreplicas = 1\n")
    made = run(place, "cluster", "create", "--data", str(first), "--config", str(config))
    assert made.exit_code == 0, made.output
    assert "behind event 2" in made.output
    assert run(place, "backup", str(tmp_path / "copy"), "--data", str(first)).exit_code == 0
    assert run(place, "restore", str(tmp_path / "copy"), "--data", str(second)).exit_code == 0

    async def more(appender):
        await appender.append(new_event("b"))
        await appender.append(new_event("c"))

    appending(place, tmp_path, more)
    for node in (first, second):
        copied(node, place)
    assert everything(first) == everything(second)
    with pytest.raises(Parted, match="begins behind event 2"):
        open_shared_log(tmp_path / "empty", place)
    assert_a_backup_of_a_node_goes_on(place, first, tmp_path)
    left = run(place, "cluster", "leave", "--data", str(second))
    assert left.exit_code == 0, left.output
    with closing(open_log(second)) as log:
        assert [one.event_id for one in log.read()] == ["a", "b", "c"]
        assert log.append([new_event("d")])[0].position == 4


def assert_a_backup_of_a_node_goes_on(place, node, directory):
    third = directory / "third"
    assert run(place, "backup", str(directory / "later"), "--data", str(node)).exit_code == 0
    assert run(place, "restore", str(directory / "later"), "--data", str(third)).exit_code == 0

    async def one_more(appender):
        await appender.quarantine(refused(b"more"))

    appending(place, directory, one_more)
    for each in (node, third):
        copied(each, place)
    assert everything(node) == everything(third)
    assert len(everything(third)[2]) == 2


def test_a_stream_that_lost_or_changed_what_was_copied_is_noticed(servers, tmp_path):
    place = servers.place(stream=uuid.uuid4().hex)
    make_stream(place)

    async def three(appender):
        for name in "abc":
            await appender.append(new_event(name))

    appending(place, tmp_path, three)
    copied(tmp_path / "node", place)
    with closing(open_log_of(tmp_path / "node")) as log, log.transaction() as connection:
        connection.execute("UPDATE stream SET digest = zeroblob(32)")
    with closing(open_shared_log(tmp_path / "node", place)) as log:
        with pytest.raises(Parted, match="another message 3"):
            log.copy()
        with log.transaction() as connection:
            connection.execute("UPDATE stream SET sequence = 9")
    with pytest.raises(Parted, match="has lost what it had acknowledged"):
        open_shared_log(tmp_path / "node", place)
    with closing(open_log_of(tmp_path / "node")) as log, log.transaction() as connection:
        connection.execute("UPDATE stream SET sequence = 3, created = 'another day'")
    with pytest.raises(Parted, match="made at another day"):
        open_shared_log(tmp_path / "node", place)


def test_what_a_leader_that_was_cut_off_tells_is_not_taken_for_a_loss(place, tmp_path):
    async def two(appender):
        for name in "ab":
            await appender.append(new_event(name))

    async def begin_and_hear_what_was():
        stream = Stream(place)
        await stream.connect(5)
        with closing(open_log_of(tmp_path / "node")) as log:
            copier = Copier(log, stream)
            now = await copier.begin()
            await copier.step()
            await copier.must_reach(now._replace(last=1))
            while await copier.step():
                pass
            assert log.head() == 2
            # What it asked a quorum with is in the stream, and in nobody's log.
            assert (await stream.state()).last == copier.sequence == 3
        await stream.close()

    appending(place, tmp_path, two)
    asyncio.run(begin_and_hear_what_was())


def open_log_of(directory):
    from store import open_copied_log

    return open_copied_log(directory)


def test_a_node_that_was_away_for_longer_than_the_stream_keeps_says_so(servers, tmp_path):
    place = servers.place(stream=uuid.uuid4().hex, keep_seconds=0.2)
    make_stream(place)

    async def one(appender):
        await appender.append(new_event(uuid.uuid4().hex))

    appending(place, tmp_path, one)
    wait_for(lambda: state(place).first > 1, "the stream to forget")
    appending(place, tmp_path, one)
    with pytest.raises(Parted, match="what lies between is gone"):
        open_shared_log(tmp_path / "node", place)


def test_what_a_later_version_or_a_stranger_wrote_stops_the_copier(place, tmp_path):
    async def strange():
        stream = Stream(place)
        await stream.connect(5)
        await stream.publish("events.x", b"\x00not ours", "x")
        await stream.close()

    asyncio.run(strange())
    with closing(open_shared_log(tmp_path, place)) as log:
        with pytest.raises(Parted, match="none that this version knows"):
            log.copy()
        assert log.head() == 0


def test_decisions_are_made_once_and_the_same_on_every_node(place, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"

    async def refuse(appender):
        for body in (b"1", b"2", b"3"):
            await appender.quarantine(refused(body))
        await appender.append(new_event("a"))

    appending(place, tmp_path, refuse)
    copied(two, place)
    with closing(open_shared_log(one, place)) as log:
        log.copy()
        publish = [
            Decided(entry=1, event=new_event("b"), decided_at="t1", decided_by="me"),
            Decided(entry=2, reason="a test", decided_at="t2", decided_by="me"),
            Decided(entry=1, reason="too late", decided_at="t3", decided_by="you"),
            Decided(entry=9, reason="unknown", decided_at="t4", decided_by="you"),
            Decided(entry=3, event=new_event("a"), decided_at="t5", decided_by="me"),
        ]
        for decided in publish:
            log.decide([decided])
        log.decide([Decided(entry=3, decided_at="t6", decided_by="x"), publish[1]])
    copied(two, place)
    assert everything(one) == everything(two)
    _, redeliveries, _, decisions = everything(one)
    assert [(made.entry, made.decision, made.position) for made in decisions] == [
        (1, "released", 2),
        (2, "dropped", None),
        (3, "released", 1),
    ]
    assert [again.position for again in redeliveries] == [1]
    with pytest.raises(AlreadyDecided, match="dropped on t2 by me"):
        decide(one, place, [Decided(entry=2, decided_at="t6", decided_by="you")])
    with pytest.raises(UnknownEntry):
        decide(one, place, [Decided(entry=7, decided_at="t6", decided_by="you")])


def test_the_head_of_one_node_verifies_on_another(place, tmp_path):
    appending(place, tmp_path, all_at_once)
    one, two = tmp_path / "one", tmp_path / "two"
    for node in (one, two):
        copied(node, place)
    stored = tmp_path / "head.json"
    stored.write_text(json.dumps(head_of(one, "2026-11-24T00:00:00.000Z").as_json()))
    said = run(place, "head", "--verify", str(stored), "--data", str(two))
    assert said.exit_code == 0, said.output
    with closing(open_log_of(one)) as log, log.transaction() as connection:
        assert origin_of(connection).position == 31


def test_what_would_part_a_copy_from_its_sisters_is_refused_by_name(place, tmp_path):
    async def keep(appender):
        await appender.append(new_event("a", ticket_id="T1"))
        await appender.quarantine(refused())

    appending(place, tmp_path, keep)
    node = tmp_path / "node"
    copied(node, place)
    before = everything(node)
    data = ("--data", str(node))
    for alone in ("quarantine drop 1 --reason x", "quarantine release 1"):
        said = CliRunner().invoke(main, [*alone.split(), *data])
        assert said.exit_code != 0
        assert "copy of the stream" in said.output or "still refused" in said.output
    said = run(place, "erase", "--ticket", "T1", "--yes", *data)
    assert said.exit_code == 1
    assert "the other nodes have the same bytes" in said.output
    assert run(place, "archive", "--before", "2030-01-01", *data).exit_code == 0
    assert everything(node) == before


def test_an_operator_decides_on_any_node_and_hears_what_came_of_it(place, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"

    async def refuse(appender):
        for body in (b"1", b"2"):
            await appender.quarantine(refused(body))

    appending(place, tmp_path, refuse)
    for node in (one, two):
        copied(node, place)
    with copying(one, place):
        said = run(place, "quarantine", "drop", "1", "--reason", "a test", "--data", str(one))
        assert (said.exit_code, said.output) == (0, "Dropped 1: a test\n")
    # Whether it is copied here yet or not: all of it counts, or nothing.
    with copying(two, place):
        said = run(place, "quarantine", "drop", "2", "1", "--reason", "mine", "--data", str(two))
        assert said.exit_code == 1
        assert "Quarantine entry 1 was dropped" in said.output
    copied(one, place)
    assert everything(one) == everything(two)
    assert [made.entry for made in everything(one)[3]] == [1]


@contextmanager
def copying(directory, place):
    """A copier of its own, as a node has."""
    log = f"{','.join(place.servers)}/{place.stream}".replace(",nats://", ",")
    copier = Listener("copy", directory, environment={**os.environ, "LISTENER_LOG": log})
    try:
        wait_for(lambda: copier.said("copying"), "the copier")
        yield
    finally:
        copier.end()
