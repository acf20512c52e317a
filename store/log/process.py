"""One writer process as the receiver sees it: a child and the pipe to it."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

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


class _Pipe(asyncio.Protocol):
    """The receiver's end of the pipe; one reply is awaited at a time.

    No stream and no task that reads from it: each would be one more turn of the loop between a
    commit and those who wait for it.
    """

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self._arrived = bytearray()
        self._reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio has it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """As asyncio has it."""
        self._arrived += data
        while (reply := self._next()) is not None:
            if not self._reply.done():
                self._reply.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  however it ended
        """As asyncio has it."""
        self.gone.set()
        if not self._reply.done():
            self._reply.set_exception(_ended())

    def first(self) -> asyncio.Future[Any]:
        """What the writer says before it is asked. Raises LogUnavailable when it ends instead."""
        return self._reply

    def ask(self, batch: Sequence[Entry]) -> asyncio.Future[Any]:
        """Send a batch; its reply. Raises LogUnavailable when the writer ends first."""
        if self.gone.is_set() or self._transport is None:
            raise _ended()
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(frame(pack(batch)))
        return self._reply

    def close(self) -> None:
        """End the pipe; `gone` tells when."""
        if self._transport is not None:
            self._transport.close()
        if not self._reply.done():
            self._reply.cancel()

    def _next(self) -> Any:
        """The next reply that arrived in whole, if there is one."""
        end = LENGTH + int.from_bytes(self._arrived[:LENGTH], "big")
        if len(self._arrived) < max(end, LENGTH):
            return None
        body = self._arrived[LENGTH:end]
        del self._arrived[:end]
        return content(body)


class WriterProcess:
    """A Committer while its process lives; make it with `start`."""

    def __init__(self, child: "subprocess.Popen[bytes]", pipe: _Pipe) -> None:
        self._child = child
        self._pipe = pipe

    @classmethod
    async def start(cls, directory: Path, lock_seconds: float) -> Self:
        """Return when it holds the log. Raises what the engine raised: LogLocked, LogUnavailable, …"""
        ours, theirs = socket.socketpair()
        with theirs:
            child = _spawn(directory, theirs, lock_seconds)
        loop = asyncio.get_running_loop()
        _, pipe = await loop.create_unix_connection(_Pipe, sock=ours)
        writer = cls(child, pipe)
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
        kind, *rest = await self._pipe.ask(batch)
        if kind == FAILED:
            raise error_of(*rest)
        return [unpack_answer(answer) for answer in rest[0]]

    async def ended(self) -> int:
        """Wait until the process has ended; its exit code."""
        await self._pipe.gone.wait()
        await self.close()
        return self._child.wait()

    async def close(self, *, kill: bool = False) -> None:
        """End the pipe, and with it the process; wait for both."""
        if kill:
            self._child.kill()
        self._pipe.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._pipe.gone.wait()
                while self._child.poll() is None:  # noqa: ASYNC110  no event tells of a child's end on every loop
                    await asyncio.sleep(0.005)
        except TimeoutError:
            self._child.kill()
        self._child.wait()

    async def _begin(self) -> None:
        try:
            kind, *rest = await self._pipe.first()
        except LogUnavailable as error:
            raise LogUnavailable("The writer of the log ended before it began.") from error
        if kind == FAILED:
            raise error_of(*rest)


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
