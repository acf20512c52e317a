"""Exporting: the log and its histories, into files that other tools read."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from config.options import common_options
from config.settings import Settings
from store.commands.common import Bar, as_json, progress_bar, says_why
from store.commands.selecting import selection_options
from store.export.histories import Histories
from store.export.output import STDOUT, binary, whole_file
from store.replay.selection import Selection

_FILE = click.Path(path_type=Path, dir_okay=False)
_TABLES = click.Choice(["timeline", "status_periods"])

output = click.option(
    "--output",
    "path",
    type=_FILE,
    default=STDOUT,
    help="File to write, whole or not at all; - is standard output, the default.",
)
output_file = click.option(
    "--output", "path", type=_FILE, required=True, help="File to write, whole or not at all."
)
table_option = click.option(
    "--table", type=_TABLES, default="timeline", show_default=True, help="Which rows."
)
pseudonymise_option = click.option(
    "--pseudonymise",
    is_flag=True,
    help="Leave free text out, and names of persons; their ids become pseudonyms of this export.",
)


@click.group()
def export() -> None:
    """Write events and histories into files for analysis.

    \b
    Examples:
      listener export ndjson --from 2026-11-01 > events.ndjson
      listener export ocel --output tickets.sqlite
    """


@export.command()
@selection_options
@output
@as_json
@common_options
@says_why
def ndjson(settings: Settings, selection: Selection, path: Path, as_json: bool) -> None:
    """Write the log's events as JSON, one a line, bodies as received.

    \b
    Example:
      listener export ndjson --type TroubleTicketCreateEvent --output created.ndjson
    """
    from store.export.ndjson import export as written

    with binary(_checked(path, as_json=as_json)) as out, progress_bar("Exporting") as bar:
        count = written(settings.data, selection, out, bar.at)
    _say({"events": count}, path, as_json=as_json)


@export.command()
@selection_options
@table_option
@pseudonymise_option
@output
@as_json
@common_options
@says_why
def csv(
    settings: Settings,
    selection: Selection,
    table: str,
    pseudonymise: bool,
    path: Path,
    as_json: bool,
) -> None:
    """Write timelines or status periods as CSV that is safe to open in a spreadsheet.

    Of status periods, all those of tickets that a selected event tells something of.

    \b
    Example:
      listener export csv --table status_periods --output periods.csv
    """
    from store.export.csv_table import export as written
    from store.export.flat import FLAT

    with (
        _histories(settings, selection) as found,
        binary(_checked(path, as_json=as_json)) as out,
        _bar(found, table) as done,
    ):
        count = written(found, FLAT[table], out, done, pseudonymise=pseudonymise)
    _say({"rows": count, "position": found.checkpoint}, path, as_json=as_json)


@export.command()
@selection_options
@table_option
@pseudonymise_option
@output_file
@as_json
@common_options
@says_why
def parquet(
    settings: Settings,
    selection: Selection,
    table: str,
    pseudonymise: bool,
    path: Path,
    as_json: bool,
) -> None:
    """Write timelines or status periods as Parquet: typed, times in UTC. Needs the extra [parquet].

    \b
    Example:
      listener export parquet --table timeline --output timeline.parquet
    """
    from store.export.flat import FLAT
    from store.export.parquet import export as written
    from store.export.parquet import pyarrow

    pyarrow()
    with (
        _histories(settings, selection) as found,
        whole_file(path) as partial,
        _bar(found, table) as done,
    ):
        count = written(found, FLAT[table], partial, done, pseudonymise=pseudonymise)
    _say({"rows": count, "position": found.checkpoint}, path, as_json=as_json)


@export.command()
@selection_options
@pseudonymise_option
@output
@as_json
@common_options
@says_why
def xes(
    settings: Settings, selection: Selection, pseudonymise: bool, path: Path, as_json: bool
) -> None:
    """Write an XES event log (IEEE 1849): a trace a ticket, an event an entry of its timeline.

    \b
    Example:
      listener export xes --from 2026-11-01 --output tickets.xes
    """
    from store.export.xes import export as written

    with (
        _histories(settings, selection) as found,
        binary(_checked(path, as_json=as_json)) as out,
        _bar(found, "tickets") as done,
    ):
        traces, events = written(found, out, done, pseudonymise=pseudonymise)
    told = {"traces": traces, "events": events, "position": found.checkpoint}
    _say(told, path, as_json=as_json)


@export.command()
@selection_options
@pseudonymise_option
@click.option(
    "--as",
    "form",
    type=click.Choice(["sqlite", "json"]),
    help="Which of OCEL's forms; default: sqlite where the file is called so, else json.",
)
@output
@as_json
@common_options
@says_why
def ocel(
    settings: Settings,
    selection: Selection,
    pseudonymise: bool,
    form: str | None,
    path: Path,
    as_json: bool,
) -> None:
    """Write an OCEL 2.0 log: events, and the tickets, tasks, specifications, parties and products.

    \b
    Example:
      listener export ocel --pseudonymise --output tickets.sqlite
    """
    from store.export import ocel_json, ocel_sqlite

    form = form or ("sqlite" if path.suffix in (".sqlite", ".db") else "json")
    if form == "sqlite" and path == STDOUT:
        raise click.UsageError("SQLite needs a file: name it with --output.")
    with _histories(settings, selection) as found, _bar(found, "timeline") as done:
        if form == "sqlite":
            with whole_file(path) as partial:
                events, objects = ocel_sqlite.export(
                    found, partial, done, pseudonymise=pseudonymise
                )
        else:
            with binary(_checked(path, as_json=as_json)) as out:
                events, objects = ocel_json.export(found, out, done, pseudonymise=pseudonymise)
    told = {"events": events, "objects": objects, "position": found.checkpoint}
    _say(told, path, as_json=as_json)


def _checked(path: Path, *, as_json: bool) -> Path:
    if as_json and path == STDOUT:
        raise click.UsageError("--json tells what was written to a file: name it with --output.")
    return path


@contextmanager
def _histories(settings: Settings, selection: Selection) -> Generator[Histories]:
    with closing(Histories(settings.data, selection)) as found:
        behind = found.head - found.checkpoint
        if behind > 0:
            click.echo(
                f"Histories tell of events up to {found.checkpoint:,}; the log has {behind:,} more "
                "that are not folded yet.",
                err=True,
            )
        yield found


@contextmanager
def _bar(found: Histories, table: str) -> Generator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    with progress_bar("Exporting", found.count(table)) as bar:
        yield _now_and_then(bar)


DRAWN_EVERY = 1_000


def _now_and_then(bar: Bar) -> Callable[[int], None]:
    """A bar that is not drawn for every single row."""
    waiting = 0

    def done(count: int) -> None:
        nonlocal waiting
        waiting += count
        if waiting >= DRAWN_EVERY:
            bar.more(waiting)
            waiting = 0

    return done


def _say(told: dict[str, Any], path: Path, *, as_json: bool) -> None:
    """What was written: on standard output for programs, else on stderr beside what is piped."""
    if as_json:
        click.echo(json.dumps(told | {"file": str(path)}))
        return
    counts = ", ".join(f"{count:,} {name}" for name, count in told.items() if name != "position")
    where = "" if path == STDOUT else f" to {path}"
    click.echo(f"Exported {counts}{where}.", err=True)
