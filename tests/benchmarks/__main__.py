"""Everything that is measured, one table after the other; never an assertion.

python -m tests.benchmarks                      all of it
python -m tests.benchmarks ingest --connections 128 --sizes mix
python -m tests.benchmarks reads --events 10000 --events 10000000
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from tests.benchmarks import disk, folding, ingest, pages, reads, replaying, together
from tests.benchmarks.timing import Json, report, where

PARTS = ("ingest", "disk", "together", "reads", "folding", "replaying", "pages")
ALONE = {"folding": folding.main, "replaying": replaying.main, "pages": pages.main}
"""Parts that are programs of their own, with more options: python -m tests.benchmarks.pages --help."""
TITLES = {
    "ingest": "Ingest: durable 204s, beside the same receiver without storing (medians)",
    "disk": "Disk: bytes of log.db beside raw bodies, syncs beside commit groups",
    "together": "Together: ingest beside follower, pages and an analyst",
    "reads": "Reads and starts by size of the log",
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--runs", default=5, show_default=True, help="Interleaved runs of each figure.")
@click.option("--seconds", default=3.0, show_default=True, help="Of each run under load.")
@click.option(
    "--connections", multiple=True, default=(1, 32, 128, 512), show_default=True, type=int
)
@click.option(
    "--sizes", multiple=True, default=("mix", "1000", "4000", "20000"), show_default=True,
    help="Of bodies: bytes, or the mix of 1 to 7 KB.",
)  # fmt: skip
@click.option(
    "--events", multiple=True, default=(10_000, 100_000, 1_000_000), show_default=True, type=int,
    help="Sizes of the log for reads.",
)  # fmt: skip
@click.option("--dir", "place", type=click.Path(path_type=Path), help="Where the data goes.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path), default="bench.json", show_default=True
)
def main(
    parts: tuple[str, ...],
    runs: int,
    seconds: float,
    connections: Sequence[int],
    sizes: Sequence[str],
    events: Sequence[int],
    place: Path | None,
    file: Path,
) -> None:
    """Measure PARTS (all of them where none is named) and write the figures to a file."""
    plan = ingest.Plan(runs, seconds, connections, sizes)
    chosen = parts or PARTS
    takes = {
        "ingest": plan.takes_seconds,
        "disk": 30 + seconds,
        "together": runs * (2 * seconds + 1) + 10,
        "reads": reads.estimate_seconds(events),
        "folding": 120.0,
        "replaying": 120.0,
        "pages": 420.0,
    }
    total = sum(takes[part] for part in chosen)
    say(f"{', '.join(chosen)}: about {total / 60:.0f} minutes, begun {time.strftime('%H:%M')}")
    found: dict[str, list[Json]] = {}
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=place))
    try:
        for part in chosen:
            if part in ALONE:
                figures = directory / f"{part}.json"
                ALONE[part](["--json", str(figures)], standalone_mode=False)
                found[part] = json.loads(figures.read_text())["rows"]
                continue
            rows = _rows(part, directory, plan, events)
            found[part] = list(rows)
            report(TITLES[part], found[part], None)
            file.write_text(json.dumps({"on": where(), "rows": found}, indent=2) + "\n")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    file.write_text(json.dumps({"on": where(), "rows": found}, indent=2) + "\n")
    say(f"written to {file}")


def _rows(part: str, directory: Path, plan: ingest.Plan, events: Sequence[int]) -> Iterator[Json]:
    if part == "ingest":
        return ingest.measure(directory / part, plan, say)
    if part == "disk":
        return disk.measure(directory / part, 10_000, plan.seconds)
    if part == "together":
        return together.measure(directory / part, plan.runs, plan.seconds)
    return reads.measure(directory / part, events, say)


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
