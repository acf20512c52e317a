"""Sending: POSTs over a few connections that are kept alive, tried again while the receiver is busy or away."""

import asyncio
from collections.abc import Callable, Iterable

import httpx

from tests.provider.envelope import Delivery

Told = Callable[[Delivery, httpx.Response], None]
"""Called with every final answer, in the order of answering."""

CONNECTIONS = 8
PATIENCE = 60
"""How often one delivery is tried before the provider gives up on the receiver."""


class ReceiverAway(Exception):
    """The receiver did not take a delivery, however often it was tried."""


def connection(base_url: str) -> httpx.AsyncClient:
    """One connection to the receiver at `http://127.0.0.1:8621`, kept alive.

    One client each: a client with a pool of several spends more time on the pool than on requests.
    """
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    return httpx.AsyncClient(base_url=base_url, limits=limits, timeout=30, trust_env=False)


async def deliver(base_url: str, sent: Iterable[Delivery], told: Told) -> None:
    """Send everything, started in order, `CONNECTIONS` at a time. Raises ReceiverAway."""
    waiting = iter(sent)

    async def one_connection() -> None:
        # One iterator for all: each connection takes the next delivery as soon as it is free.
        async with connection(base_url) as client:
            for delivery in waiting:
                told(delivery, await post(client, delivery))

    try:
        async with asyncio.TaskGroup() as connections:
            for _ in range(CONNECTIONS):
                connections.create_task(one_connection())
    except ExceptionGroup as group:
        # Not `except*`: before Python 3.11.4 it wraps again what is raised inside it.
        gone = group.subgroup(ReceiverAway)
        if gone is None:
            raise
        raise gone.exceptions[0] from None


async def post(client: httpx.AsyncClient, delivery: Delivery) -> httpx.Response:
    """One delivery, again after 503 and after broken connections, until there is a final answer.

    As every at-least-once sender: when the connection breaks it cannot know whether the receiver
    kept the event, and so sends it again.
    """
    for attempt in range(PATIENCE):
        try:
            answer = await client.post(
                delivery.path, content=delivery.body, headers=list(delivery.headers)
            )
        except httpx.TransportError:
            await asyncio.sleep(min(0.05 * 2**attempt, 1))
            continue
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return answer
        await asyncio.sleep(min(float(answer.headers.get("retry-after", 1)), 2))
    raise ReceiverAway(f"{delivery.path} was not taken in {PATIENCE} attempts")
