"""Selecting: the options by which a command is told which events are meant."""

import functools
from collections.abc import Callable
from typing import Any

import click

from store.commands.common import utc
from store.replay.selection import COLUMNS, Selection


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose events; it receives them as its argument `selection`."""

    @functools.wraps(command)
    def with_selection(
        *,
        start: str | int | None,
        end: str | int | None,
        event_types: tuple[str, ...],
        tickets: tuple[str, ...],
        sources: tuple[str, ...],
        where: str | None,
        **others: Any,
    ) -> Any:
        selection = Selection(
            after=start - 1 if isinstance(start, int) else 0,
            until=end if isinstance(end, int) else None,
            received_from=start if isinstance(start, str) else None,
            received_until=end if isinstance(end, str) else None,
            event_types=event_types,
            tickets=tickets,
            sources=sources,
            where=where,
        )
        return command(selection=selection, **others)

    decorated: Callable[..., Any] = with_selection
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _place(context: click.Context, parameter: click.Parameter, value: str | None) -> str | int | None:  # fmt: skip
    """A position as a number, a time as UTC text."""
    if value is not None and value.isascii() and value.isdigit():
        return max(1, int(value))
    return utc(context, parameter, value)


_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option("--from", "start", callback=_place, metavar="POS|TIME", help="First position, or received at this time (UTC) or later."),
    click.option("--to", "end", callback=_place, metavar="POS|TIME", help="Last position, or received at this time (UTC) or earlier."),
    click.option("--type", "event_types", multiple=True, help="Only events of this type; may be repeated."),
    click.option("--ticket", "tickets", multiple=True, help="Only events of this ticket; may be repeated."),
    click.option("--source", "sources", multiple=True, help="Only events of this source; may be repeated."),
    click.option("--where", metavar="SQL", help=f"Only events for which this SQL expression holds, over {', '.join(COLUMNS)}."),
)  # fmt: skip
