"""The load: senders that never give up, as at-least-once senders do, and keep a ledger."""

import asyncio
import random
from collections import Counter
from itertools import count

from tests.torture.events import PATH, body_of, broken_body_of
from tests.torture.ledger import Ledger
from tests.torture.sender import Answer, NoAnswer, Sender

SENDERS = 12
REDELIVERED, BROKEN = 0.03, 0.02
"""Shares: of what was acknowledged and is sent again all the same, of what is no event."""
AWAY_SECONDS = 0.1


class Load:
    """Sends without pause, at most `rate` requests a second."""

    def __init__(self, port: int, ledger: Ledger, rate: float, seed: object) -> None:
        self.answers: Counter[int] = Counter()
        self.broken_connections = 0
        self._port = port
        self._ledger = ledger
        self._pause = SENDERS / rate
        self._chance = random.Random(seed)
        self._numbers = count()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._send_on()) for _ in range(SENDERS)]

    async def finish(self, seconds: float) -> None:
        """Begin nothing new; wait until everything that was begun is answered."""
        self._stopping = True
        await asyncio.wait(self._tasks, timeout=seconds)
        await self.cancel()

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                self._ledger.problems.append(f"a sender ended: {end!r}")
            elif end is not None:
                self._ledger.problems.append("a sender never got its answer")
        self._tasks = []

    async def _send_on(self) -> None:
        sender = Sender(self._port)
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping:
                began = loop.time()
                await self._send_one(sender)
                await asyncio.sleep(max(0, began + self._pause - loop.time()))
        finally:
            await sender.close()

    async def _send_one(self, sender: Sender) -> None:
        kind = self._chance.random()
        if kind < BROKEN:
            number = next(self._numbers)
            answer = await self._post(sender, broken_body_of(number))
            if answer.status == 400:
                self._ledger.refuse(number, answer)
                return
        else:
            number = self._number(kind)
            answer = await self._post(sender, body_of(number))
            if answer.status == 204:
                self._ledger.acknowledge(number, answer)
                return
        self._ledger.problems.append(f"event {number} was answered {answer.status}")

    def _number(self, kind: float) -> int:
        number = next(self._numbers)
        if number and kind < BROKEN + REDELIVERED:
            earlier = self._chance.randrange(number)
            return earlier if earlier in self._ledger.positions else number
        return number

    async def _post(self, sender: Sender, body: bytes) -> Answer:
        """Again and again, until it is neither 503 nor silence."""
        while True:
            try:
                answer = await sender.post(PATH, body)
            except NoAnswer as silence:
                self.broken_connections += silence.whole
            else:
                self.answers[answer.status] += 1
                if answer.status != 503:
                    return answer
            await asyncio.sleep(AWAY_SECONDS * (0.5 + self._chance.random()))
