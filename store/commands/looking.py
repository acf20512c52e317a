"""Looking: tickets, the log's events, what drifts, and how things stand."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import click

import store
from config.options import common_options
from config.settings import Settings
from store import printing
from store.commands.common import Failed, as_json, rule_book, says_why, utc
from store.events import RecordedEvent
from store.status import status_json, status_text


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


def _growing(reader: store.LogReader, after: int, pause_seconds: float) -> Iterator[RecordedEvent]:
    while True:
        page = list(islice(reader.read(after, 1_000), 1_000))
        yield from page
        if page:
            after = page[-1].position
        else:
            time.sleep(pause_seconds)
