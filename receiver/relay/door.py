"""From the settings to whom is asked: the providers of all sources that have one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path

from config.settings import Settings
from receiver.limits import Limits
from receiver.provider.client import ProviderClient
from receiver.provider.door import provider_rules, providers, spoken_by
from receiver.relay.asking import Asking, Log, Provider
from receiver.relay.front import Relay
from store import Accepted, Appender, NewEvent, Place, append_beside, copy_of, open_reader
from store.asked.ledger import AskedLedger


@asynccontextmanager
async def asking(
    settings: Settings, append: Callable[[NewEvent], Awaitable[int]]
) -> AsyncGenerator[Asking]:
    """Asks the providers of all sources that have one. Raises UnusableSettings."""
    async with AsyncExitStack() as stack:
        known: dict[str, Provider] = {}
        for name in providers(settings):
            client = await stack.enter_async_context(ProviderClient(provider_rules(settings, name)))
            told = settings.sources[name].provider
            if told is not None:
                known[name] = Provider(
                    client, told.knows_keys, told.asked_at_once, spoken_by(settings, name)
                )
        log = Log(append, partial(_body, settings.data))
        yield Asking(AskedLedger(settings.data), known, log)


def relay(settings: Settings, asked: Asking, limits: Limits) -> Relay:
    """The same over HTTP."""
    return Relay(asked, sources=settings.sources, limits=limits, prefixes=settings.prefixes)


def through(appender: Appender, directory: Path) -> Callable[[NewEvent], Awaitable[int]]:
    """Into the log as a receiver writes it; known by its position, so of a log that several machines
    share once this one has copied it.
    """

    async def append(event: NewEvent) -> int:
        appended = await appender.append(event)
        if isinstance(appended, Accepted):
            appended = await asyncio.to_thread(copy_of, directory, appended, event)
        return appended.position

    return append


def beside(directory: Path, place: Place | None = None) -> Callable[[NewEvent], Awaitable[int]]:
    """Into the log as a command writes it, beside a receiver or without one."""

    async def append(event: NewEvent) -> int:
        return (await asyncio.to_thread(append_beside, directory, event, place)).position

    return append


async def _body(directory: Path, position: int) -> bytes:
    def read() -> bytes:
        with closing(open_reader(directory)) as reader:
            event = reader.event(position)
            return event.body if event else b""

    return await asyncio.to_thread(read)
