"""Proving: that what is kept is what was received, and that the log was not written anew."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

import store
from config.options import common_options
from config.settings import Settings
from store.commands.common import Failed, as_json, now, progress_bar, rule_book, says_why
from store.keeping.check import Wrong, check_log
from store.keeping.check_history import check_history

_FILE = click.Path(path_type=Path)


@click.command()
@click.option("--log-only", is_flag=True, help="Leave history.db out.")
@as_json
@common_options
@says_why
def check(settings: Settings, log_only: bool, as_json: bool) -> None:
    """Prove that nothing was altered, and name the first row that was. Exit code 1 then.

    log.db and its archive: SQLite's integrity, positions, the chain of digests, every body; the
    quarantine too.
    history.db: every row equal to a fresh fold. Runs beside a working listener.

    \b
    Examples:
      listener check
      listener check --log-only --json
    """
    with closing(store.open_reader(settings.data)) as reader:
        head = reader.head()
    refusals = store.progress(settings.data).quarantined or 0
    wrong = list(_wrong(settings, head, log_only=log_only))
    if as_json:
        rows = [one._asdict() for one in wrong]
        told = {"events": head, "refusals": refusals, "sound": not wrong, "wrong": rows}
        click.echo(json.dumps(told))
    else:
        for one in wrong:
            click.echo(str(one))
        if not wrong:
            also = "" if log_only else " history.db is what a fresh fold makes."
            kept = f"{head:,} events and {refusals:,} refusals"
            click.echo(f"Sound: {kept}, each as it was received.{also}")
    if wrong:
        click.get_current_context().exit(1)


def _wrong(settings: Settings, head: int, *, log_only: bool) -> Iterator[Wrong]:
    with progress_bar("Checking log.db", head) as bar:
        found = list(check_log(settings.data, bar.more))
    yield from found
    if log_only or found:
        # A fold of a log that is not what was received would prove nothing.
        return
    with progress_bar("Checking history.db") as bar:
        yield from check_history(settings.data, rule_book(settings), bar.at)


@click.command()
@click.option("--sign", is_flag=True, help="Sign it; needs --key.")
@click.option("--key", type=_FILE, help="ed25519 key, PEM: private to sign, public to verify.")
@click.option("--new-key", type=_FILE, help="Make a key: FILE is private, FILE.pub public.")
@click.option("--verify", "stored", type=_FILE, help="A stored head that this log must continue.")
@common_options
@says_why
def head(
    settings: Settings, sign: bool, key: Path | None, new_key: Path | None, stored: Path | None
) -> None:
    """Print how far the log goes and its last seal, to be stored where nobody can alter it.

    \b
    Examples:
      listener head --new-key head.key
      listener head --sign --key head.key > head.json
      listener head --verify head.json --key head.key.pub
    """
    from store.keeping import head as heads

    if new_key:
        public = heads.new_key(new_key)
        click.echo(f"{new_key} signs and is secret; {public} verifies.")
    elif stored:
        _verify(settings, stored, key)
    else:
        if sign and key is None:
            raise click.UsageError("--sign needs --key FILE; make one with --new-key FILE.")
        found = heads.head_of(settings.data, now())
        if sign and key:
            found = heads.sign(found, key)
        click.echo(json.dumps(found.as_json()))


def _verify(settings: Settings, stored: Path, key: Path | None) -> None:
    from store.keeping import head as heads

    told = heads.read_head(stored)
    with progress_bar("Checking log.db", told.position) as bar:
        wrong = heads.verify(settings.data, told, key, bar.more)
    if wrong:
        raise Failed(f"{wrong}.")
    signed = f", signed with {told.key}" if told.key else ", not signed"
    click.echo(
        f"The log goes on from event {told.position:,} as it was at {told.at}{signed}."
        + ("" if key or not told.key else " Compare that key with yours, or name it: --key.")
    )
