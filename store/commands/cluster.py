"""The cluster: make the stream that machines share, copy it into this node's log, take a node out."""

import asyncio
import logging
import signal
import time
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

import store
from config.cluster import address
from config.options import common_options
from config.settings import Settings
from store.commands.common import says_why
from store.commands.credentials import tls_of
from store.commands.nodes import status_command, telling
from store.commands.targets import UnusableTarget
from store.log.place import Place

if TYPE_CHECKING:
    from store.log.copying import Copier
    from store.log.jetstream import Stream
    from store.log.origin import Origin

STATE_SECONDS = 5.0
"""How often an idle copier asks the leader whether there is more than it is shown."""
RETRY_SECONDS = 1.0
"""Between two attempts to reach the stream, or to write on a disk that is full."""
CONNECT_SECONDS = 10.0
DAY_SECONDS = 86_400

log = logging.getLogger("listener.copy")


class Unshared(click.ClickException):
    """The settings name no cluster; exit code 2, as for wrong usage."""

    exit_code = 2


def place_of(settings: Settings) -> Place | None:
    """The stream that the settings name; None: the log is this machine's alone. Raises UnusableTarget."""
    if not settings.log:
        return None
    told = settings.cluster
    found = address(settings.log, plain=told.plain_nats)
    if find_spec("nats") is None:
        raise UnusableTarget("log: needs the extra: pip install 'tmf621-listener[cluster]'")
    try:
        return Place(
            servers=found.servers,
            stream=found.stream,
            replicas=told.replicas,
            keep_seconds=told.keep_days * DAY_SECONDS,
            timeout_seconds=told.timeout_seconds,
            token=told.secret(),
            credentials=str(told.credentials_file) if told.credentials_file else None,
            tls=tls_of(told),
        )
    except (ValueError, OSError) as error:
        raise UnusableTarget(f"cluster: {error}") from error


def shared_place(settings: Settings) -> Place:
    """The same where there must be one. Raises Unshared."""
    place = place_of(settings)
    if place is None:
        raise Unshared('The settings name no cluster: log = "nats://host:port,host:port/stream".')
    return place


@click.command(name="copy")
@common_options
@says_why
def copy_command(settings: Settings) -> None:
    """Copy the stream into this node's log.db until stopped (part of `listener serve`).

    Of use only where `log` names a stream. It goes on where it was; without the stream it waits.

    \b
    Example:
      listener copy --data ./data
    """
    place = shared_place(settings)
    asyncio.run(_copy(settings, place))


async def _copy(settings: Settings, place: Place) -> None:
    from store.log.copying import Copier
    from store.log.jetstream import Stream

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with closing(store.open_copied_log(settings.data)) as copied:
        while not stopping.is_set():
            stream = Stream(place)
            try:
                await stream.connect(CONNECT_SECONDS)
                copier = Copier(copied, stream)
                await copier.begin()
                log.info("copying %s from message %d", place.stream, copier.sequence)
                async with telling(settings, place, copier):
                    await _copy_on(copier, stream, settings.follow_seconds, stopping)
                log.info("stopped at message %d", copier.sequence)
            except store.LogUnavailable as error:
                log.warning("%s Trying again.", error)
                await _rest(stopping, RETRY_SECONDS)
            finally:
                await stream.close()


async def _copy_on(
    copier: "Copier", stream: "Stream", idle_seconds: float, stopping: asyncio.Event
) -> None:
    asked = time.monotonic()
    while not stopping.is_set():
        if await copier.step():
            continue
        if time.monotonic() - asked > STATE_SECONDS:
            await copier.must_reach(await stream.state())
            asked = time.monotonic()
        await _rest(stopping, idle_seconds)
    # What the receiver of this node took in last is copied before the follower ends.
    while await copier.step():
        pass


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return


@click.group()
def cluster() -> None:
    """A log that several machines share.

    \b
    Examples:
      listener cluster create
      listener cluster status
      listener cluster leave
    """


@cluster.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@common_options
@says_why
def status(settings: Settings, *, as_json: bool) -> None:
    """How stream, nodes and leases stand. Exit code 1 where something is wrong, and says what.

    Wrong is: no quorum, fewer servers in step than were asked for, a node that does not copy, and
    nodes whose logs are not the same.

    \b
    Examples:
      listener cluster status --data ./data
      listener cluster status --json --data ./data
    """
    status_command(settings, shared_place(settings), as_json=as_json)


@cluster.command(name="create")
@common_options
@says_why
def create(settings: Settings) -> None:
    """Make the stream that `log` names. Once, on one node; it begins where this log.db ends.

    The other nodes begin with a copy of this data directory (listener backup, listener restore);
    with an empty one where this one is empty. Stop the listener first.

    \b
    Example:
      listener cluster create --data ./data
    """
    place = shared_place(settings)
    with closing(store.open_log(settings.data)):
        pass  # it is there, sound enough to be written, and follows no stream yet
    origin = asyncio.run(_create(settings, place))
    click.echo(
        f"The stream {place.stream} has {place.replicas} replicas and begins behind event "
        f"{origin.position:,}. Start the listener here, and on nodes with a copy of this log."
    )


async def _create(settings: Settings, place: Place) -> "Origin":
    from store.log.copying import Copier
    from store.log.jetstream import Stream
    from store.log.origin import origin_of

    stream = Stream(place)
    with closing(store.open_copied_log(settings.data)) as copied:
        with copied.transaction() as connection:
            origin = origin_of(connection)
        await stream.connect(CONNECT_SECONDS)
        try:
            await stream.create(origin.as_metadata())
            await Copier(copied, stream).begin()
        finally:
            await stream.close()
    return origin


@cluster.command(name="leave")
@click.option(
    "--anyway", is_flag=True, help="Leave with what was copied, although the stream has more."
)
@common_options
@says_why
def leave(settings: Settings, *, anyway: bool) -> None:
    """Make this log.db stand alone: what the stream has is copied, then it is forgotten.

    Stop every receiver of the cluster first, or what they take in is missing here; then take `log`
    out of the settings. The stream and the other nodes stay as they are.

    \b
    Example:
      listener cluster leave --data ./data
    """
    place = shared_place(settings)
    if not anyway:
        with closing(store.open_shared_log(settings.data, place)) as shared:
            copied = shared.copy_all()
            click.echo(f"Copied {copied:,} messages.", err=True)
    with (
        closing(store.open_copied_log(settings.data)) as left,
        left.transaction() as connection,
    ):
        from store.log.origin import forget_followed

        forget_followed(connection)
    click.echo(f"{settings.data} stands alone. Take `log` out of the settings.")
