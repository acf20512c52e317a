"""The stream: the only file of the log that speaks NATS JetStream. Needs the extra `cluster`.

    publish   returns when a quorum of the servers has it on disk, each message once by its name
    read      what comes after a sequence, in order, from whichever server has it
    state     who leads, who follows, where the stream begins and ends
    end       where it ends, by a quorum and not by what one server believes

The stream is made once (`listener cluster create`), never by whoever happens to start first: one
that is gone must be noticed, not replaced by an empty one. It refuses what it has no room for
rather than dropping what is old, and nothing in it can be deleted. That a write is on disk before
it is acknowledged is the servers' setting: `sync_interval: always`; their default is two minutes.
"""

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from store.log.entries import Kept, encode
from store.log.jetstream_answers import (
    NOT_FOUND,
    Acknowledged,
    Info,
    Message,
    NoStream,
    Published,
    State,
    StreamUnavailable,
    must_be_worth_another,
    read_answer,
)
from store.log.place import Place
from store.log.protocol import LogError

REMEMBERED_SECONDS = 120.0
"""How long the stream knows a name again."""
CONNECT_SECONDS = 2
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.8
"""Between two attempts; doubled for each further one, so that a leader is not elected in a storm."""
READ_MESSAGES, READ_BYTES = 500, 4_194_304
READ_SECONDS = 5.0
PING_SECONDS = 2
"""A server that leaves two pings unanswered is taken for gone."""

_BROKEN = (NatsError, TimeoutError, OSError)
_NANOSECONDS = 1_000_000_000


class Stream:
    """A connection to the stream; `connect` first. On one event loop."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._client = Client()
        self._inbox = ""
        self._asked = 0
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._problem = "no answer in time"

    async def connect(self, seconds: float) -> None:
        """Raises StreamUnavailable when no server answers within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not self._client.is_connected:
                    await self._connect()
        except TimeoutError as error:
            await self.close()
            servers = ", ".join(self.place.servers)
            raise StreamUnavailable(f"None of {servers} answers: {self._problem}.") from error
        self._inbox = self._client.new_inbox()
        await _subscribe(self._client, f"{self._inbox}.*", self._answered)

    @property
    def largest(self) -> int:
        """Bytes of the largest payload that the servers take."""
        return self._client.max_payload

    @property
    def is_closed(self) -> bool:
        """Whether it was closed for good; a connection that broke is made anew by itself."""
        return self._client.is_closed

    async def publish(self, subject: str, payload: bytes, name: str) -> Published:
        """Return when a quorum has it. Tried again, by the same name, until the place's timeout.

        Raises StreamUnavailable; then it may be kept or not.
        """
        problem, attempts = "no answer", 0
        try:
            async with asyncio.timeout(self.place.timeout_seconds):
                while True:
                    attempts += 1
                    try:
                        told = await self._attempt(subject, payload, name)
                    except _BROKEN as error:
                        problem = _words(error)
                    else:
                        if told.error is None:
                            return Published(told.seq, told.duplicate, attempts)
                        must_be_worth_another(told.error)
                        problem = str(told.error)
                    await asyncio.sleep(min(PAUSE_SECONDS * 2**attempts, LONGEST_PAUSE_SECONDS))
        except TimeoutError:
            stream = self.place.stream
            raise StreamUnavailable(
                f"The stream {stream} did not acknowledge: {problem}."
            ) from None

    async def end(self) -> int:
        """The last sequence, by a quorum: of an entry with nothing in it, which this publishes.

        All that was acknowledged before lies in front of it. Raises as publish.
        """
        published = await self.publish("end", encode(Kept()), uuid.uuid4().hex)
        return published.sequence

    async def state(self) -> State:
        """As a leader tells it; one that was cut off may tell what was, until it knows.

        Raises NoStream, StreamUnavailable when nobody answers.
        """
        return (await self._ask(f"STREAM.INFO.{self.place.stream}")).as_state()

    async def create(self, metadata: Mapping[str, str]) -> None:
        """Make the stream. Raises LogError where it exists, StreamUnavailable."""
        try:
            await self.state()
        except NoStream:
            config = msgspec.json.encode(self._config(metadata))
            await self._ask(f"STREAM.CREATE.{self.place.stream}", config)
        else:
            raise LogError(f"There is a stream {self.place.stream} already.")

    async def read(self, after: int, most: int = READ_MESSAGES) -> list[Message]:
        """Messages with a sequence above `after`, in order; none when there are none yet.

        From a server that may be a little behind. Raises StreamUnavailable.
        """
        asked = msgspec.json.encode({"seq": after + 1, "batch": most, "max_bytes": READ_BYTES})
        inbox = self._client.new_inbox()
        try:
            telling = await _subscribe(self._client, inbox)
            try:
                subject = f"$JS.API.DIRECT.GET.{self.place.stream}"
                await self._client.publish(subject, asked, reply=inbox)
                found, status = await _told(telling)
            finally:
                await telling.unsubscribe()
        except _BROKEN as error:
            status, found = _words(error), []
        if status not in {_END, _NONE}:
            raise StreamUnavailable(f"The stream {self.place.stream} cannot be read: {status}.")
        return found

    async def close(self) -> None:
        """Never raises: a connection that breaks while it is closed is closed."""
        if not self._client.is_closed:
            with suppress(*_BROKEN):
                await self._client.close()

    async def _connect(self) -> None:
        place = self.place
        self._client = Client()
        try:
            await self._client.connect(
                list(place.servers),
                name="tmf621-listener",
                token=place.token,
                user_credentials=place.credentials,
                tls=place.tls,
                connect_timeout=CONNECT_SECONDS,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=2,
                # It finds another server by itself, but keeps nothing to be sent later: what was
                # not acknowledged is published again, by its name, or was told to be not kept.
                reconnect_time_wait=0,
                max_reconnect_attempts=-1,
                pending_size=0,
                error_cb=self._heard,
                disconnected_cb=self._disconnected,
            )
        except _BROKEN as error:
            self._problem = _words(error)
            await asyncio.sleep(PAUSE_SECONDS)

    def _config(self, metadata: Mapping[str, str]) -> dict[str, Any]:
        keep = self.place.keep_seconds
        remembered = min(REMEMBERED_SECONDS, keep) if keep else REMEMBERED_SECONDS
        return {
            "name": self.place.stream,
            "subjects": [f"{self.place.stream}.>"],
            "storage": "file",
            "num_replicas": self.place.replicas,
            "retention": "limits",
            "discard": "new",
            "max_age": int(keep * _NANOSECONDS),
            "duplicate_window": int(remembered * _NANOSECONDS),
            "deny_delete": True,
            "deny_purge": True,
            "allow_direct": True,
            "metadata": dict(metadata),
        }

    async def _attempt(self, subject: str, payload: bytes, name: str) -> Acknowledged:
        self._asked += 1
        token = str(self._asked)
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        try:
            await self._client.publish(
                f"{self.place.stream}.{subject}",
                payload,
                f"{self._inbox}.{token}",
                {"Nats-Msg-Id": name},
            )
            # A part of the patience: a message to a leader that just died is answered by nobody.
            async with asyncio.timeout(self.place.timeout_seconds / 3):
                told = await answer
        finally:
            del self._answers[token]
        if not told.data:
            raise ConnectionError("no leader")
        return read_answer(told.data, Acknowledged)

    async def _answered(self, told: Msg) -> None:
        answer = self._answers.get(told.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(told)

    async def _ask(self, subject: str, asked: bytes = b"") -> Info:
        try:
            told = await self._client.request(
                f"$JS.API.{subject}", asked, self.place.timeout_seconds
            )
        except _BROKEN as error:
            stream = self.place.stream
            raise StreamUnavailable(
                f"The stream {stream} does not answer: {_words(error)}."
            ) from error
        found = read_answer(told.data, Info)
        if found.error is None:
            return found
        if found.error.err_code == NOT_FOUND:
            raise NoStream(f"There is no stream {self.place.stream}.")
        raise StreamUnavailable(f"The stream {self.place.stream}: {found.error}.")

    async def _heard(self, error: Exception) -> None:
        self._problem = _words(error)

    async def _disconnected(self) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the connection broke"))


_END, _NONE = "204", "404"


async def _told(telling: Subscription) -> tuple[list[Message], str]:
    """What a server tells until it says, by a status, that this was all."""
    found: list[Message] = []
    while True:
        one = await telling.next_msg(timeout=READ_SECONDS)
        headers = one.headers or {}
        if "Status" in headers:
            return found, str(headers["Status"])
        found.append(Message(int(headers["Nats-Sequence"]), one.data))


async def _subscribe(client: Client, subject: str, heard: Any = None) -> Subscription:
    return await client.subscribe(subject, cb=heard)  # pyright: ignore[reportUnknownMemberType]  nats-py leaves its Future open


def _words(error: Exception) -> str:
    return str(error).removeprefix("nats: ") or type(error).__name__
