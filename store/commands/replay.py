"""Replaying: selected events of the log into a target, once, to be resumed whenever it stops."""

import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from config.options import common_options
from config.settings import Settings
from config.targets import Sending
from store.commands.common import Failed, as_json, by_option, now, rule_book, says_why
from store.commands.selecting import selection_options
from store.replay.ledger import Job, Ledger
from store.replay.selection import Selected, Selection
from store.replay.states import States, folded
from store.replay.targets import tmf

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class Incomplete(Failed):
    """Not everything was delivered; exit code 1."""


def _name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(_NAME, value):
        raise click.BadParameter("use letters, digits, dots, dashes and underscores")
    return value


@click.command()
@click.argument("target")
@selection_options
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Events a second, at most.")
@click.option(
    "--concurrency", type=click.IntRange(1, 256), help="Requests at once, each of another ticket."
)
@click.option("--dry-run", is_flag=True, help="Say what would be delivered; deliver nothing.")
@click.option("--name", callback=_name, help="Of the job; default: the target and a number.")
@click.option(
    "--resume", is_flag=True, help="Go on with the job of this name, or with the target's last."
)
@click.option(
    "--state",
    "states",
    is_flag=True,
    help="Instead of events: one event a ticket with its whole state, at --to TIME or now.",
)
@by_option
@as_json
@common_options
@says_why
def replay(
    settings: Settings,
    target: str,
    selection: Selection,
    rate: float | None,
    concurrency: int | None,
    dry_run: bool,
    name: str | None,
    resume: bool,
    states: bool,
    by: str,
    as_json: bool,
) -> None:
    """Deliver events of the log to TARGET: one of [targets] in the settings, or stdout.

    Each at least once, each ticket's in order. The job can be stopped or killed at any time, and
    goes on with --resume. Exit code 1 when not everything was delivered.

    \b
    Examples:
      listener replay stdout --ticket 3180
      listener replay crm --from 2026-11-01 --type TroubleTicketCreateEvent --dry-run
      listener replay crm --from 2026-11-01 --name november
      listener replay crm --name november --resume
      listener replay crm --state
    """  # fmt: skip
    from store.commands import carrying
    from store.commands.targets import address, target_of

    wanted = target_of(settings, target)
    if resume and selection != Selection():
        raise click.UsageError(
            "--resume goes on with what the job was begun with; choose no events."
        )
    carrying.check_target(target, wanted)
    with closing(Ledger(settings.data)) as ledger:
        job = None
        if resume:
            job = ledger.job(name) if name else ledger.latest(target)
            _check_resumed(job, target)
            selection, states = Selection.read(job.selection), job.kind == "state"
        else:
            if wanted.kind == "tmf" and not states:
                selection = replace(selection, where=tmf.where(selection.where))
            selection = _fixed(settings.data, selection, states=states)
        with closing(_origin(settings, selection, states=states)) as origin:
            if dry_run:
                _tell_plan(origin, selection, address(wanted), job, as_json=as_json)
                return
            job = job or ledger.begin(
                name=name,
                kind="state" if states else "replay",
                target=target,
                selection=selection.told(),
                after=selection.after,
                by=by,
                at=now(),
            )
            ledger.take(job)
            ledger.state(job, "running", job.updated_at)
            work = carrying.Work(
                job=job,
                ledger=ledger,
                origin=origin,
                goes_on=resume,
                stopping=carrying.stopping_on_signals(),
                give_up_seconds=wanted.give_up_seconds if isinstance(wanted, Sending) else None,
            )
            why = carrying.with_bar(
                work,
                selection.until or 0,
                lambda one: carrying.carry(one, wanted, concurrency=concurrency, rate=rate),
            )
        _tell_end(ledger, ledger.job(job.name), why, address(wanted), as_json=as_json, to_stdout=wanted.kind != "stdout")  # fmt: skip


def _check_resumed(job: Job, target: str) -> None:
    if job.kind == "forward":
        raise click.UsageError(
            f"{job.name} is forwarding: `listener forward {job.target}` goes on."
        )
    if job.target != target:
        raise click.UsageError(f"The job {job.name} delivers to {job.target}, not to {target}.")


def _fixed(directory: Path, selection: Selection, *, states: bool) -> Selection:
    """The selection, ended where the log (or the history) ends now."""
    if not states:
        with closing(Selected(directory, selection)) as selected:
            return selection.to(selected.head())
    if selection.event_types or selection.where or selection.received_from or selection.after:
        raise click.UsageError("--state goes with --ticket, --source and --to TIME only.")
    if selection.until is not None:
        raise click.UsageError("--state is as of a time: --to 2026-11-20T12:00:00Z")
    return selection.to(folded(directory))


def _origin(settings: Settings, selection: Selection, *, states: bool) -> Selected | States:
    if states:
        return States(settings.data, selection, rule_book(settings))
    return Selected(settings.data, selection)


def _tell_plan(
    origin: Selected | States, selection: Selection, to: str, job: Job | None, *, as_json: bool
) -> None:
    after = job.checkpoint if job else 0
    count = origin.count(after)
    if as_json:
        told = {"target": to, "selected": count, "after": max(after, selection.after), "until": selection.until}  # fmt: skip
        click.echo(json.dumps(told | {"selection": json.loads(selection.told())}))
        return
    what = "tickets' states" if isinstance(origin, States) else "events"
    click.echo(f"{count:,} {what} of positions {max(after, selection.after) + 1:,} to {selection.until:,} would go to {to}.")  # fmt: skip


def _tell_end(
    ledger: Ledger, job: Job, why: str | None, to: str, *, as_json: bool, to_stdout: bool
) -> None:
    outcomes = ledger.outcomes(job)
    if as_json:
        click.echo(json.dumps(job_json(job) | {"outcomes": outcomes}), err=not to_stdout)
    else:
        click.echo(_sentence(job, outcomes, why, to), err=not to_stdout)
    if why is not None or job.problem:
        raise click.exceptions.Exit(1)


def _sentence(job: Job, outcomes: dict[str, int], why: str | None, to: str) -> str:
    delivered = f"{job.delivered:,} events delivered to {to}"
    erased = outcomes.get("erased", 0)
    if erased:
        delivered += f", {erased:,} had been erased"
    again = f"listener replay {job.target} --name {job.name} --resume"
    if why is not None:
        reason = "Stopped" if why == "stopped" else f"Stopped, because {why}"
        return f"{reason}. {delivered} so far. Go on with: {again}"
    if job.problem:
        return (
            f"{delivered}; {job.problem}. See `listener deadletters list {job.name}`; after "
            f"`listener deadletters retry {job.name}` go on with: {again}"
        )
    if job.kind == "state":
        until = Selection.read(job.selection).until or 0
        return f"{delivered}: every ticket's state at position {until:,}. What came since: listener replay {job.target} --from {until + 1}"
    return f"{delivered} (job {job.name})."


def job_json(job: Job) -> dict[str, Any]:
    """A job for programs."""
    return job._asdict() | {"selection": json.loads(job.selection)}
