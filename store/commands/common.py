"""What the store's commands share: how they say no, read a time, fold anew, and show how far they are."""

import functools
import getpass
import sqlite3
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

import store
from config.service_clock import week
from config.settings import Settings
from store.commands.dialects import speech_of
from store.history import rebuild
from store.history.clock import ALL_WEEK, Calendar, ServiceClock
from store.history.rules import RuleBook, Rules
from store.payload import normal_status
from store.times import parse_time, utc_text

_KIND = 0xFF
"""Of an error code of SQLite; above it are details (sqlite.org/rescode.html)."""
_OF_THE_DISK = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
    }
)


def rule_book(settings: Settings) -> RuleBook:
    """The fold's rules, from the settings."""
    clock = service_clock(settings)
    return RuleBook(
        {
            name: Rules(one.time_zone, clock, speech_of(one.dialect))
            for name, one in settings.sources.items()
        },
        others=Rules(clock=clock),
    )


def service_clock(settings: Settings) -> ServiceClock:
    """The clock that every source's tickets are measured by, from the settings."""
    told = settings.service_clock
    calendar = Calendar(
        zone=told.time_zone,
        week=week(told.hours) if told.hours else ALL_WEEK,
        holidays=told.holidays,
        free_days=frozenset(told.free_days),
    )
    return ServiceClock(
        stopped_by=frozenset(normal_status(status) for status in told.stopped_by),
        calendar=calendar if told.hours or told.holidays or told.free_days else None,
        targets=tuple(
            (severity.casefold(), hours * 3600) for severity, hours in told.target_hours.items()
        ),
    )


class Failed(click.ClickException):
    """Something could not be done; exit code 1."""


class CannotStart(click.ClickException):
    """Trying again will not help: somebody else is at work there; exit code 3."""

    exit_code = 3


def says_why(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a LogError, or a disk that SQLite cannot read, end a command with a sentence."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except store.LogError as error:
            kind = CannotStart if isinstance(error, store.LogLocked) else Failed
            raise kind(f"{error} {error.hint}".strip()) from error
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & _KIND not in _OF_THE_DISK:
                raise  # a fault of ours shows where it happened
            told = f"{error}. {store.LogUnavailable.hint}"
            raise Failed(f"The data directory cannot be read: {told}") from error

    return guarded


def utc(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A time on the command line, as UTC text; without a zone it is UTC."""
    if value is None:
        return None
    whole = f"{value}T00:00" if len(value) == len("2026-01-01") else value
    read = parse_time(whole)
    if read is None:
        raise click.BadParameter(f"{value!r} is no time; write 2026-11-24T06:00:00Z")
    return read[0]


as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


by_option = click.option(
    "--by", default=getpass.getuser, help="Who decides; written down. Default: your user name."
)


def now() -> str:
    """The present moment, as UTC text."""
    return utc_text(datetime.now(UTC))


class Bar:
    """A progress bar on stderr whose length may be told late."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def more(self, count: int) -> None:
        """So many further steps are done."""
        self._bar.update(count)

    def at(self, done: int, total: int) -> None:
        """So many of so many are done."""
        if self._bar.length != total:
            self._bar.length = total
        self._bar.update(done - self._bar.pos)


@contextmanager
def progress_bar(
    label: str, length: int = 1, beside: Callable[[], str] | None = None
) -> Generator[Bar]:
    """Shown to people only: nothing is printed where stderr is no terminal. `beside` says what
    stands at its end.
    """
    hidden = not sys.stderr.isatty()
    shows: Callable[[int | None], str | None] | None = None
    if beside is not None:
        shows = lambda _step: beside()  # noqa: E731  typed, which a def inside the branch is not
    with click.progressbar(
        length=max(length, 1),
        label=label,
        show_pos=False,
        item_show_func=shows,
        file=sys.stderr,
        hidden=hidden,
    ) as bar:
        yield Bar(bar)


def fold_anew(directory: Path, rules: RuleBook) -> int:
    """Rebuild history.db; how many events were folded."""
    open_reader = functools.partial(store.open_reader, directory)
    with progress_bar("Folding") as bar:
        return rebuild.rebuild(directory / store.HISTORY_FILE, open_reader, rules, bar.at)
