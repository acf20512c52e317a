"""The EventLog over a stream: publishes what is appended, copies, and answers as any other log."""

import asyncio
import uuid
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from store.events import Appended, NewEvent, Refused
from store.log.copying import Answers, Copier
from store.log.entries import Decided, Kept, encode
from store.log.jetstream import Stream
from store.log.lock import LOCK_SECONDS
from store.log.place import Place
from store.log.protocol import LogUnavailable
from store.log.sqlite import LOG_FILE, SqliteLog

CONNECT_SECONDS = 10.0
PAUSE_SECONDS = 0.01

Answer = TypeVar("Answer")


class JetStreamLog(SqliteLog):
    """The log.db of this node, and the only way into it: through the stream.

    What a call appends is one message, so all of it is kept or nothing. From any thread, one thread
    at a time; not from within an event loop. Raises as SqliteLog, and what Copier.begin raises.
    """

    def __init__(
        self, directory: Path, place: Place, *, lock_seconds: float = LOCK_SECONDS
    ) -> None:
        super().__init__(directory / LOG_FILE, lock_seconds=lock_seconds, follows=True)
        self._runner = asyncio.Runner()
        self._stream = Stream(place)
        self._copier = Copier(self, self._stream)
        self._open = True
        try:
            self._run(self._stream.connect(CONNECT_SECONDS))
            self._run(self._copier.begin())
        except BaseException:
            self.close()
            raise

    def append(self, events: Sequence[NewEvent]) -> list[Appended]:
        if not events:
            return []
        return self._through(Kept(events=tuple(events)), "events").appended

    def quarantine(self, refused: Sequence[Refused]) -> list[int]:
        if not refused:
            return []
        return self._through(Kept(refused=tuple(refused)), "refused").refused

    def decide(self, decided: Sequence[Decided]) -> None:
        """Decide about entries of the quarantine; what was decided before stays."""
        self._through(Kept(decided=tuple(decided)), "decided")

    def copy(self) -> int:
        """Copy what others appended; how many messages that were.

        As far as the server that answers has it, which may lag behind.
        """
        copied = 0
        while answers := self._run(self._copier.step()):
            copied += len(answers)
        return copied

    def copy_all(self) -> int:
        """Copy everything that was acknowledged so far; how many messages that were.

        A quorum says where that ends, by an entry with nothing in it, which is not counted.
        """
        before = self._copier.sequence
        self._run(self._copied(self._run(self._stream.end())))
        return self._copier.sequence - before - 1

    def close(self) -> None:
        if self._open:
            self._open = False
            with suppress(LogUnavailable):
                self._run(self._stream.close())
            self._runner.close()
        super().close()

    def _through(self, kept: Kept, subject: str) -> Answers:
        if not self._open:
            raise LogUnavailable("The log is closed.")
        payload = encode(kept)
        published = self._run(self._stream.publish(subject, payload, uuid.uuid4().hex))
        return self._run(self._copied(published.sequence))

    async def _copied(self, sequence: int) -> Answers:
        while True:
            before = self._copier.sequence
            answers = await self._copier.step()
            if self._copier.sequence >= sequence:
                return answers[sequence - before - 1]
            if not answers:
                # Acknowledged by a quorum, and the server that was asked is none of it.
                await asyncio.sleep(PAUSE_SECONDS)

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self._runner.run(work)
