"""One writer process as the receiver sees it: a child and the pipe to it."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from store.log.frames import (
    FAILED,
    LENGTH,
    content,
    error_of,
    frame,
    pack,
    unpack_answer,
)
from store.log.group_commit import Answer, Entry
from store.log.protocol import LogUnavailable

START_SECONDS = 30.0
"""Longest wait for a writer to begin; seconds of patience with its lock come on top."""
END_SECONDS = 30.0
"""Longest wait for a writer to end after its pipe; then it is killed, and nothing is lost."""


class WriterProcess:
    """A Committer while its process lives; make it with `start`."""

    def __init__(
        self,
        child: "subprocess.Popen[bytes]",
        reader: asyncio.StreamReader,
        pipe: asyncio.StreamWriter,
    ) -> None:
        self._child = child
        self._reader = reader
        self._pipe = pipe
        self._gone = asyncio.Event()
        self._reply: asyncio.Future[Any] | None = None
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, directory: Path, lock_seconds: float) -> Self:
        """Return when it holds the log. Raises what the engine raised: LogLocked, LogUnavailable, …"""
        ours, theirs = socket.socketpair()
        with theirs:
            child = _spawn(directory, theirs, lock_seconds)
        writer = cls(child, *await asyncio.open_unix_connection(sock=ours))
        try:
            async with asyncio.timeout(lock_seconds + START_SECONDS):
                await writer._begin()
        except TimeoutError as error:
            await writer.close(kill=True)
            raise LogUnavailable("The writer of the log did not begin in time.") from error
        except BaseException:
            await writer.close(kill=True)
            raise
        return writer

    @property
    def pid(self) -> int:
        return self._child.pid

    async def commit(self, batch: Sequence[Entry]) -> list[Answer]:
        if self._gone.is_set():
            raise _ended()
        self._reply = asyncio.get_running_loop().create_future()
        self._pipe.write(frame(pack(batch)))
        kind, *rest = await self._reply
        if kind == FAILED:
            raise error_of(*rest)
        return [unpack_answer(answer) for answer in rest[0]]

    async def ended(self) -> int:
        """Wait until the process has ended; its exit code."""
        await self._gone.wait()
        await self.close()
        return self._child.wait()

    async def close(self, *, kill: bool = False) -> None:
        """End the pipe, and with it the process; wait for both."""
        if kill:
            self._child.kill()
        self._pipe.close()
        with suppress(OSError):  # it was broken already
            await self._pipe.wait_closed()
        try:
            async with asyncio.timeout(END_SECONDS):
                while self._child.poll() is None:  # noqa: ASYNC110  no event tells of a child's end on every loop
                    await asyncio.sleep(0.005)
        except TimeoutError:
            self._child.kill()
        self._child.wait()
        if self._listening is not None:
            await self._listening

    async def _begin(self) -> None:
        try:
            kind, *rest = await self._receive()
        except (EOFError, OSError) as error:
            raise LogUnavailable("The writer of the log ended before it began.") from error
        if kind == FAILED:
            raise error_of(*rest)
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                reply = await self._receive()
                if self._reply is not None and not self._reply.done():
                    self._reply.set_result(reply)
        self._gone.set()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(_ended())

    async def _receive(self) -> Any:
        length = int.from_bytes(await self._reader.readexactly(LENGTH), "big")
        return content(await self._reader.readexactly(length))


def _spawn(directory: Path, pipe: socket.socket, lock_seconds: float) -> "subprocess.Popen[bytes]":
    # -P: a folder named `store` where the listener happens to be started is not ours.
    command = [sys.executable, "-P", "-m", "store.log.writer"]
    arguments = [str(directory), str(pipe.fileno()), str(lock_seconds)]
    try:
        return subprocess.Popen(
            command + arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[pipe.fileno()],
            start_new_session=True,  # the terminal's Ctrl-C is for the receiver
        )
    except OSError as error:
        raise LogUnavailable(f"The writer of the log cannot be started: {error}.") from error


def _ended() -> LogUnavailable:
    return LogUnavailable("The writer of the log ended; nothing it left open was acknowledged.")
