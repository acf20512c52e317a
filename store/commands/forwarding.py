"""Forwarding: new events into a target for ever, from where it stopped."""

import json
import logging
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import click

import store
from config.options import common_options
from config.settings import Settings
from config.targets import Forwarding, Tmf
from store.commands.alone import alone
from store.commands.common import Failed, by_option, now, says_why
from store.replay.job import STOPPED, Stopping, Work
from store.replay.ledger import Job, Ledger, UnknownJob, name_of_forwarding
from store.replay.selection import Selected, Selection
from store.replay.standing import settled
from store.replay.targets import tmf

log = logging.getLogger("listener.forward")


@click.command()
@click.argument("target")
@by_option
@common_options
@says_why
def forward(settings: Settings, target: str, by: str) -> None:
    """Deliver new events to TARGET until stopped, and go on there the next time.

    With `forward = true` under [targets.NAME], `listener serve` does it. What an outage of the
    target holds up is delivered when it is back; an event that it refuses becomes a dead letter
    (`listener deadletters`), and later events of that ticket wait behind it.

    \b
    Example:
      listener forward crm --data ./data
    """
    from store.commands import carrying
    from store.commands.targets import UnusableTarget, address, target_of

    wanted = target_of(settings, target)
    try:
        carrying.check_target(target, wanted)
    except UnusableTarget as error:
        # Not "cannot start": a token that is missing here must not end a whole `serve`.
        raise Failed(error.message) from error
    stopping = carrying.stopping_on_signals()
    if not _log_is_there(settings.data, stopping):
        return
    selection = _selection(wanted)
    work_name = name_of_forwarding(target)
    reached = partial(settled, settings.data, work_name)
    with (
        alone(settings, f"forward-{target}", lambda: stopping.asked, reached) as turn,
        closing(Ledger(settings.data, fence=turn.must_be_held)) as ledger,
        closing(Selected(settings.data, selection)) as selected,
    ):
        # Where another node forwarded before, this one goes on there.
        after = turn.position or (selected.head() if wanted.begin == "now" else 0)
        job = _job(ledger, target, selection, after, by)
        try:
            ledger.take(job)
        except store.LogLocked as error:
            raise Failed(str(error)) from error
        if turn.position > job.checkpoint:
            log.info("another node had delivered up to position %d", turn.position)
            job = ledger.overtaken(job, turn.position)
        _wait_for_copy(selected, turn.position, stopping)
        if stopping.asked:
            return
        if job.checkpoint > (head := selected.head()):
            # A log that was restored from an older copy: what comes now has those positions anew.
            log.warning("the log ends at %d, before position %d that was reached: going on from its end", head, job.checkpoint)  # fmt: skip
            job = ledger.rewind(job, head)
        ledger.state(job, "running", now())
        log.info("forwarding to %s (%s) from position %d", target, address(wanted), job.checkpoint)
        work = Work(
            job=job,
            ledger=ledger,
            origin=selected,
            goes_on=True,
            stopping=stopping,
            follow_seconds=settings.follow_seconds,
        )
        why = carrying.carry(work, wanted)
        log.info("stopped at position %d", ledger.job(job.name).checkpoint)
    if why != STOPPED:
        raise click.ClickException(f"Forwarding to {target} stopped: {why}.")


def _wait_for_copy(selected: Selected, position: int, stopping: Stopping) -> None:
    """What another node had delivered may not be copied here yet."""
    while selected.head() < position and not stopping.asked:
        time.sleep(0.1)


def _selection(target: Forwarding) -> Selection:
    where = tmf.where(target.where) if isinstance(target, Tmf) else target.where or None
    return Selection(event_types=target.types, sources=target.sources, where=where)


def _job(ledger: Ledger, target: str, selection: Selection, after: int, by: str) -> Job:
    name = name_of_forwarding(target)
    try:
        job = ledger.job(name)
    except UnknownJob:
        return ledger.begin(
            name=name,
            kind="forward",
            target=target,
            selection=selection.told(),
            after=after,
            by=by,
            at=now(),
        )
    if json.loads(job.selection) != json.loads(selection.told()):
        ledger.select(job, selection.told())
    return job


def _log_is_there(directory: Path, stopping: Stopping) -> bool:
    """Wait for the first log; False when we were told to stop before."""
    while not stopping.asked:
        try:
            store.open_reader(directory).close()
        except store.LogMissing:
            time.sleep(0.1)
        else:
            return True
    return False
