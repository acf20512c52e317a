"""A small HTTP server on loopback that answers as a test says, and remembers what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked], bytes | None]
"""A whole answer; None: hang up without one."""


def answer(status: int = 204, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} So", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Answering:
    def __init__(self, reply: Answer) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._reply = reply

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in headers.items()}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = head[0].split(" ")
                asked = Asked(method, path, headers, body)
                self.asked.append(asked)
                said = self._reply(asked)
                if said is None:
                    return
                writer.write(said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def answering(
    reply: Answer = lambda _: answer(), tls: ssl.SSLContext | None = None
) -> AsyncIterator[Answering]:
    one = Answering(reply)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    one.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    async with server:
        yield one
