"""The torment: a `listener serve` under load, whose parts are killed at random instants, round by round.

round: serve ── ready ── kill, kill, kill … ── the supervisor is killed or told to stop
end:   serve once more ── all senders answered ── SIGTERM ── log, ledger and history compared
"""

import asyncio
import random
import signal
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from store import LogError, open_reader, verify_chain
from tests.crash.disk import NoCompiler
from tests.crash.power_cuts import lived, lost
from tests.torture.history import differences
from tests.torture.ledger import SHOWN, Comparison, Findings, Ledger
from tests.torture.load import Load
from tests.torture.processes import Listener, kill, port_of, reserved

PARTS = {"receiver": 3, "writer": 4, "follower": 3, "dashboards": 2}
"""Who is killed how often within a round."""
LAST_ANSWERS_SECONDS = 90.0
POWER_SHARE = 0.1
CUTS_OF_A_LIFE = 100
A_LIFE_SECONDS = 10
"""A torture that has less time than this for power cuts makes none."""


@dataclass
class Figures:
    """What happened, and what is wrong."""

    seconds: float = 0
    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    refused: int = 0
    redelivered: int = 0
    unavailable: int = 0
    broken_connections: int = 0
    power_cuts: int = 0
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.lost or self.doubled or self.altered or self.problems)

    def sentence(self) -> str:
        names = ("receiver", "writer", "follower", "Datasette", "supervisor")
        kills = [self.kills[name.replace("Datasette", "dashboards")] for name in names]
        each = ", ".join(f"{name} {number:,}" for name, number in zip(names, kills, strict=True))
        cuts = f"; {self.power_cuts:,} power cuts" if self.power_cuts else ""
        return (
            f"{self.kills.total():,} kills ({each}), {self.acknowledged:,} acknowledged events, "
            f"{self.lost:,} lost, {self.doubled:,} doubled, {self.redelivered:,} redelivered{cuts}"
        )


class Torment:
    """One torture on one data directory; `run` returns when it is over, `stop` ends it early."""

    def __init__(self, place: Path, *, seconds: float, rate: float, seed: int) -> None:
        self.figures = Figures()
        self._data = place / "data"
        self._place = place
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._reserved = reserved()
        self._port = port_of(self._reserved)
        self._ledger = Ledger()
        self._load = Load(self._port, self._ledger, rate, seed)
        self._comparison = Comparison(self._ledger, self._data)
        self._stopped = asyncio.Event()
        self._began = time.monotonic()
        self._first_ready = 0.0
        self._listener: Listener | None = None

    def stop(self) -> None:
        self._stopped.set()

    def present(self) -> Figures:
        """The figures as they are now."""
        figures = self.figures
        figures.seconds = round(time.monotonic() - self._began, 1)
        figures.acknowledged = len(self._ledger.positions)
        figures.refused = len(self._ledger.refused)
        figures.redelivered = self._ledger.redelivered
        figures.unavailable = self._load.answers[503]
        figures.broken_connections = self._load.broken_connections
        return figures

    async def run(self) -> Figures:
        self._load.start()
        try:
            while not self._over():
                await self._round()
                await self._compare(self._comparison.run)
            await self._end_well()
        except (AssertionError, LogError, OSError, TimeoutError) as error:
            self._problem(repr(error))
        finally:
            if self._listener is not None:
                self._listener.end()
            await self._load.cancel()
            self._reserved.close()
        await self._sum_up()
        await self._cut_power()
        return self.present()

    def _over(self) -> bool:
        if self._stopped.is_set() or not self._first_ready:
            return self._stopped.is_set()
        return time.monotonic() - self._first_ready >= self._seconds * (1 - POWER_SHARE)

    async def _round(self) -> None:
        listener = await self._serve()
        until = time.monotonic() + self._chance.uniform(3, 9)
        while time.monotonic() < until and not self._over():
            await self._sleep(self._chance.expovariate(2))
            part = self._chance.choices([*PARTS], [*PARTS.values()])[0]
            self._kill(part, listener.pid(part))
        await self._end_round(listener)

    async def _serve(self) -> Listener:
        """Mostly let it get ready; now and then let the kills meet it while it begins."""
        self._listener = Listener("serve", self._data, port=self._port)
        if not self._first_ready or self._chance.random() < 0.8:
            await asyncio.to_thread(self._listener.wait_until_ready, 60)
        self._first_ready = self._first_ready or time.monotonic()
        return self._listener

    async def _end_round(self, listener: Listener) -> None:
        way = self._chance.choices(["kill", "kill all", "SIGTERM", "SIGHUP"], [5, 2, 1, 1])[0]
        if way.startswith("kill"):
            self._kill("supervisor", listener.pid("supervisor"))
            for part in PARTS if way == "kill all" else ():
                self._kill(part, listener.pid(part))
        else:
            self.figures.stops[way] += 1
            code = await asyncio.to_thread(listener.stop, getattr(signal, way))
            if code != 0:
                self._problem(f"exit code {code} after {way}: {''.join(listener.lines[-20:])}")
        await asyncio.to_thread(listener.wait_until_orphans_end)
        listener.end()

    def _kill(self, name: str, pid: int | None) -> None:
        self.figures.kills[name] += bool(pid and kill(pid))

    async def _end_well(self) -> None:
        listener = self._listener = Listener("serve", self._data, port=self._port)
        await asyncio.to_thread(listener.wait_until_ready, 60)
        await self._load.finish(LAST_ANSWERS_SECONDS)
        code = await asyncio.to_thread(listener.stop)
        if code != 0:
            self._problem(f"exit code {code} at the end: {''.join(listener.lines[-20:])}")
        if left := listener.left():
            self._problem(f"processes left behind: {left}")

    async def _sum_up(self) -> None:
        await self._compare(self._comparison.run_anew)
        try:
            wrong = await asyncio.to_thread(self._wrong_at_the_end)
        except Exception as error:  # noqa: BLE001  a damaged file may raise anything
            wrong = [repr(error)]
        for words in (*wrong, *self._ledger.problems):
            self._problem(words)

    async def _cut_power(self) -> None:
        seconds = self._seconds * POWER_SHARE
        until = time.monotonic() + (seconds if seconds >= A_LIFE_SECONDS else 0)
        while time.monotonic() < until and not self._stopped.is_set():
            try:
                found = await asyncio.to_thread(self._cut_power_in_a_life)
            except NoCompiler as error:
                self.figures.left_out.append(str(error))
                return
            self.figures.lost += len(found)
            for words in found:
                self._problem(f"after a power cut: {words}")

    def _cut_power_in_a_life(self) -> list[str]:
        with TemporaryDirectory(dir=self._place) as place:
            journal = lived(Path(place))
            left = Path(place) / "left"
            left.mkdir()
            self.figures.power_cuts += 2 * CUTS_OF_A_LIFE
            return lost(journal, left, instants=CUTS_OF_A_LIFE, seed=self._chance.random())

    def _wrong_at_the_end(self) -> list[str]:
        with closing(open_reader(self._data)) as log:
            broken = verify_chain(log)
        chain = [] if broken is None else [f"the chain is broken at position {broken}"]
        return chain + differences(self._data, self._place)

    async def _compare(self, compare: Any) -> None:
        try:
            found: Findings = await asyncio.to_thread(compare)
        except LogError as error:
            # A first round may be killed before there is a log.
            if self._ledger.positions:
                self._problem(repr(error))
            return
        self.figures.lost += found.lost
        self.figures.doubled += found.doubled
        self.figures.altered += found.altered
        for words in found.words:
            self._problem(words)

    def _problem(self, words: str) -> None:
        if len(self.figures.problems) < SHOWN:
            self.figures.problems.append(words)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return
