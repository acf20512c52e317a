"""Following: fold new events into history.db, or the whole log anew."""

import logging
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import click

import store
from config.options import common_options
from config.settings import Settings
from store.commands.common import fold_anew, rule_book, says_why
from store.history import follower
from store.history.lock import locked
from store.history.rules import RuleBook

RETRY_SECONDS = 2.0
"""Between two attempts to write history.db on a disk that is full."""

log = logging.getLogger("listener.follow")


@click.command()
@common_options
@says_why
def follow(settings: Settings) -> None:
    """Fold new events into history.db until stopped (part of `listener serve`).

    \b
    Example:
      listener follow --data ./data
    """
    stopping = _Stop()
    directory = settings.data
    reader = _wait_for_log(directory, stopping)
    if reader is None:
        return
    path = directory / store.HISTORY_FILE
    with closing(reader), locked(path):
        _fold_anew_if_outdated(directory, rule_book(settings))
        with closing(follower.connect(path)) as connection:
            following = follower.Follower(reader, connection, rule_book(settings))
            log.info("following from position %d", following.checkpoint())
            while not stopping.asked:
                folded = _fold_on(following)
                # A full batch means that more waits: there is no time to rest.
                if folded < follower.BATCH:
                    pause = 0.0 if folded else settings.follow_seconds
                    time.sleep(max(pause, following.rest_seconds))
            while _fold_on(following):
                pass
            log.info("stopped at position %d", following.checkpoint())


def _fold_on(following: follower.Follower) -> int:
    """How much was folded; nothing while history.db cannot be written (a full disk)."""
    try:
        return following.step()
    except sqlite3.OperationalError as error:
        # Nothing is lost, the log keeps it; and going on here is quicker than being started anew.
        log.warning("history.db cannot be written now (%s); trying again", error)
        time.sleep(RETRY_SECONDS)
        return 0


@click.command(name="rebuild")
@common_options
@says_why
def rebuild_command(settings: Settings) -> None:
    """Fold the whole log anew and put the result in place of history.db.

    Runs beside a working listener. Interrupted, it goes on where it was when called again.

    \b
    Example:
      listener rebuild --data ./data
    """
    started = time.monotonic()
    count = fold_anew(settings.data, rule_book(settings))
    seconds = time.monotonic() - started
    click.echo(f"Folded {count:,} events in {seconds:.1f} s. history.db is new.")


class _Stop:
    """Becomes `asked` once the process is told to end."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True


def _wait_for_log(directory: Path, stopping: _Stop) -> store.LogReader | None:
    waiting = False
    while not stopping.asked:
        try:
            return store.open_reader(directory)
        except store.LogMissing:
            if not waiting:
                log.info("waiting for the first log in %s", directory)
            waiting = True
            time.sleep(0.1)
    return None


def _fold_anew_if_outdated(directory: Path, rules: RuleBook) -> None:
    path = directory / store.HISTORY_FILE
    with closing(follower.connect(path)) as connection:
        why = follower.outdated(connection, rules)
    if why:
        log.info("%s: folding anew", why)
        fold_anew(directory, rules)
