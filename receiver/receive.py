"""One receiver: open the log, listen, and when told to stop, commit what was taken in."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from types import FrameType

import uvicorn

from config.settings import Settings
from receiver.address import CannotStart, bind, check_host, url
from receiver.app import create_app
from receiver.sources import Limits, SourceRules
from store import Appender, LogError, open_appender

BACKLOG = 2_048
GRACE_SECONDS = 10
"""How long requests in flight may take once the receiver was told to stop."""
KEEP_ALIVE_SECONDS = 75
"""Senders with a pause between events keep their connection."""

_log = logging.getLogger(__name__)


async def receive(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT. Raises CannotStart, NotAllowed."""
    check_host(settings.host, allow_anonymous=settings.allow_anonymous)
    with closing(bind(settings.host, settings.port)) as listening:
        appender = await _appender(settings)
        try:
            await _serve(settings, appender, listening)
        finally:
            await appender.close()


async def _appender(settings: Settings) -> Appender:
    try:
        return await open_appender(
            settings.data, queue_events=settings.queue_events, queue_bytes=settings.queue_bytes
        )
    except LogError as error:
        raise CannotStart(f"{error} {error.hint}".strip()) from error
    except OSError as error:
        raise CannotStart(f"{settings.data}: {error.strerror}") from error


async def _serve(settings: Settings, appender: Appender, listening: socket.socket) -> None:
    app = create_app(
        appender,
        sources={
            name: SourceRules(**source.model_dump()) for name, source in settings.sources.items()
        },
        limits=Limits(max_body_bytes=settings.max_body_bytes),
        prefixes=settings.prefixes,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            log_level=logging.WARNING,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    _stop_on_signals(server)
    # What start-up made stays: freezing it keeps the collector off it (measured: a fifth more
    # events per second at 128 connections).
    gc.collect()
    gc.freeze()
    host, port = listening.getsockname()[:2]
    _log.info("listening on %s", url(host, port))
    await server.serve(sockets=[listening])
    _log.info("took in what was on its way; listening no more")


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Hear signals before uvicorn listens for them, and when it repeats them afterwards.

    It raises each signal again once it has shut down; with the default handler that would end the
    process before the log is closed.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def run(settings: Settings, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """`receive` on a loop of its own. Raises CannotStart, NotAllowed."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"{settings.data}: {error.strerror}") from error
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(receive(settings))
