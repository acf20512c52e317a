"""Drift: what tolerant validation let through."""

import json
from contextlib import closing
from typing import Any

import click

import store
from config.options import common_options
from config.settings import Settings
from store import printing
from store.commands.common import Failed, as_json, says_why
from store.history import follower, tables
from store.keeping.opening import read_only

Json = dict[str, Any]

_DRIFT = """
SELECT source, code, events, first_received_at, last_received_at, sample FROM drift
WHERE ?1 IS NULL OR source = ?1 ORDER BY source, events DESC, code
"""


@click.command()
@click.option("--source", help="Only what this source does.")
@as_json
@common_options
@says_why
def drift(settings: Settings, source: str | None, as_json: bool) -> None:
    """What senders do that the specification does not say: by source and kind, with a sample.

    As far as the log is folded. `*` stands for any place in an array.

    \b
    Examples:
      listener drift
      listener drift --source default --json
    """
    for one in _found(settings, source):
        if as_json:
            click.echo(json.dumps(one, ensure_ascii=False))
        else:
            click.echo(
                printing.printable(
                    f"{one['events']:>8,}  {one['first_received_at']} – {one['last_received_at']}  "
                    f"{one['source']}  {one['code']}  (event {one['sample']})"
                )
            )


def _found(settings: Settings, source: str | None) -> list[Json]:
    path = settings.data / store.HISTORY_FILE
    if not path.exists():
        raise Failed("Nothing is folded yet. Run: listener follow, or: listener rebuild")
    with closing(read_only(path)) as history:
        if follower.version(history) != tables.VERSION:
            raise Failed("history.db is of another version. Run: listener rebuild")
        names = ("source", "code", "events", "first_received_at", "last_received_at", "sample")
        return [dict(zip(names, row, strict=True)) for row in history.execute(_DRIFT, (source,))]
