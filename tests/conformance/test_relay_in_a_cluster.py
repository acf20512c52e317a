"""What the relay asks a provider, in a log that several machines share: kept, and known by its position."""

import asyncio
import os
from contextlib import closing

from receiver.relay.door import beside, through
from store import open_reader, open_shared_appender
from tests.jetstream import Servers, make_stream
from tests.new_events import new_event
from tests.torture.processes import Listener, wait_for


async def _through(data, place, events):
    appender = await open_shared_appender(
        place,
        queue_events=100,
        queue_bytes=1_000_000,
        largest_body=100_000,
        copied_to=data,
        patience_seconds=60,
    )
    try:
        append = through(appender, data)
        return await asyncio.gather(*(append(event) for event in events))
    finally:
        await appender.close()


def test_what_was_asked_is_known_by_the_position_that_its_copy_has(tmp_path):
    data, servers = tmp_path / "data", Servers(tmp_path / "nats")
    servers.start()
    make_stream(servers.place())
    node = Listener("copy", data, environment={**os.environ, "LISTENER_LOG": servers.log})
    try:
        wait_for((data / "log.db").exists, "the log")
        events = [new_event(str(number)) for number in range(5)]
        positions = asyncio.run(_through(data, servers.place(), events))
        positions.append(asyncio.run(beside(data, servers.place())(new_event("last"))))
    finally:
        node.end()
        servers.close()
    with closing(open_reader(data)) as log:
        kept = {event.event_id: event.position for event in log.read()}
    assert [kept[str(number)] for number in range(5)] == positions[:5]
    assert kept["last"] == positions[5] == 6
