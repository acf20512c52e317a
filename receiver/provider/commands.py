"""`listener hub`: register us at our providers, see how that stands, end it, watch over it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any

import click

from config.options import UnusableSettings, common_options, example
from config.settings import Settings

WAIT_SECONDS = 30.0
"""For a look that is under way."""

_as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
_SOURCE = click.argument("source", required=False)
Acting = Callable[..., Awaitable[dict[str, Any]]]


@click.group(epilog=example("listener hub register carrier", "listener hub status"))
def hub() -> None:
    """Have our providers notify us: POST /hub with [sources.NAME.provider] of the settings.

    Without SOURCE all sources that have a hub_callback. Exit code 0: as it should be; 1: a provider
    did not do it, or something is wrong; 2: the settings; 3: another process is at work on it.
    """


@hub.command(
    epilog=example("listener hub register carrier", "listener hub register carrier --id 4711")
)
@_SOURCE
@click.option("--again", is_flag=True, help="End what is registered, then register anew.")
@click.option("--id", "hub_id", help="Keep the registration that the provider has by this id.")
@_as_json
@common_options
def register(
    settings: Settings, source: str | None, *, again: bool, hub_id: str | None, as_json: bool
) -> None:
    """Register our callback, unless it is registered. The same again changes nothing."""
    from receiver.provider.acting import register as registering

    if hub_id and not source:
        raise click.UsageError("--id needs the SOURCE that it is of.")
    _each(settings, source, as_json, registering, anew=again, hub_id=hub_id)


@hub.command(epilog=example("listener hub status", "listener hub status carrier --json"))
@_SOURCE
@_as_json
@common_options
def status(settings: Settings, source: str | None, *, as_json: bool) -> None:
    """Ask the providers whether they know us, and say what was last seen. Changes nothing."""
    from receiver.provider.acting import status as asking

    # Without a turn of its own: whoever asks how it stands does not wait for who is at work on it.
    _each(settings, source, as_json, asking, alone=False)


@hub.command(
    epilog=example("listener hub unregister carrier", "listener hub unregister carrier --forget")
)
@_SOURCE
@click.option("--forget", is_flag=True, help="Only here: the provider is not asked.")
@_as_json
@common_options
def unregister(settings: Settings, source: str | None, *, forget: bool, as_json: bool) -> None:
    """End our registration. `listener serve` does not register again until `hub register` does."""
    from receiver.provider.acting import unregister as ending

    _each(settings, source, as_json, ending, forget=forget)


@hub.command(epilog=example("listener hub watch --data ./data"))
@common_options
def watch(settings: Settings) -> None:
    """Look after our registrations until SIGTERM or Ctrl-C; `listener serve` does so by itself.

    Registers where `register = true`; registers anew what a provider has forgotten, and when a
    source is silent against its habit.
    """
    from receiver.logs import configure
    from receiver.provider.door import watched
    from receiver.provider.reconcile.asked import asking
    from receiver.provider.watching import watch as watching
    from store.commands.alone import alone

    configure(settings.log_format)
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        found = watched(settings)
    except UnusableSettings as error:
        # `serve` has looked at them before it began. A secret that is gone later must not end it: it
        # gives up when a child cannot start, and taking events in is more than being registered.
        raise click.ClickException(error.message) from error
    if not found:
        raise UnusableSettings("No source has a hub_callback in [sources.NAME.provider].")
    listens_at = (settings.host, settings.port)
    reconcile = asking(settings.data, "registered anew")
    with alone(settings, "hub"):
        asyncio.run(watching(settings.data, found, listens_at=listens_at, reconcile=reconcile))


def _each(
    settings: Settings,
    source: str | None,
    as_json: bool,
    act: Acting,
    *,
    alone: bool = True,
    **options: Any,
) -> None:
    """Act for each source; print what came of it; exit code 1 where something is wrong."""
    from store.printing import printable

    told = asyncio.run(_all(settings, source, act, options, alone=alone))
    for one in told:
        click.echo(json.dumps(one, ensure_ascii=False) if as_json else printable(text_of(one)))
    if not told and not as_json:
        click.echo("No source has a hub_callback in [sources.NAME.provider]: nobody notifies us by our wish.")  # fmt: skip
    if any(one["problem"] for one in told):
        raise SystemExit(1)


async def _all(
    settings: Settings, source: str | None, act: Acting, options: dict[str, Any], *, alone: bool
) -> Sequence[dict[str, Any]]:
    from receiver.provider.acting import opened
    from receiver.provider.door import watched, watched_one
    from store.hub.file import only_one

    found = watched(settings) if source is None else [watched_one(settings, source)]
    results: list[dict[str, Any]] = []
    for one in found:
        settings.data.mkdir(parents=True, exist_ok=True)
        turn = only_one(settings.data, one.source, WAIT_SECONDS) if alone else nullcontext()
        with turn:
            async with opened(settings.data, one) as ours:
                results.append(await act(ours, **options))
    return results


def text_of(told: dict[str, Any]) -> str:
    """For a person."""
    lines = [f"{told['source']:<12} {told['state']}"]
    lines += [f"    {note}" for note in told.get("notes", ())]
    for name, shown in (("callback", "callback"), ("query", "wants"), ("registered_at", "since")):
        if told.get(name):
            lines.append(f"    {shown:<10} {told[name]}")
    if told.get("heals"):
        often = f"{told['heals']} times, last" if told["heals"] > 1 else "once,"
        lines.append(f"    {'healed':<10} {often} {told['healed_at']}: {told['healed']}")
    if told.get("reconcile_since"):
        lines.append(f"    {'reconcile':<10} wanted from {told['reconcile_since']} on")
    if told["problem"]:
        lines.append(f"    {'problem':<10} {told['problem']}")
    if told.get("advice"):
        lines.append(f"    {'':<10} {told['advice']}")
    return "\n".join(lines)
