"""The demo: the whole listener on a fresh directory, and a simulated provider that posts to it."""

import asyncio
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import httpx

from config.settings import DEFAULT_FILE, Settings, load
from receiver.address import NotAllowed, url
from receiver.provider.reconcile.asked import asking
from receiver.serve import Urls, serve, with_ports
from receiver.supervise import Say
from store import LogLocked, open_log, open_reader
from store.times import utc_text
from tests.provider.deliver import deliver
from tests.provider.envelope import Delivery
from tests.provider.habits import Habits
from tests.provider.history import History, history, interesting
from tests.provider.running import Running, running_provider
from tests.provider.telling import Told

MARKER = "made-by-listener-demo"
MARKER_TEXT = "`listener demo` made this directory, and empties it when it starts again.\n"
FOLD_SECONDS = 120.0
TOLD_BY_COMMAND = ("data", "host", "port", "dashboards_host", "dashboards_port", "log")
"""What counts whatever a settings file says."""
SETTINGS_FILE = "listener.toml"
"""In the demo's directory: with it, other commands reach the simulated provider too."""
RECONCILE_SECONDS = 15.0
HUB_SECONDS = 30.0
"""How long the listener's registration at the provider is waited for."""
PAST_DAYS = 60
"""More than the past is long."""
PROVIDER = """
[sources.{source}.provider]
base_url = "{provider}"
requests_per_second = 100.0
hub_callback = "{receiver}"
register = true
hub_look_seconds = 10.0
# The demo asks for it, once its past is loaded.
reconcile_at_start = false
reconcile_every_seconds = 0.0
reconcile_grace_seconds = 2.0
"""
HABITS = Habits(lose=0.06, mischief=True)
"""Some notifications are never sent: there is something to reconcile."""


class NotOurs(click.ClickException):
    """The directory holds something that the demo did not make, so it is left alone; exit code 2."""

    exit_code = 2


def fresh_directory(directory: Path) -> None:
    """Make the directory anew: absent, empty or an earlier demo's it must be. Raises NotOurs."""
    if directory.exists() and not directory.is_dir():
        raise NotOurs(f"{directory} is not a directory.")
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARKER).exists():
            raise NotOurs(
                f"{directory} holds something that is not from a demo, so it is left alone. "
                "Name an empty or absent directory with --data."
            )
        _refuse_when_running(directory)
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).write_text(MARKER_TEXT, encoding="utf-8")


def _refuse_when_running(directory: Path) -> None:
    try:
        open_log(directory, lock_seconds=0).close()
    except LogLocked as error:
        raise NotOurs(
            f"Another demo is running on {directory}. Stop it, or name another directory with "
            "--data (and --port 0 --dashboards-port 0 for free ports)."
        ) from error


class Demo:
    """One showing: load the past, sum up, go on in the present."""

    def __init__(
        self, settings: Settings, *, seed: int, tickets: int, load_only: bool, say: Say
    ) -> None:
        _check_open(settings)
        # An invented past belongs into no log that machines share.
        self._settings = with_ports(settings.model_copy(update={"log": ""}))
        self._seed = seed
        self._tickets = tickets
        self._load_only = load_only
        self._say = say
        self._outcomes: Counter[str] = Counter()

    async def run(self, config: Path | None) -> None:
        """Show everything, until Ctrl-C or the end of loading. Raises NotOurs, CannotStart."""
        await asyncio.to_thread(fresh_directory, self._settings.data)
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        past = await asyncio.to_thread(history, self._seed, self._tickets, now=now)
        # The provider is there before the listener, as in life: settings can name it.
        with running_provider(
            self._seed, now=now, past=past, habits=HABITS, noticed=self._notice
        ) as provider:
            settings = self._settings
            if not self._load_only:
                config = _settings_file(settings, config, provider)
                told = {name: getattr(settings, name) for name in TOLD_BY_COMMAND}
                settings = load(config, **told)
            await serve(
                settings,
                config=config,
                say=self._say,
                meanwhile=lambda urls: self._show(urls, past, provider),
                shown=_is_news,
            )

    async def _show(self, urls: Urls, past: History, provider: Running) -> None:
        seconds = await self._load(urls, past.deliveries)
        folded = await _caught_up(self._settings.data)
        self._sum_up(past, seconds, folded, urls)
        if not self._load_only:
            await self._go_on(urls, provider)

    async def _load(self, urls: Urls, sent: Sequence[Delivery]) -> float:
        """Post the past, as fast as it is taken; the seconds it took."""
        began = time.monotonic()
        with click.progressbar(
            sent,
            label=f"Posting six weeks of {self._tickets} tickets",
            item_show_func=lambda _: f"{self._outcomes.total() / _since(began):,.0f}/s",
            file=sys.stderr,
        ) as bar:

            def told(_delivery: Delivery, answer: httpx.Response) -> None:
                self._outcomes[_outcome(answer)] += 1
                bar.update(1)

            await deliver(urls.receiver, sent, told)
        return _since(began)

    def _sum_up(self, past: History, seconds: float, folded: int, urls: Urls) -> None:
        sent = len(past.deliveries)
        outcomes = ", ".join(f"{count:,} {name}" for name, count in self._outcomes.most_common())
        click.echo(
            f"\n{sent:,} deliveries in {seconds:.1f} s ({sent / seconds:,.0f}/s): {outcomes}"
        )
        click.echo(f"{folded:,} events folded into the histories of {self._tickets:,} tickets\n")
        click.echo(f"  Board     {urls.pages}/-/history")
        click.echo(f"  A ticket  {urls.pages}/-/history/ticket/{interesting(past)}\n")

    async def _go_on(self, urls: Urls, provider: Running) -> None:
        """Subscribe, and let the provider live on."""
        click.echo(f"  Provider  {provider.base_url}/troubleTicket")
        click.echo(f"  Healed    {urls.pages}/-/history/sources\n")
        self._say(
            f"what got lost is read from the provider every {RECONCILE_SECONDS:.0f} s: look for "
            "certificates under Healed, and for `reconciled` on the page of a ticket they name"
        )
        hub = await _subscribed(provider)
        self._say(
            f"subscribed at the provider as {hub}; it goes on, an event every few seconds, some of "
            "them lost; Ctrl-C stops everything"
        )
        provider.go_on(now=datetime.now(UTC))
        ask = asking(self._settings.data, "demo")
        source = _source(self._settings)
        # The past is posted as it was: what it lacks is healed with the first.
        since = utc_text(datetime.now(UTC) - timedelta(days=PAST_DAYS))
        while True:
            now = utc_text(datetime.now(UTC))
            await ask(source, since)
            since = now
            await asyncio.sleep(RECONCILE_SECONDS)

    def _notice(self, told: Told) -> None:
        odd = f" ({told.note})" if told.note else ""
        self._say(f"{told.about} {told.event_type.removesuffix('Event')}{odd}: {_became(told)}")


def _source(settings: Settings) -> str:
    """Whose events come without credentials."""
    return next(name for name, one in settings.sources.items() if one.is_anonymous)


def _settings_file(settings: Settings, given: Path | None, provider: Running) -> Path:
    """The settings as they are, and the simulated provider as that of its source."""
    before = given or DEFAULT_FILE
    told = before.read_text(encoding="utf-8") if before.exists() else ""
    source = _source(settings)
    receiver = url(settings.host, settings.port)
    file = settings.data / SETTINGS_FILE
    added = PROVIDER.format(source=source, provider=provider.base_url, receiver=receiver)
    file.write_text(told + added, encoding="utf-8")
    return file


async def _subscribed(provider: Running) -> str:
    """Wait until the listener has subscribed at the provider's hub; the subscription's id."""
    began = time.monotonic()
    while not (hubs := await asyncio.to_thread(provider.hubs)):
        if _since(began) > HUB_SECONDS:
            raise click.ClickException(f"No registration at the provider in {HUB_SECONDS:.0f} s.")
        await asyncio.sleep(0.1)
    return hubs[-1]


def _check_open(settings: Settings) -> None:
    """The simulated provider has no credentials. Raises NotAllowed where it would be refused."""
    anonymous = any(source.is_anonymous for source in settings.sources.values())
    if settings.tls_certificate or not anonymous:
        raise NotAllowed(
            "The demo's provider sends without credentials and without https, and these settings "
            "ask for them. Run it in a directory without listener.toml."
        )
    if any(source.provider for source in settings.sources.values()):
        raise NotAllowed(
            "These settings name a provider, which knows nothing of the demo's tickets. Run it in "
            "a directory without listener.toml."
        )


def _is_news(line: str) -> bool:
    """Refusals are part of the show, and summed up: their lines would tear the progress bar."""
    return " INFO refused " not in line


def _outcome(answer: httpx.Response) -> str:
    """What became of a delivery, in words."""
    if answer.is_success:
        return "redelivered" if "x-event-duplicate" in answer.headers else "kept"
    if answer.is_client_error:
        return "refused (in quarantine)"
    return f"answered {answer.status_code}"


def _became(told: Told) -> str:
    """What became of a notification, in words."""
    match told.outcome:
        case "taken":
            return "redelivered" if told.again else "kept"
        case "refused":
            return "refused (in quarantine)"
        case "lost":
            return "lost on the way"
        case _:
            return told.outcome


async def _caught_up(directory: Path) -> int:
    """Wait until everything in the log is folded; how many events that is."""
    with closing(open_reader(directory)) as log:
        head = log.head()
    began = time.monotonic()
    while _since(began) < FOLD_SECONDS:
        if await asyncio.to_thread(_folded, directory / "history.db") >= head:
            return head
        await asyncio.sleep(0.1)
    raise click.ClickException(
        f"The follower did not fold {head:,} events in {FOLD_SECONDS:.0f} s."
    )


def _folded(path: Path) -> int:
    """The follower's checkpoint."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT value FROM _follower WHERE name = 'events'").fetchone()
    return int(row[0]) if row else 0


def _since(began: float) -> float:
    return time.monotonic() - began
