"""Carrying: what `replay` and `forward` share: run a job until its end, or until told to stop."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import click

from config.targets import Sending, Target
from store.commands.common import Failed, progress_bar
from store.commands.targets import endpoint_of, manner_of, stream_of
from store.replay import job as jobs
from store.replay.job import Stopping, Work
from store.replay.targets.protocol import Unwritable


def stopping_on_signals() -> Stopping:
    """Asked to stop by the first SIGINT or SIGTERM; a second one ends at once."""
    stopping = Stopping()

    def ask(number: int, _frame: FrameType | None) -> None:
        stopping.asked = True
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return stopping


def carry(
    work: Work, target: Target, *, concurrency: int | None = None, rate: float | None = None
) -> str | None:
    """Run the job; why it ended early, or None. The ledger knows how it ended. Raises Failed."""
    _quieten()
    try:
        return _ended(work, _carried(work, target, concurrency, rate))
    except Unwritable as error:
        return _ended(work, f"the target cannot be written: {error}")
    except sqlite3.Error as error:
        raise Failed(f"{work.ledger.path} cannot be written: {error}.") from error


def _ended(work: Work, why: str | None) -> str | None:
    ended = "finished" if why is None else "stopped" if why == jobs.STOPPED else "failed"
    problem = why if ended == "failed" else _left(work)
    work.ledger.state(work.job, ended, jobs.now(), problem)
    return why


def with_bar(work: Work, end: int, run: Callable[[Work], str | None]) -> str | None:
    """Run with a progress bar: how far, how fast, how long still."""
    first = work.job.checkpoint
    began = time.monotonic()
    sent = 0

    def speed() -> str:
        return f"{sent:,} events, {sent / max(time.monotonic() - began, 0.001):,.0f}/s"

    with progress_bar(f"To {work.job.target}", end - first, speed) as bar:

        def told(position: int, delivered: int) -> None:
            nonlocal sent
            sent = delivered
            bar.at(max(0, min(position, end) - first), max(end - first, 1))

        return run(replace(work, told=told))


def _carried(work: Work, target: Target, concurrency: int | None, rate: float | None) -> str | None:
    if isinstance(target, Sending):
        manner = manner_of(target, concurrency, rate)
        endpoint = endpoint_of(work.job.target, target, manner.concurrency)
        return asyncio.run(jobs.run_endpoint(work, endpoint, manner))
    stream = stream_of(target)
    try:
        return jobs.run_stream(work, stream, rate or target.rate)
    finally:
        stream.close()


def _left(work: Work) -> str | None:
    """What is not delivered although nothing stopped the job."""
    found = work.ledger.outcomes(work.job)
    dead, waiting = found.get("dead", 0), found.get("waiting", 0)
    behind = f", {waiting:,} more wait behind them" if waiting else ""
    return f"{dead:,} dead letters{behind}" if dead else None


def _quieten() -> None:
    """Say nothing about single requests: their addresses are not for our log."""
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])


def check_target(name: str, target: Target) -> None:
    """Find out now what is wrong with its settings, before a job is made of it."""
    if isinstance(target, Sending):
        asyncio.run(_made(name, target))


async def _made(name: str, target: Sending) -> None:
    await endpoint_of(name, target, 1).close()


def say(text: str) -> None:
    """To a person, on stderr: standard output may be the target."""
    click.echo(text, err=True)
