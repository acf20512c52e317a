"""A million bad requests at a real receiver, and how much memory it has meanwhile.

`make fuzz` runs it; `python -m tests.fuzz.flat --requests 20000` is a quick look. Kept-alive and
pipelined over a few connections, of every kind that is refused. Ends with exit code 1 when an
answer was of class 5xx (but 503), when an answer was missing, or when memory grew.
"""

import argparse
import asyncio
import itertools
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.receiving import Receiving, receiving, request, right_body

CONNECTIONS = 12
AHEAD = 40
"""Requests sent before the first answer is read."""
STALLED_SECONDS = 60.0
SAMPLE_SECONDS = 1.0
MOST_GROWTH = 1.10
"""Of the median over the last tenth against that over the tenth before the middle: until then the
writer's page cache (32 MB) fills, so that only a long run can judge."""

RIGHT = right_body("flat")
STAY_OPEN = (
    request(b"{"),
    request(RIGHT[:-1] + b', "x": NaN}'),
    request(RIGHT[:-1] + b', "x": "\xff"}'),
    request(RIGHT[:-1] + b', "x": ' + b"[" * 150 + b"]" * 150 + b"}"),
    request(b'{"event": {"troubleTicket": {"id": 7, "note": "x"}}}'),
    request(RIGHT, "Content-Encoding: gzip"),
    request(RIGHT).replace(b"application/json", b"text/plain"),
    *(request(RIGHT, path=path) for path in ("/nowhere", "/listener/x/y", "/a%0Ab")),
    *(request(RIGHT, method=method) for method in ("PUT", "PATCH", "DELETE")),
    request(b"", method="GET"),
    request(RIGHT, path="/health/ready"),
    request(RIGHT, path="/tmf-api/troubleTicket/v4/listener"),
    *(request(b"", method="GET", path=f"/nowhere/{n}") for n in range(4)),
)
CLOSE = (
    b"hello\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    request(b"{}", "X: " + "y" * 20_000),
    request(b"{}", *(f"X-{n}: y" for n in range(120))),
    request(b"{}", path="/" + "x" * 10_000),
    request(b"{}", length=9_000_000),
    request(b"{}", "Transfer-Encoding: chunked"),
)
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Sender:
    """Sends until nothing is left, and counts what comes back."""

    def __init__(self, port: int, wanted: int) -> None:
        self.port = port
        self.left = wanted
        self.sent = 0
        self.heard: Counter[int] = Counter()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as senders:
            for _ in range(CONNECTIONS):
                senders.create_task(self._keep_sending())

    async def _keep_sending(self) -> None:
        kinds, last = itertools.cycle(STAY_OPEN), itertools.cycle(CLOSE)
        while self.left > 0:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            for _ in range(8):
                await self._batch(reader, writer, [next(kinds) for _ in range(AHEAD)])
            await self._batch(reader, writer, [next(last)])
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _batch(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: list[bytes]
    ) -> None:
        writer.write(b"".join(sent))
        self.left -= len(sent)
        self.sent += len(sent)
        seen, rest = 0, b""
        async with asyncio.timeout(STALLED_SECONDS):
            while seen < len(sent):
                chunk = await reader.read(65_536)
                if not chunk:
                    raise ConnectionError(f"{len(sent) - seen} requests were not answered")
                found = STATUS.findall(rest + chunk)
                # What may be the first part of a status line is looked at again with the next chunk.
                rest = (rest + chunk)[-12:] if not STATUS.search((rest + chunk)[-12:]) else b""
                seen += len(found)
                self.heard.update(int(status) for status in found)


def resident(pid: int) -> float:
    """Megabytes in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4_096 / 1e6


def children(pid: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                yield int(stat.parent.name)


async def watched(here: Receiving, sender: Sender) -> dict[str, list[float]]:
    """Run the sender; the memory of receiver and writer, once a second."""
    pids = {"receiver": here.process.pid, "writer": next(children(here.process.pid))}
    samples: dict[str, list[float]] = {name: [] for name in pids}
    sending = asyncio.create_task(sender.run())
    began, said = time.monotonic(), 0
    while not sending.done():
        await asyncio.wait([sending], timeout=SAMPLE_SECONDS)
        for name, pid in pids.items():
            samples[name].append(resident(pid))
        if sender.sent >= said:
            said += max(1, (sender.sent + sender.left) // 20)
            told = ", ".join(f"{name} {values[-1]:.1f} MB" for name, values in samples.items())
            print(f"{time.monotonic() - began:6.0f} s {sender.sent:>10,} sent  {told}", flush=True)
    sending.result()
    return samples


def tenths(samples: list[float]) -> tuple[float, float, float]:
    """Medians over the first tenth, the one before the middle, and the last."""
    tenth = max(1, len(samples) // 10)
    parts = (samples[:tenth], samples[4 * tenth : 5 * tenth] or samples, samples[-tenth:])
    first, warm, last = (statistics.median(part) for part in parts)
    return first, warm, last


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=1_000_000)
    wanted = options.parse_args().requests
    with tempfile.TemporaryDirectory() as directory, receiving(Path(directory)) as here:
        sender = Sender(here.port, wanted)
        samples = asyncio.run(watched(here, sender))
        after = here.deliver("after everything").status_code
    print(f"answers: {dict(sorted(sender.heard.items()))}, then a right event: {after}")
    faults = sum(count for status, count in sender.heard.items() if status >= 500 and status != 503)
    grew = False
    for name, values in samples.items():
        first, warm, last = tenths(values)
        grew = grew or last > warm * MOST_GROWTH
        told = f"first {first:.1f} MB, warm {warm:.1f} MB, last {last:.1f} MB"
        print(f"{name}: medians {told}; at most {max(values):.1f} MB")
    print(f"{sender.sent:,} bad requests, {faults} answers of class 5xx but 503")
    return 1 if faults or grew or after != 204 else 0


if __name__ == "__main__":
    sys.exit(main())
