"""NATS JetStream: an event is published on `<subject>.<source>.<event type>`, and acknowledged by the
stream that keeps it. Needs the extra `nats`.

`Nats-Msg-Id` is the event's key: within its window (two minutes unless told otherwise) the stream
drops what it has already. The stream is yours: we make none. A connection that breaks is made anew
with the next attempt, never behind its back, so nothing is sent later than we know.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

from store.events import RecordedEvent
from store.replay.targets.protocol import Failed, Rejected, Unavailable, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the server is, and how we prove who we are."""

    url: str
    subject: str
    token: str | None = field(default=None, repr=False)
    credentials: str | None = None
    """A file as `nsc` makes it."""
    tls: ssl.SSLContext | None = None
    timeout_seconds: float = 30.0


class Nats:
    """An Endpoint on JetStream."""

    def __init__(self, connection: Connection) -> None:
        self._told = connection
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def deliver(self, event: RecordedEvent) -> None:
        seconds = self._told.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                client = await self._connected()
                await JetStreamContext(client).publish(
                    subject_of(self._told.subject, event),
                    event.body,
                    timeout=seconds,
                    headers=dict(_headers(event)),
                )
        except NoStreamResponseError as error:
            raise Unavailable(f"no stream keeps {self._told.subject}.>") from error
        except MaxPayloadError as error:
            raise Rejected("larger than the server takes") from error
        except ServiceUnavailableError as error:
            raise Unavailable(f"the stream is not available ({error.err_code})") from error
        except APIError as error:
            raise Failed(f"the stream answered {error.code} ({error.err_code})") from error
        except TimeoutError as error:
            raise Unavailable(f"no answer in {seconds:g} s") from error
        except (Error, OSError) as error:
            raise Unavailable(f"no connection: {type(error).__name__}") from error

    async def close(self) -> None:
        if self._client is not None and not self._client.is_closed:
            await self._client.close()

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.close()
                told = self._told
                self._client = Client()
                await self._client.connect(
                    told.url,
                    name="tmf621-listener",
                    token=told.token,
                    user_credentials=told.credentials,
                    tls=told.tls,
                    allow_reconnect=False,
                    error_cb=_heard,
                )
            return self._client


def subject_of(prefix: str, event: RecordedEvent) -> str:
    """Each token without what NATS gives a meaning: dots part, * and > match, spaces end."""
    tokens = (event.source, event.event_type)
    clean = ("".join(one if one.isalnum() or one in "-_" else "_" for one in token) for token in tokens)  # fmt: skip
    return ".".join((prefix, *clean))


def _headers(event: RecordedEvent) -> Mapping[str, str]:
    return {"Nats-Msg-Id": key_of(event), "Event-Position": str(event.position)}


async def _heard(_error: Exception) -> None:
    """What goes wrong comes up in `deliver`; the library would print it as well."""
