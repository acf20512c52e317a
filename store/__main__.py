"""The store's door: its commands, theme by theme."""

import click

from store.commands.certificates import certificate
from store.commands.common import CannotStart, rule_book, service_clock
from store.commands.copying import backup, restore
from store.commands.drift import drift
from store.commands.exporting import export
from store.commands.following import follow, rebuild_command
from store.commands.forwarding import forward
from store.commands.jobs import deadletters, jobs
from store.commands.looking import event, status, tail, ticket
from store.commands.proving import check, head
from store.commands.quarantine import Revalidate, quarantine, quarantine_with
from store.commands.removing import archive, erase
from store.commands.replay import replay
from store.commands.subscribers import subscriptions

__all__ = [
    "COMMANDS",
    "CannotStart",
    "Revalidate",
    "commands",
    "rule_book",
    "service_clock",
]

COMMANDS: tuple[click.Command, ...] = (
    follow,
    ticket,
    tail,
    event,
    quarantine,
    drift,
    status,
    rebuild_command,
    check,
    head,
    certificate,
    backup,
    restore,
    archive,
    erase,
    export,
    subscriptions,
    replay,
    forward,
    jobs,
    deadletters,
)
"""What this door adds to the `listener` command."""


def commands(revalidate: Revalidate) -> tuple[click.Command, ...]:
    """The same, with those that must know what the edge accepts today."""
    return tuple(
        quarantine_with(revalidate) if command is quarantine else command for command in COMMANDS
    )
