"""Subscribers: who is notified of what, and how it goes."""

import json
from contextlib import closing

import click

import store
from config.options import common_options
from config.settings import Settings
from store.commands.common import Failed, as_json, says_why
from store.consumers.file import ConsumersFile
from store.consumers.subscriptions import Subscription, end_any, every
from store.printing import printable


@click.command()
@click.option("--end", "ended", metavar="ID", help="End this subscription, whosever it is.")
@as_json
@common_options
@says_why
def subscriptions(settings: Settings, ended: str | None, as_json: bool) -> None:
    """Print who subscribed at /hub, and how the deliveries go. Exit code 1 when one is failing.

    \b
    Examples:
      listener subscriptions
      listener subscriptions --end 0123456789abcdef0123456789abcdef
    """
    file = ConsumersFile(settings.data)
    if ended is not None:
        if not end_any(file, ended):
            raise Failed(f"There is no subscription {ended}.")
        return
    found = every(file)
    with closing(store.open_reader(settings.data)) as reader:
        head = reader.head()
    for one in found:
        behind = head - one.position
        told = one._asdict() | {"behind": behind}
        click.echo(json.dumps(told) if as_json else printable(_line(one, behind)))
    if not found and not as_json:
        click.echo("Nobody subscribed.")
    if any(one.failing_since for one in found):
        raise SystemExit(1)


def _line(one: Subscription, behind: int) -> str:
    first = f"{one.id}  {one.owner}  {one.callback}  {one.query or 'every event'}"
    lines = [first, f"    {one.delivered:,} delivered, {behind:,} to look at"]
    if one.failing_since:
        lines.append(
            f"    failing since {one.failing_since} at event {one.failing_position}, "
            f"{one.failures:,} attempts: {one.error}"
        )
    return "\n".join(lines)
