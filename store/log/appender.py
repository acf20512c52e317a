"""The receiver's side of the log: group commit over a writer process that is kept alive.

    append ── GroupCommit ── LastingWriter ── WriterProcess ══ pipe ══ store.log.writer ── log.db

When the writer dies, whatever it had not answered raises LogUnavailable and another is started,
at once the first time, then after longer and longer pauses. When the receiver dies, the writer
sees the pipe end and ends too.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from store.log.group_commit import Answer, Entry, GroupCommit, OnCommit
from store.log.lock import LOCK_SECONDS
from store.log.process import WriterProcess
from store.log.protocol import LogError, LogUnavailable

PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LIVED_WELL_SECONDS = 2.0
"""A writer that lived this long was no failed attempt: its successor is started at once."""

_log = logging.getLogger(__name__)


class LastingWriter:
    """A Committer that outlives its writer processes."""

    def __init__(self, directory: Path, lock_seconds: float) -> None:
        self._directory = directory
        self._lock_seconds = lock_seconds
        self._writer: WriterProcess | None = None
        self._why_none = ""
        self._settled = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that writes now; None between two."""
        return self._writer.pid if self._writer else None

    async def start(self) -> None:
        """Start the first writer; raises why it could not."""
        self._writer = await WriterProcess.start(self._directory, self._lock_seconds)
        self._settled.set()
        self._watching = asyncio.create_task(self._watch())

    async def commit(self, batch: Sequence[Entry]) -> list[Answer]:
        """Waits for a writer that is just starting; does not sit out the pauses between attempts."""
        await self._settled.wait()
        if self._writer is None:
            raise LogUnavailable(self._why_none)
        return await self._writer.commit(batch)

    def is_ready(self) -> bool:
        """Whether there is a writer; between two, appends are refused."""
        return self._writer is not None

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        if self._writer is not None:
            await self._writer.close()
            self._writer = None

    async def _watch(self) -> None:
        pause = 0.0
        while True:
            if self._writer is not None and await self._lived_well(self._writer):
                pause = 0.0
            self._writer = None
            await asyncio.sleep(pause)
            pause = min(max(PAUSE_SECONDS, 2 * pause), LONGEST_PAUSE_SECONDS)
            await self._start_again()

    async def _lived_well(self, writer: WriterProcess) -> bool:
        """Wait until it ends."""
        began = time.monotonic()
        code = await writer.ended()
        self._why_none = f"The writer of the log ended (exit code {code}); another is started soon."
        _log.warning("The writer of the log (process %d) ended, exit code %d.", writer.pid, code)
        return time.monotonic() - began >= LIVED_WELL_SECONDS

    async def _start_again(self) -> None:
        self._settled.clear()
        try:
            self._writer = await WriterProcess.start(self._directory, self._lock_seconds)
            _log.warning("Another writer of the log was started (process %d).", self._writer.pid)
        except LogError as error:
            self._why_none = str(error)
            _log.error("The log has no writer: %s", error)
        finally:
            self._settled.set()


class ProcessAppender(GroupCommit):
    """An Appender whose commits are made by a writer process of its own."""

    def __init__(
        self,
        writer: LastingWriter,
        *,
        queue_events: int,
        queue_bytes: int,
        on_commit: OnCommit | None = None,
    ) -> None:
        super().__init__(
            writer, queue_events=queue_events, queue_bytes=queue_bytes, on_commit=on_commit
        )
        self._writer = writer

    @property
    def writer_pid(self) -> int | None:
        """Of the process that owns log.db now; None between two."""
        return self._writer.pid


async def open_process_appender(
    directory: Path,
    *,
    queue_events: int,
    queue_bytes: int,
    lock_seconds: float = LOCK_SECONDS,
    on_commit: OnCommit | None = None,
) -> ProcessAppender:
    """Start the writer process and return when it holds the log.

    Raises LogLocked when another process still writes to this log after `lock_seconds`,
    LogUnavailable when it cannot be written, LogError when a later version made it.
    """
    writer = LastingWriter(directory, lock_seconds)
    await writer.start()
    return ProcessAppender(
        writer, queue_events=queue_events, queue_bytes=queue_bytes, on_commit=on_commit
    )
