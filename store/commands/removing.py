"""Removing: old bodies into the archive, personal data out of everything."""

import json
from contextlib import closing

import click

import store
from config.options import common_options
from config.settings import Settings
from store.commands.common import (
    as_json,
    by_option,
    now,
    progress_bar,
    rule_book,
    says_why,
    utc,
)
from store.keeping import archive as archiving
from store.keeping import erase as erasing
from store.keeping.erase import Found, Subject


@click.command()
@click.option("--before", required=True, callback=utc, help="Events received before this (UTC).")
@as_json
@common_options
@says_why
def archive(settings: Settings, before: str, as_json: bool) -> None:
    """Move the bodies of old events into compressed files beside log.db.

    Everything still reads them, and nothing else changes. Runs beside a working listener, which
    fills the room in log.db with new events. The files belong to the log: back up both.

    \b
    Example:
      listener archive --before 2026-01-01
    """
    with progress_bar("Archiving", archiving.count(settings.data, before)) as bar:
        moved = archiving.archive(settings.data, before, now(), bar.more)
    if as_json:
        click.echo(json.dumps(moved._asdict()))
    else:
        click.echo(
            f"Moved {moved.events:,} bodies into {moved.files:,} files, {moved.size:,} bytes."
        )


@click.command()
@click.option("--party", help="Everything that tells of the party with this id.")
@click.option("--ticket", help="Everything about the ticket with this id, its tasks too.")
@click.option("--source", help="Only what this source told.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@by_option
@as_json
@common_options
@says_why
def erase(
    settings: Settings,
    party: str | None,
    ticket: str | None,
    source: str | None,
    dry_run: bool,
    yes: bool,
    by: str,
    as_json: bool,
) -> None:
    """Erase personal data for good: bodies in log, archive and quarantine, and what was folded.

    Of each event a tombstone stays, so that the chain still verifies; ids of tickets and events
    are part of it. Bodies go as a whole. A party is found where it is named by its id, and where
    one of the names stands that were told beside the id. Stop the listener and the pages first.
    Backups made before still have what is erased here.

    \b
    Examples:
      listener erase --party P-4711 --dry-run
      listener erase --ticket 3180 --source default --yes
    """
    if bool(party) == bool(ticket):
        raise click.UsageError("Name one: --party ID or --ticket ID.")
    subject = Subject("party" if party else "ticket", party or ticket or "", source)
    if dry_run or not yes:
        with closing(store.open_reader(settings.data)) as reader:
            found = erasing.find(reader, subject)
        _say(found, "would be", as_json=as_json and dry_run)
        if dry_run:
            return
        click.confirm("Erase for good?", abort=True, err=True)
    with progress_bar("Folding") as bar:
        found = erasing.erase(settings.data, subject, rule_book(settings), now(), by, bar.at)
    _say(found, "were", as_json=as_json)


def _say(found: Found, verb: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found._asdict()))
        return
    click.echo(
        f"{len(found.events):,} events of {len(found.tickets):,} tickets and "
        f"{len(found.refusals):,} refused bodies {verb} erased."
    )
