"""A process to be killed: appends without end and says each event id once it is acknowledged.

`python -m tests.crash.appending DIRECTORY appender|log FIRST_NUMBER`. The body is made from the
id, so that whoever reads the ids knows the bytes.
"""

import asyncio
import itertools
import os
import random
import sys
from pathlib import Path

from store import NewEvent, open_appender, open_log
from tests.new_events import new_event

TASKS = 32


def event_of(event_id: str) -> NewEvent:
    chance = random.Random(event_id)
    body = chance.randbytes(chance.randrange(1, 6_000))
    # Half of them can be made smaller, and are kept so.
    return new_event(event_id, body if chance.random() < 0.5 else body.hex().encode())


def say(event_ids: list[str]) -> None:
    # One write, so that a kill cannot leave half a line; a pipe outlives its writer.
    os.write(1, "".join(f"{event_id}\n" for event_id in event_ids).encode())


async def through_appender(directory: Path, numbers) -> None:
    appender = await open_appender(directory, queue_events=1_000, queue_bytes=10_000_000)

    async def append_on() -> None:
        for number in numbers:
            await appender.append(event_of(str(number)))
            say([str(number)])

    await asyncio.gather(*(append_on() for _ in range(TASKS)))


def through_log(directory: Path, numbers) -> None:
    log = open_log(directory)
    while True:
        event_ids = [str(number) for number in itertools.islice(numbers, 10)]
        log.append([event_of(event_id) for event_id in event_ids])
        say(event_ids)


if __name__ == "__main__":
    data, way, first = sys.argv[1:]
    counting = itertools.count(int(first))
    if way == "appender":
        asyncio.run(through_appender(Path(data), counting))
    else:
        through_log(Path(data), counting)
