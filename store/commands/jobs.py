"""Jobs and dead letters: what was delivered where, and what could not be."""

import json
from contextlib import closing
from typing import Any

import click

from config.options import common_options
from config.settings import Settings
from store.commands.common import Failed, as_json, now, says_why
from store.printing import printable
from store.replay.ledger import (
    REPLAY_FILE,
    Delivery,
    Job,
    Ledger,
    Span,
    UnknownJob,
    name_of_forwarding,
)

_LETTERS = 1_000
"""Dead letters listed of one job."""


@click.group(name="jobs", epilog="\b\nExample:\n  listener jobs list\n  listener jobs show crm-1")
def jobs() -> None:
    """Look at what was replayed and forwarded."""


@jobs.command("list")
@as_json
@common_options
@says_why
def jobs_list(settings: Settings, as_json: bool) -> None:
    """List all jobs, the newest first.

    \b
    Example:
      listener jobs list
    """
    with closing(_ledger(settings)) as ledger:
        for job in ledger.jobs():
            told = _told(ledger, job)
            click.echo(json.dumps(told) if as_json else _line(told))


@jobs.command("show")
@click.argument("name")
@click.option(
    "--deliveries",
    is_flag=True,
    help="What became of each event, one a line (a stretch a line for streams).",
)
@as_json
@common_options
@says_why
def jobs_show(settings: Settings, name: str, deliveries: bool, as_json: bool) -> None:
    """Show one job: what was selected, how far it is, what failed.

    \b
    Examples:
      listener jobs show crm-1
      listener jobs show crm-1 --deliveries --json
    """
    with closing(_ledger(settings)) as ledger:
        job = ledger.job(name)
        if deliveries:
            for span in ledger.spans(job):
                click.echo(json.dumps(span._asdict()) if as_json else _span_line(span))
            for one in ledger.deliveries(job):
                click.echo(json.dumps(one._asdict()) if as_json else _delivery_line(one))
            return
        told = _told(ledger, job)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    chosen = {name: one for name, one in told["selection"].items() if one not in (None, [], 0)}
    for key, value in (
        told | {"selection": json.dumps(chosen) if chosen else "everything"}
    ).items():
        click.echo(f"{key + ':':<13}{_plain(value)}")


@click.group(
    epilog="\b\nExample:\n  listener deadletters list\n  listener deadletters retry forward:crm"
)
def deadletters() -> None:
    """Decide about events that a target would not take."""


@deadletters.command("list")
@click.argument("job", required=False)
@as_json
@common_options
@says_why
def deadletters_list(settings: Settings, job: str | None, as_json: bool) -> None:
    """List the dead letters of all jobs, or of JOB (or of a target's forwarding), with their errors.

    \b
    Examples:
      listener deadletters list
      listener deadletters list crm
    """
    with closing(_ledger(settings)) as ledger:
        for one in [_job(ledger, job)] if job else ledger.jobs():
            for letter in ledger.deliveries(one, "dead", _LETTERS):
                told = {"job": one.name, "target": one.target} | letter._asdict()
                told["behind"] = ledger.behind(one, letter)
                click.echo(json.dumps(told) if as_json else _letter_line(told))


_position = click.option("--position", type=int, help="Only the one at this position.")


@deadletters.command("retry")
@click.argument("job")
@_position
@as_json
@common_options
@says_why
def deadletters_retry(settings: Settings, job: str, position: int | None, as_json: bool) -> None:
    """Deliver JOB's dead letters after all, and then what waits behind them.

    A forwarding that runs does so at once, any other job when it goes on.

    \b
    Examples:
      listener deadletters retry crm
      listener deadletters retry november --position 42
    """
    with closing(_ledger(settings)) as ledger:
        one = _job(ledger, job)
        found = ledger.decide(one, "waiting", now(), position)
        running = ledger.is_at_work(one)
    _tell(found, "to be tried again", one, running=running, as_json=as_json)


@deadletters.command("drop")
@click.argument("job")
@_position
@click.option("--all", "everything", is_flag=True, help="All of them.")
@as_json
@common_options
@says_why
def deadletters_drop(
    settings: Settings, job: str, position: int | None, everything: bool, as_json: bool
) -> None:
    """Give JOB's dead letters up for good; what waits behind them goes on.

    The events stay in the log: `listener replay` can deliver them another time.

    \b
    Examples:
      listener deadletters drop crm --position 42
      listener deadletters drop crm --all
    """
    if everything == (position is not None):
        raise click.UsageError("Say --position N or --all.")
    with closing(_ledger(settings)) as ledger:
        one = _job(ledger, job)
        found = ledger.decide(one, "dropped", now(), position)
        running = ledger.is_at_work(one)
    _tell(found, "dropped", one, running=running, as_json=as_json)


def _ledger(settings: Settings) -> Ledger:
    if not (settings.data / REPLAY_FILE).exists():
        raise Failed(f"Nothing was replayed or forwarded from {settings.data} yet.")
    return Ledger(settings.data)


def _job(ledger: Ledger, name: str) -> Job:
    """By its name, or by the target that it forwards to."""
    try:
        return ledger.job(name)
    except UnknownJob:
        return ledger.job(name_of_forwarding(name))


def _told(ledger: Ledger, job: Job) -> dict[str, Any]:
    told = job._asdict() | {"selection": json.loads(job.selection)}
    if job.state == "running" and not ledger.is_at_work(job):
        told["state"] = "interrupted"
    outcomes = ledger.outcomes(job)
    return told | {"waiting": outcomes.get("waiting", 0), "dead": outcomes.get("dead", 0)}


def _line(told: dict[str, Any]) -> str:
    until = told["selection"]["until"]
    far = f"at {told['checkpoint']:,}" + (f" of {until:,}" if until is not None else "")
    left = [f"{told[name]:,} {name}" for name in ("waiting", "dead") if told[name]]
    return "  ".join(
        [
            f"{told['name']:<24} {told['kind']:<8} {told['state']:<12} {far:<22}",
            f"{told['delivered']:>10,} delivered",
            ", ".join(left),
        ]
    ).rstrip()


def _delivery_line(one: Delivery) -> str:
    error = f"  {one.error}" if one.error else ""
    return printable(f"{one.position:>8}  {one.at}  {one.outcome:<10} {one.attempts:>3}{error}")


def _span_line(one: Span) -> str:
    return f"{one.first:>8} to {one.last}  {one.at}  delivered  {one.events:,} events"


def _letter_line(told: dict[str, Any]) -> str:
    behind = f", {told['behind']:,} wait behind it" if told["behind"] else ""
    return printable(
        f"{told['job']:<20} {told['position']:>8}  {told['at']}  {told['ticket']}  "
        f"attempt {told['attempts']}: {told['error']}{behind}"
    )


def _tell(found: list[int], what: str, job: Job, *, running: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"job": job.name, "positions": found, "running": running}))
        return
    if not found:
        raise Failed(f"{job.name} has no such dead letter.")
    again = f"listener forward {job.target}"
    if job.kind != "forward":
        again = f"listener replay {job.target} --name {job.name} --resume"
    then = "The running job goes on with them." if running else f"Go on with: {again}"
    click.echo(f"{len(found):,} {what}. {then}")


def _plain(value: object) -> str:
    return (
        "–" if value is None else printable(f"{value:,}" if isinstance(value, int) else str(value))
    )
