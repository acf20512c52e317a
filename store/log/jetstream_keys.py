"""The bucket: a few small values that nodes share, beside the stream, by NATS JetStream's keys.

    put    what a node tells about itself
    swap   only where nobody else has written meanwhile; the number that comes back always grows

Nothing in it is worth a backup: who finds no bucket makes one. Its name is the stream's, with
`-nodes` behind it.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig
from nats.js.errors import (
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoKeysError,
)

from store.log.jetstream_answers import StreamUnavailable
from store.log.place import Place

CONNECT_SECONDS = 2

_BROKEN = (NatsError, TimeoutError, OSError)

Answer = TypeVar("Answer")


class Value(NamedTuple):
    """What is kept under a key."""

    payload: bytes
    number: int
    """Greater than that of every value before."""


class Keys:
    """A connection to the bucket; `connect` first. On one event loop."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._client = Client()
        self._bucket: Any = None

    async def connect(self, seconds: float) -> None:
        """Raises StreamUnavailable when no server answers within so many seconds."""
        await self._patiently(self._connect(), seconds)

    async def close(self) -> None:
        """Never raises."""
        if not self._client.is_closed:
            with suppress(*_BROKEN):
                await self._client.close()

    async def get(self, key: str) -> Value | None:
        """What is there; a server that is a little behind may tell what was. Raises StreamUnavailable."""

        async def ask() -> Value | None:
            try:
                found = await self._bucket.get(key)
            except KeyNotFoundError:
                return None
            return Value(found.value or b"", found.revision)

        return await self._patiently(ask())

    async def put(self, key: str, payload: bytes) -> None:
        """Raises StreamUnavailable."""
        await self._patiently(self._bucket.put(key, payload))

    async def swap(self, key: str, payload: bytes, number: int) -> int | None:
        """Put it where the value still has this number (0: where there is none); its own number.

        None: somebody else was there first. Raises StreamUnavailable; then it may be kept or not.
        """

        async def ask() -> int | None:
            try:
                return int(await self._bucket.update(key, payload, last=number))
            except KeyWrongLastSequenceError:
                return None

        return await self._patiently(ask())

    async def every(self) -> dict[str, Value]:
        """All values by their keys. Raises StreamUnavailable."""

        async def ask() -> list[str]:
            try:
                return list(await self._bucket.keys())
            except NoKeysError:
                return []

        found = {key: await self.get(key) for key in sorted(await self._patiently(ask()))}
        return {key: value for key, value in found.items() if value is not None}

    async def _connect(self) -> None:
        place = self.place
        await self._client.connect(
            list(place.servers),
            name="tmf621-listener nodes",
            token=place.token,
            user_credentials=place.credentials,
            tls=place.tls,
            connect_timeout=CONNECT_SECONDS,
            ping_interval=CONNECT_SECONDS,
            max_outstanding_pings=2,
            reconnect_time_wait=0.1,  # pyright: ignore[reportArgumentType]  it sleeps so long, whatever number it is
            max_reconnect_attempts=-1,
            pending_size=0,
            error_cb=_unheard,
        )
        stream: Any = self._client.jetstream(timeout=place.timeout_seconds)  # pyright: ignore[reportUnknownMemberType]  nats-py leaves its options open
        name = f"{place.stream}-nodes"
        try:
            self._bucket = await stream.key_value(name)
        except BucketNotFoundError:
            told = KeyValueConfig(bucket=name, history=1, replicas=place.replicas, direct=False)
            self._bucket = await stream.create_key_value(told)

    async def _patiently(
        self, asked: Coroutine[Any, Any, Answer], seconds: float | None = None
    ) -> Answer:
        try:
            async with asyncio.timeout(seconds or self.place.timeout_seconds):
                return await asked
        except _BROKEN as error:
            said = str(error).removeprefix("nats: ") or type(error).__name__
            raise StreamUnavailable(f"The nodes' bucket does not answer: {said}.") from error


async def _unheard(_error: Exception) -> None:
    """Whoever asks hears it."""
