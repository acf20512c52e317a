"""`listener reconcile`: what the provider answers beside what it told us."""

import asyncio
import json
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import click

from config.options import UnusableSettings, common_options, example
from config.settings import Settings
from receiver.logs import configure
from receiver.provider.client import ProviderAway, ProviderClient
from receiver.provider.door import provider_rules, providers
from receiver.provider.reconcile.door import now, reconcile_rules, surroundings
from receiver.provider.reconcile.run import NotReconciled, Outcome, reconcile, window_of
from receiver.provider.reconcile.walk import Progress
from store import LogLocked
from store.commands.common import CannotStart, Failed, as_json, progress_bar, says_why, utc
from store.printing import printable

_LISTED = 20
"""Resources named to a person; `--json` and the certificate name all."""
_INTERRUPTED = 130


@click.command(
    name="reconcile",
    epilog=example(
        "listener reconcile",
        "listener reconcile carrier --since 2026-11-24T06:00:00Z",
        "listener reconcile carrier --whole --dry-run --json",
    ),
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--since",
    callback=utc,
    help="Only what changed then or later. Default: since the last certificate.",
)
@click.option("--whole", is_flag=True, help="Everything, whenever it changed.")
@click.option("--dry-run", is_flag=True, help="Only tell what differs; nothing is written.")
@click.option(
    "--watch", is_flag=True, help="Go on for ever: at start, by the clock, when asked (serve)."
)
@as_json
@common_options
@says_why
def reconcile_command(
    settings: Settings,
    sources: Sequence[str],
    since: str | None,
    whole: bool,
    dry_run: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Read SOURCE's provider (all that have one), heal what we were not told, certify it.

    Tickets, specifications and tasks are compared with history.db. What differs becomes reconciled
    events in the log, with the provider's answer as evidence. A listener may run. Interrupted, it
    goes on where it was when called again.

    Exit code 0: all is the same now. 1: something stays unexplained (--dry-run: something differs).
    3: the provider gave no usable answer, or somebody else reconciles.
    """
    chosen = list(sources) or providers(settings)
    if not chosen:
        raise Failed("No source has a provider. See [sources.NAME.provider] in example.toml.")
    if watch:
        from receiver.provider.reconcile.watch import keep_watch
        from store.commands.alone import alone

        configure(settings.log_format)
        with alone(settings, "reconcile"):
            try:
                asyncio.run(keep_watch(settings, chosen))
            except UnusableSettings as error:
                # Not "cannot start": a secret that is gone must not end a whole `serve`.
                raise Failed(error.message) from error
        return
    for source in chosen:
        reconcile_rules(settings, source)
    found = [
        _one(settings, source, since, whole=whole, dry_run=dry_run, as_json=as_json)
        for source in chosen
    ]
    if any(one.unexplained or one.differs or not one.told["complete"] for one in found):
        click.get_current_context().exit(1)


def _one(
    settings: Settings,
    source: str,
    since: str | None,
    *,
    whole: bool,
    dry_run: bool,
    as_json: bool,
) -> Outcome:
    with progress_bar(f"Reconciling {source}") as bar:
        done: dict[str, tuple[int, int]] = {}

        def progress(kind: str, seen: int, total: int) -> None:
            done[kind] = (seen, total)
            bar.at(sum(one for one, _ in done.values()), sum(one for _, one in done.values()))

        outcome = _run(settings, source, since, progress, whole=whole, dry_run=dry_run)
    if as_json:
        told = outcome.told | {"event": outcome.position}
        click.echo(json.dumps(told | ({"differs": outcome.differs} if dry_run else {})))
    else:
        for line in told_lines(outcome, dry_run=dry_run):
            click.echo(printable(line))
    return outcome


def _run(
    settings: Settings,
    source: str,
    since: str | None,
    progress: Progress,
    *,
    whole: bool,
    dry_run: bool,
) -> Outcome:
    rules, around = reconcile_rules(settings, source), surroundings(settings, progress)
    if since is None and not whole:
        since = window_of(settings.data, rules, now())

    async def work() -> Outcome:
        async with ProviderClient(provider_rules(settings, source)) as client:
            return await reconcile(
                client, rules, around, since=None if whole else since, dry_run=dry_run
            )

    try:
        return asyncio.run(_until_told(work))
    except (ProviderAway, NotReconciled) as error:
        raise CannotStart(f"{source}: the provider gave no usable answer: {error}.") from error
    except LogLocked as error:
        raise CannotStart(str(error)) from error
    except asyncio.CancelledError:
        click.echo("Interrupted; the same command goes on where it was.", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None


async def _until_told(work: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    """The work, cancelled by SIGINT and SIGTERM between two steps."""
    task = asyncio.create_task(work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await task


def told_lines(outcome: Outcome, *, dry_run: bool) -> list[str]:
    """For a person."""
    told = outcome.told
    since = told["window"]["since"]
    what = f"what changed since {since}" if since else "everything"
    lines = [f"{told['source']}: read from {told['provider']}, {what}."]
    for kind, figures in told["resources"].items():
        if not figures["served"]:
            lines.append(f"  {kind:<28} not served ({figures['why']})")
            continue
        differ = f"{figures['healed']:>6,} healed"
        if dry_run:
            count = sum(one["resource_type"] == kind for one in outcome.differs)
            differ = f"{count:>6,} differ"
        line = f"  {kind:<28}{figures['seen']:>8,} seen{differ:>15}"
        left = f", {figures['unexplained']:,} unexplained" if figures["unexplained"] else ""
        lines.append(f"{line}{left}{'; ' + figures['why'] if 'why' in figures else ''}")
    for one in (*outcome.differs, *told["healed"])[:_LISTED]:
        how = "gone there" if one.get("how") == "gone" else ", ".join(one["members"]) or "new to us"
        lines.append(f"    {one['resource_type']} {one['id']}: {how}")
    more = len(outcome.differs) + len(told["healed"]) - _LISTED
    lines += [f"    … {more:,} more"] if more > 0 else []
    lines += [
        f"    unexplained: {one['resource_type']} {one['id']}: {one['why']}"
        for one in told["unexplained"][:_LISTED]
    ]
    if dry_run:
        lines.append("Nothing was written (--dry-run).")
    elif outcome.position is not None:
        lines.append(f"Certificate {told['id']} is event {outcome.position}.")
    return lines
