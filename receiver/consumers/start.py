"""From where on a consumer reads: what it says, else its checkpoint, else the beginning."""

from receiver.consumers.asked import Asked
from receiver.consumers.reading import Reading
from receiver.rejections import InvalidParameter
from store.consumers import checkpoints
from store.consumers.file import ConsumersFile


class Starts:
    """Finds the position behind which a consumer reads."""

    def __init__(self, reading: Reading, file: ConsumersFile) -> None:
        self.reading = reading
        self._file = file

    async def position(self, owner: str, wanted: Asked) -> int:
        """Raises InvalidParameter for one that the log has not reached: it is another log's."""
        after, name = wanted.after, "after"
        if wanted.consumer is not None:
            name = "consumer"
            consumer = wanted.consumer
            found = await self.reading.ask(lambda: checkpoints.of(self._file, owner, consumer))
            after = found.position if found else 0
        await self.check(after or 0, name)
        return after or 0

    async def check(self, position: int, name: str) -> None:
        """Raise InvalidParameter where the log does not reach so far."""
        if position:
            head = await self.reading.head()
            if position > head:
                raise InvalidParameter(name, f"a position up to the log's last, {head}")
