"""How far each consumer has read: told, acknowledged, forgotten.

PUT /events/checkpoints/{consumer} {"position": 42} says that everything up to 42 is done with. It
may come twice or late: a checkpoint moves back only with "rewind": true.
"""

import json
from datetime import UTC, datetime

from receiver.consumers.asked import check_consumer, parameters
from receiver.consumers.exchange import Visit
from receiver.consumers.start import Starts
from receiver.rejections import InvalidRequest, NotFound
from store.consumers import checkpoints
from store.consumers.checkpoints import Checkpoint
from store.consumers.file import ConsumersFile
from store.times import utc_text


class Checkpoints:
    """The checkpoints of whoever asks."""

    def __init__(self, file: ConsumersFile, starts: Starts) -> None:
        self._file = file
        self._starts = starts
        self._ask = starts.reading.ask

    async def every(self, visit: Visit) -> None:
        """Answer GET /events/checkpoints."""
        parameters(visit.query, ())
        found = await self._ask(lambda: checkpoints.every(self._file, visit.owner))
        await visit.answer(200, json.dumps([one._asdict() for one in found]).encode())

    async def one(self, visit: Visit, consumer: str) -> None:
        """Answer GET /events/checkpoints/{consumer}; 404 where nothing was acknowledged."""
        self._check(visit, consumer)
        found = await self._ask(lambda: checkpoints.of(self._file, visit.owner, consumer))
        if found is None:
            raise NotFound
        await _told(visit, found)

    async def acknowledge(self, visit: Visit, consumer: str) -> None:
        """Answer PUT with where the checkpoint stands then."""
        self._check(visit, consumer)
        position, rewind = _acknowledged(visit)
        await self._starts.check(position, "position")
        now = utc_text(datetime.now(UTC))
        found = await self._ask(
            lambda: checkpoints.acknowledge(
                self._file, visit.owner, consumer, position, now=now, rewind=rewind
            )
        )
        await _told(visit, found)

    async def forget(self, visit: Visit, consumer: str) -> None:
        """Answer DELETE."""
        self._check(visit, consumer)
        if not await self._ask(lambda: checkpoints.forget(self._file, visit.owner, consumer)):
            raise NotFound
        await visit.answer_empty()

    def _check(self, visit: Visit, consumer: str) -> None:
        parameters(visit.query, ())
        check_consumer(consumer)


def _acknowledged(visit: Visit) -> tuple[int, bool]:
    document = visit.document()
    for name in document:
        if name not in ("position", "rewind"):
            raise InvalidRequest(name[:64], "nothing; known are position and rewind")
    position, rewind = document.get("position"), document.get("rewind", False)
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < 2**63:
        raise InvalidRequest("position", "a whole number, 0 or more")
    if not isinstance(rewind, bool):
        raise InvalidRequest("rewind", "true or false")
    return position, rewind


async def _told(visit: Visit, found: Checkpoint) -> None:
    await visit.answer(200, json.dumps(found._asdict()).encode())
