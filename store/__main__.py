"""The store's door: follow, rebuild, and look at what is kept."""

import functools
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import click

import store
from config.options import common_options
from config.service_clock import week
from config.settings import Settings
from store import printing
from store.events import RecordedEvent
from store.history import follower, rebuild
from store.history.clock import ALL_WEEK, Calendar, ServiceClock
from store.history.lock import locked
from store.history.rules import RuleBook, Rules
from store.payload import normal_status
from store.status import status_json, status_text
from store.times import parse_time

log = logging.getLogger("listener.follow")


def rule_book(settings: Settings) -> RuleBook:
    """The fold's rules, from the settings."""
    clock = service_clock(settings)
    return RuleBook(
        {name: Rules(one.time_zone, clock) for name, one in settings.sources.items()},
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
    """Let a LogError end a command with its sentence and its hint."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except store.LogError as error:
            kind = CannotStart if isinstance(error, store.LogLocked) else Failed
            raise kind(f"{error} {error.hint}".strip()) from error

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


@click.command()
@common_options
@says_why
def follow(settings: Settings) -> None:
    """Fold new events into history.db until stopped (part of `listener serve`).

    \b
    Example:
      listener follow --data ./data
    """
    stopping = _Stop()
    directory = settings.data
    reader = _wait_for_log(directory, stopping)
    if reader is None:
        return
    path = directory / store.HISTORY_FILE
    with closing(reader), locked(path):
        _fold_anew_if_outdated(directory, rule_book(settings))
        with closing(follower.connect(path)) as connection:
            following = follower.Follower(reader, connection, rule_book(settings))
            log.info("following from position %d", following.checkpoint())
            while not stopping.asked:
                if not following.step():
                    time.sleep(settings.follow_seconds)
            while following.step():
                pass
            log.info("stopped at position %d", following.checkpoint())


@click.command(name="rebuild")
@common_options
@says_why
def rebuild_command(settings: Settings) -> None:
    """Fold the whole log anew and put the result in place of history.db.

    Runs beside a working listener. Interrupted, it goes on where it was when called again.

    \b
    Example:
      listener rebuild --data ./data
    """
    started = time.monotonic()
    count = _rebuild(settings.data, rule_book(settings))
    seconds = time.monotonic() - started
    click.echo(f"Folded {count:,} events in {seconds:.1f} s. history.db is new.")


@click.command()
@click.argument("ticket_id", metavar="ID")
@click.option("--source", help="Whose ticket, where several providers have the id.")
@click.option("--as-of", callback=utc, help="What was true then (UTC).")
@click.option("--known-at", callback=utc, help="What we had been told by then (UTC).")
@as_json
@common_options
@says_why
def ticket(
    settings: Settings,
    ticket_id: str,
    source: str | None,
    as_of: str | None,
    known_at: str | None,
    as_json: bool,
) -> None:
    """Print a ticket's timeline.

    \b
    Examples:
      listener ticket 3180
      listener ticket 3180 --as-of 2026-11-20T12:00:00Z --json
    """
    found = store.history(
        settings.data,
        ticket_id,
        source=source,
        as_of=as_of,
        known_at=known_at,
        rules=rule_book(settings),
    )
    if as_json:
        click.echo(json.dumps(printing.history_json(found), ensure_ascii=False, indent=2))
    else:
        click.echo(printing.history_text(found))


@click.command()
@click.option("--from", "start", type=int, help="First position; default: the last ten events.")
@click.option("--follow", is_flag=True, help="Wait for further events.")
@click.option("--type", "event_type", help="Only events of this type.")
@click.option("--ticket", "ticket_id", help="Only events of this ticket.")
@as_json
@common_options
@says_why
def tail(
    settings: Settings,
    start: int | None,
    follow: bool,
    event_type: str | None,
    ticket_id: str | None,
    as_json: bool,
) -> None:
    """Print events from the log, oldest first.

    \b
    Examples:
      listener tail --follow
      listener tail --from 1 --type TroubleTicketCreateEvent --json
    """
    with closing(store.open_reader(settings.data)) as reader:
        after = max(0, reader.head() - 10) if start is None else start - 1
        events = _growing(reader, after, settings.follow_seconds) if follow else reader.read(after)
        for event in events:
            if event_type and event.event_type.casefold() != event_type.casefold():
                continue
            if ticket_id and event.ticket_id != ticket_id:
                continue
            if as_json:
                line = json.dumps(printing.event_json(event), ensure_ascii=False)
            else:
                line = printing.printable(printing.event_line(event))
            click.echo(line)


@click.command()
@click.argument("position", type=int)
@click.option("--raw", is_flag=True, help="The very bytes received, nothing else.")
@as_json
@common_options
@says_why
def event(settings: Settings, position: int, raw: bool, as_json: bool) -> None:
    """Print one event of the log.

    \b
    Example:
      listener event 42 --raw > event.json
    """
    with closing(store.open_reader(settings.data)) as reader:
        found = reader.event(position)
        head = reader.head()
    if found is None:
        raise Failed(f"No event at position {position}; the last one is {head}.")
    if raw:
        sys.stdout.buffer.write(found.body)
    elif as_json:
        click.echo(json.dumps(printing.event_json(found), ensure_ascii=False))
    else:
        click.echo(printing.printable(printing.event_text(found)))


@click.group()
def quarantine() -> None:
    """What was refused, and why.

    \b
    Example:
      listener quarantine list
    """


@quarantine.command(name="list")
@as_json
@common_options
@says_why
def quarantine_list(settings: Settings, as_json: bool) -> None:
    """List refused bodies, oldest first.

    \b
    Example:
      listener quarantine list --json
    """
    with closing(store.open_reader(settings.data)) as reader:
        for one in reader.quarantined():
            if as_json:
                click.echo(json.dumps(printing.quarantined_json(one), ensure_ascii=False))
            else:
                click.echo(printing.printable(printing.quarantined_line(one)))


@quarantine.command(name="show")
@click.argument("number", metavar="ID", type=int)
@click.option("--raw", is_flag=True, help="The very bytes received, nothing else.")
@as_json
@common_options
@says_why
def quarantine_show(settings: Settings, number: int, raw: bool, as_json: bool) -> None:
    """Show one refused body.

    \b
    Example:
      listener quarantine show 7 --raw
    """
    with closing(store.open_reader(settings.data)) as reader:
        found = reader.quarantine_entry(number)
    if found is None:
        raise Failed(f"No quarantine entry {number}. See: listener quarantine list")
    if raw:
        sys.stdout.buffer.write(found.body)
    elif as_json:
        click.echo(json.dumps(printing.quarantined_json(found), ensure_ascii=False))
    else:
        click.echo(printing.quarantined_text(found))


@click.command()
@click.option("--sources", is_flag=True, help="How each source behaves.")
@as_json
@common_options
@says_why
def status(settings: Settings, sources: bool, as_json: bool) -> None:
    """Say in one screen how things stand: head, checkpoint, lag, counts, quarantine, disk.

    \b
    Examples:
      listener status
      listener status --sources --json
    """
    found = status_json(settings.data, with_sources=sources)
    click.echo(json.dumps(found, indent=2) if as_json else status_text(found))


COMMANDS: tuple[click.Command, ...] = (
    follow,
    ticket,
    tail,
    event,
    quarantine,
    status,
    rebuild_command,
)
"""What this door adds to the `listener` command."""


class _Stop:
    """Becomes `asked` once the process is told to end."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True


def _wait_for_log(directory: Path, stopping: _Stop) -> store.LogReader | None:
    waiting = False
    while not stopping.asked:
        try:
            return store.open_reader(directory)
        except store.LogMissing:
            if not waiting:
                log.info("waiting for the first log in %s", directory)
            waiting = True
            time.sleep(0.1)
    return None


def _fold_anew_if_outdated(directory: Path, rules: RuleBook) -> None:
    path = directory / store.HISTORY_FILE
    with closing(follower.connect(path)) as connection:
        why = follower.outdated(connection, rules)
    if why:
        log.info("%s: folding anew", why)
        _rebuild(directory, rules)


def _rebuild(directory: Path, rules: RuleBook) -> int:
    open_reader = functools.partial(store.open_reader, directory)
    with click.progressbar(length=1, label="Folding", show_pos=False, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            if bar.length != total:
                bar.length = total
            bar.update(done - bar.pos)

        return rebuild.rebuild(directory / store.HISTORY_FILE, open_reader, rules, progress)


def _growing(reader: store.LogReader, after: int, pause_seconds: float) -> Iterator[RecordedEvent]:
    while True:
        page = list(islice(reader.read(after, 1_000), 1_000))
        yield from page
        if page:
            after = page[-1].position
        else:
            time.sleep(pause_seconds)
