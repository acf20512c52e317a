"""The whole listener: receiver, follower and pages as one, ready or not, until told to stop."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import click
import httpx

from config.options import CONFIG_VARIABLE
from config.settings import ENVIRONMENT_PREFIX, Settings
from receiver import tracing
from receiver.address import CannotStart, free_port, url
from receiver.admission import check_listening, door
from receiver.logs import json_line
from receiver.provider.door import watched
from receiver.supervise import Child, Say, Supervisor
from receiver.tls import context as tls_context
from store import check_unlocked

READY_SECONDS = 60.0


class NotReady(click.ClickException):
    """The parts run, but do not answer."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Where a running listener answers."""

    receiver: str
    pages: str
    asks_certificate: bool = False
    """Whether the receiver hangs up on who shows none."""


def with_ports(settings: Settings) -> Settings:
    """Free ports in place of port 0. Raises CannotStart for one that is taken.

    Also looks at what else the receiver would refuse to start with: NotAllowed, UnusableSettings.
    """
    check_listening(settings)
    door(settings)
    tls_context(settings)
    tracing.check(settings.traces)
    watched(settings)
    return settings.model_copy(
        update={
            "port": free_port(settings.host, settings.port, "--port"),
            "dashboards_port": free_port(
                settings.dashboards_host, settings.dashboards_port, "--dashboards-port"
            ),
        }
    )


async def serve(
    settings: Settings,
    *,
    config: Path | None,
    say: Say,
    meanwhile: Callable[[Urls], Awaitable[None]] | None = None,
    shown: Callable[[str], bool] = lambda _line: True,
) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP, or until `meanwhile` has ended; then stop all in order.

    Of what the parts print, the lines that `shown` lets through are passed on.

    `meanwhile` begins when everything is ready. Raises LogLocked when another listener
    has this log, CannotStart when a part cannot start, and what `meanwhile` raises.
    """
    await asyncio.to_thread(check_unlocked, settings.data)
    supervisor = Supervisor(
        _children(settings),
        environment=_environment(settings, config),
        say=say,
        echo=_passing(echo if settings.log_format == "text" else echo_json, shown),
    )
    urls = _urls(settings)
    supervisor.start()
    try:
        tasks = {
            asyncio.create_task(_told_to_stop(say)),
            asyncio.create_task(_given_up(supervisor)),
            asyncio.create_task(_ready_then(urls, say, meanwhile)),
        }
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
    finally:
        await supervisor.stop()
    say("stopped")


def _passing(echo: Say, shown: Callable[[str], bool]) -> Say:
    def pass_on(line: str) -> None:
        if shown(line):
            echo(line)

    return pass_on


def echo(line: str) -> None:
    """What a child printed, on stderr."""
    click.echo(line, err=True)


def echo_json(line: str) -> None:
    """The same where every line is one JSON object; a child that speaks text is wrapped in one."""
    name, _, said = line.partition(" ")
    said = said.strip()
    click.echo(said if said.startswith("{") else json_line(said, process=name), err=True)


def _children(settings: Settings) -> tuple[Child, ...]:
    """In the order of stopping: who asked to be notified says so no more where that is wished;
    nothing new comes in, what came is folded, then the others end.
    """
    data = ("--data", str(settings.data))
    subscribed = any(source.callbacks for source in settings.sources.values())
    forwarded = sorted(name for name, target in settings.targets.items() if target.forward)
    reconciled = sorted(name for name, source in settings.sources.items() if source.provider)
    notified = any(one.provider and one.provider.hub_callback for one in settings.sources.values())
    return (
        *((Child("hub", ("hub", "watch", *data)),) if notified else ()),
        Child("receiver", ("receive", *data)),
        *((Child("deliverer", ("deliver", *data)),) if subscribed else ()),
        *((Child("reconciler", ("reconcile", "--watch", *data)),) if reconciled else ()),
        Child("follower", ("follow", *data)),
        *(Child(f"forward-{name}", ("forward", name, *data)) for name in forwarded),
        Child("dashboards", ("dashboards", *data)),
    )


def _environment(settings: Settings, config: Path | None) -> dict[str, str]:
    """The same settings for every child: plain knobs by name, the tables in the same file."""
    told = {
        f"{ENVIRONMENT_PREFIX}{name.upper()}": str(value)
        for name, value in settings.model_dump(mode="json").items()
        if isinstance(value, str | int | float)
    }
    told[f"{ENVIRONMENT_PREFIX}PREFIXES"] = ",".join(settings.prefixes)
    if config is not None:
        told[CONFIG_VARIABLE] = str(config)
    return {**os.environ, **told, "PYTHONUNBUFFERED": "1"}


def _urls(settings: Settings) -> Urls:
    return Urls(
        url(settings.host, settings.port, tls=bool(settings.tls_certificate)),
        url(settings.dashboards_host, settings.dashboards_port),
        asks_certificate=bool(settings.tls_client_ca),
    )


async def _told_to_stop(say: Say) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, told.set)
    await told.wait()
    say("stopping: the receiver first, then the follower, then the pages")


async def _given_up(supervisor: Supervisor) -> None:
    error = await supervisor.failed()
    raise CannotStart(str(error)) from error


async def _ready_then(
    urls: Urls, say: Say, meanwhile: Callable[[Urls], Awaitable[None]] | None
) -> None:
    try:
        # It only asks itself whether it answers; its certificate may be made for another name.
        client = httpx.AsyncClient(trust_env=False, verify=False)  # noqa: S501  our own, just started; only "does it answer" is asked
        async with asyncio.timeout(READY_SECONDS), client:
            # Live is enough, and it listens only once its log has a writer. A listener that is not
            # ready (little disk, a clock set back) still takes events: it must not end for that.
            await _answers(client, f"{urls.receiver}/health/live", hangs_up=urls.asks_certificate)
            await _answers(client, f"{urls.pages}/-/history")
    except TimeoutError:
        raise NotReady(f"Not ready after {READY_SECONDS:.0f} s; see the lines above.") from None
    say(f"ready: events to {urls.receiver}/listener/…, histories at {urls.pages}/-/history")
    if meanwhile is None:
        await asyncio.Event().wait()
    else:
        await meanwhile(urls)


async def _answers(client: httpx.AsyncClient, url: str, *, hangs_up: bool = False) -> None:
    while True:
        try:
            answer = await client.get(url)
            # Pages that are for those who sign in say so: they are there, too.
            if answer.is_success or answer.status_code == HTTPStatus.UNAUTHORIZED:
                return
        except httpx.ConnectError:
            pass
        except httpx.TransportError:
            # It listens, but hangs up on who shows no certificate (tls_client_ca).
            if hangs_up:
                return
        await asyncio.sleep(0.1)
