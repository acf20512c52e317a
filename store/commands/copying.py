"""Copying: a backup beside a working listener, and the way back."""

import json
from contextlib import closing
from pathlib import Path

import click

import store
from config.options import common_options
from config.settings import Settings
from store.commands.common import as_json, fold_anew, now, progress_bar, rule_book, says_why

_DIRECTORY = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("target", metavar="DIR", type=_DIRECTORY)
@as_json
@common_options
@says_why
def backup(settings: Settings, target: Path, as_json: bool) -> None:
    """Copy the log and its archive into DIR, of one moment, and prove the copy.

    Runs beside a working listener. history.db is not copied: it can be folded again.

    \b
    Example:
      listener backup /backups/2026-11-24
    """
    from store.keeping.backup import back_up

    with closing(store.open_reader(settings.data)) as reader:
        head = reader.head()
    with progress_bar("Proving the copy", head) as bar:
        made = back_up(settings.data, target, now(), bar.more)
    if as_json:
        click.echo(json.dumps(made))
    else:
        click.echo(f"{target} has {made['position']:,} events, proven sound.")


@click.command()
@click.argument("source", metavar="DIR", type=_DIRECTORY)
@as_json
@common_options
@says_why
def restore(settings: Settings, source: Path, as_json: bool) -> None:
    """Put a backup into a data directory that has no log, prove it, and fold its history anew.

    \b
    Example:
      listener restore /backups/2026-11-24 --data ./data
    """
    from store.keeping.backup import restore as put_back

    with progress_bar("Proving the copy") as bar:
        restored = put_back(source, settings.data, bar.more)
    folded = fold_anew(settings.data, rule_book(settings))
    if as_json:
        click.echo(json.dumps({"position": restored["position"], "folded": folded}))
    else:
        click.echo(
            f"{settings.data} has {restored['position']:,} events, proven sound and folded anew."
        )
