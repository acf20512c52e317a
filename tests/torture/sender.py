"""A sender that knows what it was told: one connection, kept alive, on a bare socket.

A library would try again, or hide whether a request had left whole before the connection broke.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

ANSWER_SECONDS = 30.0


class NoAnswer(Exception):
    """The connection broke before an answer had come."""

    def __init__(self, why: str, *, whole: bool) -> None:
        super().__init__(why)
        self.whole = whole
        """Whether the request had been handed over completely, on a connection that stood."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def position(self) -> int:
        return int(self.headers["x-event-position"])

    @property
    def duplicate(self) -> bool:
        return self.headers.get("x-event-duplicate") == "true"

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Sender:
    """POSTs over one connection, opened again when it has to be."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._address = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def connected(self) -> bool:
        return self._streams is not None

    async def post(self, path: str, body: bytes) -> Answer:
        """One request, one answer. Raises NoAnswer."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: listener\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return await self._ask(head.encode() + body)

    async def get(self, path: str) -> Answer:
        return await self._ask(f"GET {path} HTTP/1.1\r\nHost: listener\r\n\r\n".encode())

    async def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with suppress(OSError):
                await streams[1].wait_closed()

    async def _ask(self, request: bytes) -> Answer:
        whole = False
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(*self._address)
            reader, writer = self._streams
            writer.write(request)
            await writer.drain()
            whole = True
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await _read(reader)
        except (OSError, EOFError, TimeoutError) as error:
            await self.close()
            raise NoAnswer(repr(error), whole=whole) from error
        except asyncio.CancelledError:
            await self.close()
            raise
        if answer.closes:
            await self.close()
        return answer


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(head[0].split()[1]), headers, body)
