"""The door of the torture: `python -m tests.torture --minutes 30`."""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.torture.torment import Figures, Torment


def main() -> int:
    """Exit code 1 when anything was lost, doubled or wrong."""
    told = _arguments()
    place = told.place or Path(tempfile.mkdtemp(prefix="torture-"))
    place.mkdir(parents=True, exist_ok=True)
    if (place / "data").exists():
        print(f"{place} is not empty; torture begins with a directory of its own", file=sys.stderr)
        return 2
    print(
        f"Torture for {told.minutes:g} minutes (seed {told.seed}); Ctrl-C sums up early.",
        file=sys.stderr,
    )
    figures = asyncio.run(_run(place, told))
    _tell(figures, as_json=told.json)
    if figures.failed:
        print(f"What is left: {place}", file=sys.stderr)
        return 1
    if told.place is None:
        shutil.rmtree(place)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=250, help="requests a second (250)")
    parser.add_argument("--seed", type=int, default=621)
    parser.add_argument("--place", type=Path, help="directory for the data (a temporary one)")
    parser.add_argument("--json", action="store_true", help="figures for programs")
    return parser.parse_args()


async def _run(place: Path, told: argparse.Namespace) -> Figures:
    torment = Torment(place, seconds=told.minutes * 60, rate=told.rate, seed=told.seed)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, torment.stop)
    progress = asyncio.create_task(_progress(torment))
    try:
        return await torment.run()
    finally:
        progress.cancel()


async def _progress(torment: Torment) -> None:
    live = sys.stderr.isatty()
    while True:
        await asyncio.sleep(1 if live else 15)
        figures = torment.present()
        line = f"{figures.seconds:,.0f} s: {figures.sentence()}"
        print(
            f"\r{line}\x1b[K" if live else line,
            end="" if live else "\n",
            file=sys.stderr,
            flush=True,
        )


def _tell(figures: Figures, *, as_json: bool) -> None:
    print(file=sys.stderr)
    for problem in figures.problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    for words in figures.left_out:
        print(f"Left out: {words}", file=sys.stderr)
    print(json.dumps(vars(figures)) if as_json else figures.sentence())


if __name__ == "__main__":
    sys.exit(main())
