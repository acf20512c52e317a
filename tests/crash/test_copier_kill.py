"""A copier killed with -9 again and again: the copy is the one that an undisturbed copier makes."""

import asyncio
import os
import random
from contextlib import closing

import pytest

from store import open_copied_log, open_reader, open_shared_appender, open_shared_log
from store.log import copying
from store.log.origin import copied
from tests.jetstream import Servers, make_stream
from tests.new_events import new_event, refused
from tests.torture.processes import Listener, wait_for

EVENTS = 600
KILLS = 6


@pytest.fixture
def servers(tmp_path):
    one = Servers(tmp_path / "nats")
    one.start()
    make_stream(one.place())
    yield one
    one.close()


async def fill(place, directory):
    """So large that a read has some sixty of them; every third is a redelivery, every tenth refused."""
    appender = await open_shared_appender(
        place,
        queue_events=EVENTS * 2,
        queue_bytes=1 << 30,
        largest_body=100_000,
        copied_to=directory,
        patience_seconds=60,
    )
    chance = random.Random(9)
    padding = [chance.randbytes(30_000).hex().encode() for _ in range(10)]
    events = [
        new_event(str(n // 3 if n % 3 == 2 else n), b'{"p":"%s"}' % padding[n % 10])
        for n in range(EVENTS)
    ]
    await asyncio.gather(
        *(appender.append(event) for event in events),
        *(appender.quarantine(refused(b"%d" % n)) for n in range(EVENTS // 10)),
    )
    await appender.close()


def everything(directory):
    with closing(open_reader(directory)) as log:
        kept = (log.read(), log.redeliveries(), log.quarantined(), log.decisions())
        return tuple(list(one) for one in kept)


def test_a_copier_killed_at_any_instant_ends_with_the_same_rows_as_one_that_never_was(
    servers, tmp_path
):
    place, node = servers.place(), tmp_path / "node"
    asyncio.run(fill(place, tmp_path))
    environment = {**os.environ, "LISTENER_LOG": servers.log}
    killed_in_between = 0
    with closing(open_shared_log(tmp_path / "undisturbed", place)) as log:
        log.copy()
    last = copied(tmp_path / "undisturbed" / "log.db")
    for _ in range(KILLS):
        before = copied(node / "log.db")
        copier = Listener("copy", node, environment=environment)
        wait_for(
            lambda before=before: copied(node / "log.db") > before or before == last, "some copies"
        )
        copier.end()
        killed_in_between += 0 < copied(node / "log.db") < last
    assert killed_in_between, "every kill came too late to prove anything"
    with closing(open_shared_log(node, place)) as log:
        log.copy()
    assert everything(node) == everything(tmp_path / "undisturbed")


def test_what_cannot_be_noted_as_copied_is_not_kept(servers, tmp_path, monkeypatch):
    place, node = servers.place(), tmp_path / "node"
    asyncio.run(fill(place, tmp_path))
    with closing(open_shared_log(node, place)):
        pass

    def fails(_connection, _follows):
        raise OSError("a planted fault")

    with monkeypatch.context() as planted, closing(open_shared_log(node, place)) as log:
        planted.setattr(copying, "note_followed", fails)
        with pytest.raises(OSError, match="planted"):
            log.copy()
    assert everything(node) == ([], [], [], [])
    with closing(open_copied_log(node)) as log, log.transaction():
        assert log.head() == 0
