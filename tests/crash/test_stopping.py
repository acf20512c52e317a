"""Told to stop under load: every request in flight gets its answer, and nothing is kept without one."""

import asyncio
import json
import random
import signal
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count

import pytest

from store import open_reader
from tests.torture.events import PATH, body_of, number_of
from tests.torture.processes import Listener
from tests.torture.sender import Answer, NoAnswer, Sender

SENDERS = 32


@dataclass
class Heard:
    """By all senders together."""

    kept: set[int] = field(default_factory=set)
    errors: list[Answer] = field(default_factory=list)
    silence: list[str] = field(default_factory=list)
    numbers: count = field(default_factory=count)


async def send(port: int, heard: Heard, idle_seconds: float, *, again: bool) -> None:
    """One connection, kept alive; or with `again` a new one for each request, until there is none."""
    sender = Sender(port)
    while True:
        number = next(heard.numbers)
        try:
            answer = await sender.post(PATH, body_of(number))
        except NoAnswer as silence:
            # A connection that nobody has accepted yet is reset when the port is closed: what came
            # over it was never read, so it is not kept either, which the end of the test proves.
            if silence.whole and not again:
                heard.silence.append(f"{number}: {silence}")
            return
        if answer.status == 204:
            heard.kept.add(number)
        else:
            heard.errors.append(answer)
        if answer.closes and not again:
            return
        if again:
            await sender.close()
        await asyncio.sleep(idle_seconds)


async def stopped_under_load(listener: Listener, number: int, seconds: float) -> Heard:
    heard = Heard()
    async with asyncio.TaskGroup() as senders:
        for index in range(SENDERS):
            # Some without pause, some with one: they meet the signal between two requests.
            idle = 0 if index % 2 else 0.02 * (index % 8)
            senders.create_task(send(listener.port, heard, idle, again=index % 8 == 7))
        await asyncio.sleep(seconds)
        listener.process.send_signal(number)
    return heard


@pytest.mark.parametrize(
    ("command", "number"),
    [("serve", signal.SIGTERM), ("serve", signal.SIGHUP), ("receive", signal.SIGHUP)],
)
def test_every_request_in_flight_is_answered_when_told_to_stop(tmp_path, command, number):
    listener = Listener(command, tmp_path)
    try:
        listener.wait_until_ready()
        heard = asyncio.run(stopped_under_load(listener, number, random.uniform(0.3, 0.8)))
        assert listener.process.wait(30) == 0, "".join(listener.lines)
    finally:
        listener.end()

    assert heard.silence == []
    assert len(heard.kept) > SENDERS
    for answer in heard.errors:
        assert answer.status == 503
        assert "retry-after" in answer.headers
        assert json.loads(answer.body)["@type"] == "Error"
    with closing(open_reader(tmp_path)) as log:
        assert {number_of(event.event_id) for event in log.read()} == heard.kept
