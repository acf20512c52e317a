"""Reading for consumers: in a few threads, each with its reader of the log, never on the loop."""

import asyncio
import queue
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from store import Condition, LineReader, Page, RecordedEvent, open_line_reader

Answer = TypeVar("Answer")

LONGEST_REST_SECONDS = 0.05


class Reading:
    """The log of one data directory, asked from an event loop."""

    def __init__(self, directory: Path, threads: int) -> None:
        self._directory = directory
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="reading")
        # As many as there are threads at most; opened when they are first needed.
        self._readers: queue.SimpleQueue[LineReader] = queue.SimpleQueue()

    async def ask(self, question: Callable[[], Answer]) -> Answer:
        """Call something that may wait for a disk, in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, question)

    async def head(self) -> int:
        """Position of the last event. Raises LogError, as the others do."""
        return await self._with_reader(lambda reader: reader.head())

    async def event(self, position: int) -> RecordedEvent | None:
        """One event with its very bytes."""
        return await self._with_reader(lambda reader: reader.event(position))

    async def events(self, after: int, most: int) -> list[RecordedEvent]:
        """The next events behind a position, with their very bytes."""
        return await self._with_reader(lambda reader: list(reader.read(after, most)))

    async def page(self, after: int, condition: Condition, *, events: int, size: int) -> Page:
        """Some lines behind a position."""
        return await self._with_reader(
            lambda reader: reader.page(after, condition, events=events, size=size)
        )

    def close(self) -> None:
        """Wait for what is being read, then close every reader."""
        self._executor.shutdown()
        while not self._readers.empty():
            self._readers.get().close()

    async def _with_reader(self, question: Callable[[LineReader], Answer]) -> Answer:
        return await self.ask(lambda: self._borrowed(question))

    def _borrowed(self, question: Callable[[LineReader], Answer]) -> Answer:
        try:
            reader = self._readers.get_nowait()
        except queue.Empty:
            reader = open_line_reader(self._directory)
        began = time.perf_counter()
        try:
            return question(reader)
        finally:
            self._readers.put(reader)
            # As long a rest as it took: whoever pulls without end leaves the interpreter to those
            # who send for half of the time.
            time.sleep(min(time.perf_counter() - began, LONGEST_REST_SECONDS))
