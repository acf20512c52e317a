"""A sink for replays: takes events over HTTP, writes each down before it answers, and misbehaves.

    python -m tests.crash.sink PORT FILE SEED MISCHIEF

MISCHIEF is the share of requests that meet 500, 429 with Retry-After, a stall, or a connection that
is closed, before or after the event was written down.
"""

import asyncio
import json
import random
import sys
from pathlib import Path


class Sink:
    def __init__(self, file: Path, seed: str, mischief: float) -> None:
        self._file = file.open("a")
        self._chance = random.Random(seed)
        self._mischief = mischief

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader, writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        what = ""
        if self._chance.random() < self._mischief:
            what = self._chance.choice(["500", "429", "stall", "close", "close late"])
        if what in {"", "close late"}:
            self._write_down(headers, body)
        if what == "stall":
            await asyncio.sleep(5)
        if what in {"close", "close late", "stall"}:
            return False
        status = {"500": "500 Oh", "429": "429 Slowly\r\nretry-after: 0"}.get(what, "204 Taken")
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        return True

    def _write_down(self, headers, body) -> None:
        told = {
            "key": headers["idempotency-key"],
            "position": int(headers["x-event-position"]),
            "event_id": json.loads(body)["eventId"],
        }
        self._file.write(json.dumps(told) + "\n")
        self._file.flush()


async def main() -> None:
    port, file, seed, mischief = sys.argv[1:]
    sink = Sink(Path(file), seed, float(mischief))
    server = await asyncio.start_server(sink.serve, "127.0.0.1", int(port))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
