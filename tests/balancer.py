"""A load balancer for tests, where no HAProxy is installed: TCP to whoever says that it is ready."""

import asyncio
import itertools
import threading
from collections.abc import Sequence
from contextlib import suppress

LOOK_SECONDS = 0.2


class Balancer:
    """In a thread of its own, on a socket that is bound; new connections go to a ready node."""

    def __init__(self, listening, nodes: Sequence[int]) -> None:
        self._listening = listening
        self._nodes = nodes
        self._ready: set[int] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._turns = itertools.cycle(self._nodes)
        looks = [asyncio.create_task(self._look(node)) for node in self._nodes]
        server = await asyncio.start_server(self._connected, sock=self._listening)
        await self._stop.wait()
        server.close()
        for one in looks:
            one.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _look(self, node: int) -> None:
        while True:
            told = b""
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", node)
                writer.write(
                    b"GET /health/ready HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n"
                )
                told = await reader.readline()
                writer.close()
            (self._ready.add if b" 200 " in told else self._ready.discard)(node)
            await asyncio.sleep(LOOK_SECONDS)

    async def _connected(self, reader, writer) -> None:
        for node in itertools.islice(self._turns, len(self._nodes)):
            if node in self._ready:
                with suppress(OSError):
                    there = await asyncio.open_connection("127.0.0.1", node)
                    await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))
                    return
        writer.close()


async def _pass(reader, writer) -> None:
    with suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()
