"""The writer process: killed, signalled, starved of disk, and left behind by its parent."""

import asyncio
import contextlib
import os
import random
import resource
import signal

import pytest
import uvloop

from store import (
    Appended,
    LogError,
    LogLocked,
    LogUnavailable,
    Overloaded,
    open_appender,
    open_log,
    open_reader,
    verify_chain,
)
from tests.crash.appending import event_of
from tests.new_events import new_event, refused


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param


@contextlib.asynccontextmanager
async def appending(directory, queue_events=10_000, queue_bytes=50_000_000):
    appender = await open_appender(directory, queue_events=queue_events, queue_bytes=queue_bytes)
    try:
        yield appender
    finally:
        await appender.close()


async def append_until_kept(appender, event):
    while True:
        try:
            return await appender.append(event)
        except LogUnavailable:
            await asyncio.sleep(0.01)


def test_a_quiet_log_gives_the_space_of_its_write_ahead_log_back(tmp_path, run):
    wal = tmp_path / "log.db-wal"

    async def deliver():
        async with appending(tmp_path) as appender:
            reader = open_reader(tmp_path)
            for number in range(3):
                await appender.append(new_event(str(number)))
            assert wal.stat().st_size > 0
            async with asyncio.timeout(60):
                while wal.stat().st_size:  # noqa: ASYNC110  nothing tells of a file's size
                    await asyncio.sleep(0.1)
            answers = [await appender.append(new_event(str(number))) for number in (2, 3)]
            assert reader.head() == 4
            reader.close()
            return answers

    assert run(deliver()) == [Appended(3, duplicate=True), Appended(4)]


def test_64_deliveries_of_one_event_at_once_are_one_event_and_63_redeliveries(tmp_path, run):
    async def deliver():
        async with appending(tmp_path) as appender:
            return await asyncio.gather(*(appender.append(new_event("a")) for _ in range(64)))

    answers = run(deliver())
    assert sorted(answers, key=lambda answer: answer.duplicate) == [
        Appended(1),
        *[Appended(1, duplicate=True)] * 63,
    ]
    log = open_reader(tmp_path)
    assert log.head() == 1
    assert len(list(log.redeliveries())) == 63
    log.close()


def test_events_and_refused_bytes_that_wait_together_are_all_kept(tmp_path, run):
    async def append():
        async with appending(tmp_path) as appender:
            return await asyncio.gather(
                appender.append(new_event("a", b'{"n":1}')),
                appender.quarantine(refused(b"\xff")),
                appender.append(new_event("a", b'{"n":2}')),
                appender.quarantine(refused(b"{}")),
            )

    assert run(append()) == [Appended(1), 1, Appended(2, conflict_of=1), 2]
    log = open_reader(tmp_path)
    assert [kept.body for kept in log.quarantined()] == [b"\xff", b"{}"]
    assert log.quarantine_entry(1).reasons == refused().reasons
    log.close()


def test_one_unfit_event_fails_alone_in_its_batch(tmp_path, run):
    async def append():
        async with appending(tmp_path) as appender:
            return await asyncio.gather(
                *(appender.append(new_event(name, b"{}")) for name in ("a", "\ud800", "b")),
                return_exceptions=True,
            )

    first, unfit, last = run(append())
    assert (first, last) == (Appended(1), Appended(2))
    assert isinstance(unfit, ValueError)


def test_a_full_queue_says_so_at_once_and_takes_events_again_later(tmp_path, run):
    async def append():
        async with appending(tmp_path, queue_events=3) as appender:
            answers = await asyncio.gather(
                *(appender.append(new_event(str(n))) for n in range(5)), return_exceptions=True
            )
            return answers, await appender.append(new_event("later"))

    answers, later = run(append())
    assert answers[:3] == [Appended(1), Appended(2), Appended(3)]
    assert [type(answer) for answer in answers[3:]] == [Overloaded, Overloaded]
    assert later == Appended(4)


def test_the_queue_is_bounded_in_bytes_too_but_one_large_body_alone_passes(tmp_path, run):
    async def append():
        async with appending(tmp_path, queue_bytes=1_000) as appender:
            return await asyncio.gather(
                appender.append(new_event("a", bytes(5_000))),
                appender.append(new_event("b")),
                return_exceptions=True,
            )

    large, small = run(append())
    assert large == Appended(1)
    assert isinstance(small, Overloaded)


def test_a_request_that_stops_waiting_disturbs_nobody(tmp_path, run):
    async def append():
        async with appending(tmp_path) as appender:
            tasks = [asyncio.create_task(appender.append(new_event(str(n)))) for n in range(20)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return [await task for task in tasks[1::2]], await appender.append(new_event("1"))

    answers, again = run(append())
    assert len({answer.position for answer in answers}) == 10
    assert again == Appended(answers[0].position, duplicate=True)


def test_close_commits_what_waits_and_frees_the_log(tmp_path, run):
    async def append():
        appender = await open_appender(tmp_path, queue_events=1_000, queue_bytes=1_000_000)
        tasks = [asyncio.create_task(appender.append(new_event(str(n)))) for n in range(100)]
        await asyncio.sleep(0)
        await appender.close()
        await appender.close()
        with pytest.raises(LogUnavailable, match="closed"):
            await appender.append(new_event("late"))
        return await asyncio.gather(*tasks)

    assert len(run(append())) == 100
    log = open_log(tmp_path, lock_seconds=0)
    assert log.head() == 100
    log.close()


def test_the_writer_leaves_ctrl_c_hang_up_and_sigterm_to_its_parent(tmp_path, run):
    async def append():
        async with appending(tmp_path) as appender:
            writer = appender.writer_pid
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(writer, number)
            return await appender.append(new_event("a")), appender.writer_pid == writer

    assert run(append()) == (Appended(1), True)


def test_a_killed_writer_acknowledges_nothing_false_and_is_replaced(tmp_path, run):
    chance = random.Random(621)
    acknowledged = {}
    unanswered = []

    async def append_on(appender, task):
        for number in range(10_000):
            event = event_of(f"{task}-{number}")
            try:
                acknowledged[event.event_id] = await appender.append(event)
            except LogUnavailable:
                unanswered.append(event)
                acknowledged[event.event_id] = await append_until_kept(appender, event)

    async def load():
        async with appending(tmp_path) as appender:
            tasks = [asyncio.create_task(append_on(appender, task)) for task in range(32)]
            for _ in range(4):
                await append_until_kept(appender, new_event("alive"))
                await asyncio.sleep(chance.uniform(0, 0.3))
                os.kill(appender.writer_pid, signal.SIGKILL)
            await append_until_kept(appender, new_event("alive"))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(load())
    log = open_log(tmp_path)
    assert unanswered
    for event_id, answer in acknowledged.items():
        kept = log.event(answer.position)
        assert (kept.event_id, kept.body) == (event_id, event_of(event_id).body)
    assert len({event.event_id for event in log.read()}) == log.head()
    assert verify_chain(log) is None
    log.close()


def test_an_idle_writer_that_dies_is_replaced_before_anybody_asks(tmp_path, run):
    async def outlive():
        async with appending(tmp_path) as appender:
            first = appender.writer_pid
            os.kill(first, signal.SIGKILL)
            async with asyncio.timeout(10):
                while appender.writer_pid in (first, None):  # noqa: ASYNC110  a pid raises no event
                    await asyncio.sleep(0.01)
            return await appender.append(new_event("a"))

    assert run(outlive()) == Appended(1)


def test_a_disk_without_room_is_said_and_the_same_writer_goes_on_when_there_is_some(tmp_path, run):
    async def append():
        async with appending(tmp_path) as appender:
            writer = appender.writer_pid
            answers = [await appender.append(new_event("before"))]
            # The writer can no longer make a file longer than this: a disk full for it alone.
            room = (tmp_path / "log.db-wal").stat().st_size + 100_000
            unlimited = resource.prlimit(writer, resource.RLIMIT_FSIZE, (room, -1))
            large = [new_event(str(n), random.Random(n).randbytes(90_000)) for n in range(5)]
            failures = await asyncio.gather(
                *(appender.append(event) for event in large), return_exceptions=True
            )
            assert [type(failure) for failure in failures] == [LogUnavailable] * 5
            resource.prlimit(writer, resource.RLIMIT_FSIZE, unlimited)
            answers += [await appender.append(event) for event in large]
            return answers, appender.writer_pid == writer

    assert run(append()) == ([Appended(n) for n in range(1, 7)], True)
    log = open_reader(tmp_path)
    assert verify_chain(log) is None
    log.close()


def test_a_log_that_somebody_else_writes_is_refused_in_words(tmp_path, run):
    log = open_log(tmp_path)
    with pytest.raises(LogLocked, match="Another process already writes to"):
        run(open_appender(tmp_path, queue_events=1, queue_bytes=1, lock_seconds=0.1))
    log.close()


def test_a_file_that_is_no_log_is_refused_in_words(tmp_path, run):
    (tmp_path / "log.db").write_bytes(b"This is a letter, not a database. " * 100)
    with pytest.raises(LogError, match="cannot be used as the log"):
        run(open_appender(tmp_path, queue_events=1, queue_bytes=1))


def test_a_directory_that_cannot_be_made_is_refused_in_words(tmp_path, run):
    (tmp_path / "file").touch()
    with pytest.raises(LogUnavailable, match="cannot be written"):
        run(open_appender(tmp_path / "file" / "data", queue_events=1, queue_bytes=1))
