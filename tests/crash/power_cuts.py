"""Power cuts in the life of a real receiver, and what of the acknowledged is missing afterwards."""

import asyncio
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from store import open_log, verify_chain
from tests.crash.disk import Disk, disk_at
from tests.crash.power_loss import Change, PowerLoss, anything, changes, nothing
from tests.torture.events import PATH, body_of, event_id, number_of
from tests.torture.processes import ROOT, Listener
from tests.torture.sender import Sender

SENDERS = 6
EACH = 10
TURNS = 4
ACKNOWLEDGED = SENDERS * EACH * TURNS
"""Events in one life."""


def lived(place: Path, planted: str = "", turns: int = TURNS) -> list[Change]:
    """What a receiver did to its disk while it took events in, was stopped and began again."""
    with disk_at(place) as disk:
        environment = disk.environment | {
            "PLANTED": planted,
            "PYTHONPATH": f"{ROOT / 'tests' / 'crash' / 'planted'}{os.pathsep}{ROOT}",
        }
        numbers = count()
        for _ in range(turns // 2):
            receiver = Listener("receive", disk.directory / "data", environment=environment)
            try:
                receiver.wait_until_ready()
                for _ in range(2):
                    asyncio.run(send(receiver.port, numbers, disk))
                    # The writer empties its write-ahead log when nothing comes for a while.
                    asyncio.run(asyncio.sleep(0.8))
                assert receiver.stop() == 0
            finally:
                receiver.end()
        return changes(disk.journal)


async def send(port: int, numbers: Iterator[int], disk: Disk) -> None:
    async def one() -> None:
        sender = Sender(port)
        for _ in range(EACH):
            number = next(numbers)
            answer = await sender.post(PATH, body_of(number))
            assert answer.status == 204
            disk.note(f"{answer.position} {number}")
        await sender.close()

    await asyncio.gather(*(one() for _ in range(SENDERS)))


def lost(
    journal: list[Change],
    place: Path,
    *,
    instants: int = 20,
    lying: bool = False,
    seed: object = 621,
) -> list[str]:
    """What was missing of the acknowledged, over power cuts at so many instants, in two worlds each."""
    found = []
    told = [index for index, change in enumerate(journal, start=1) if change.kind == "A"]
    chance = random.Random(seed)
    # Half of them just after an answer: there a promise is youngest.
    cuts = {*chance.sample(told, instants // 2), len(journal)}
    cuts |= set(chance.sample(range(told[0], len(journal)), instants // 2))
    disk = PowerLoss(lying=lying)
    acknowledged: dict[int, int] = {}
    for index, change in enumerate(journal, start=1):
        disk.happens(change)
        if change.kind == "A":
            position, number = change.content.split()
            acknowledged[int(position)] = int(number)
        if index in cuts:
            for world in (nothing, anything(f"{seed} {index}")):
                disk.leave(place, world)
                found += missing(acknowledged, place / "data")
                shutil.rmtree(place / "data", ignore_errors=True)
    return found


def missing(acknowledged: dict[int, int], data: Path) -> list[str]:
    """In words, what of the acknowledged is not there, once, byte for byte."""
    kept = {}
    try:
        with closing(open_log(data)) as log:
            assert verify_chain(log) is None
            kept = {event.position: event for event in log.read()}
            assert len({event.event_id for event in kept.values()}) == len(kept)
            assert all(event.body == body_of(number_of(event.event_id)) for event in kept.values())
    except Exception as error:  # noqa: BLE001  a damaged file may raise anything
        return [f"damaged: {error!r}"]
    return [
        f"{number} at {position}"
        for position, number in acknowledged.items()
        if position not in kept or kept[position].event_id != event_id(number)
    ]
