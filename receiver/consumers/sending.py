"""Sending: one event to one callback, as the provider sent it, until it is answered with a success.

POST {callback}/listener/{event}, the very bytes. Beside them goes what the provider's request said
to correlate them, and where the event stands in our log.
"""

import asyncio
from collections.abc import Callable

import httpx
import stamina

from receiver.consumers.callback import PORTS, Callback, Unreachable, address_of
from receiver.consumers.rules import HubRules
from receiver.events import EventTypes
from store import RecordedEvent

PASSED_ON = frozenset(
    {"content-type", "correlation-id", "x-correlation-id", "request-id", "x-request-id"}
    | {"traceparent", "tracestate"}
)
FIRST_PAUSE_SECONDS = 0.5
MOST_ANSWER_BYTES = 65_536
LONGEST_ASKED_SECONDS = 600.0
"""Of a Retry-After; who asks for more is tried again all the same."""


class Undelivered(Exception):
    """An event was not answered with a success. The text says why, without payload or address."""

    retry_after: float | None = None


class Sender:
    """Delivers to one callback. Close it."""

    def __init__(self, callback: Callback, rules: HubRules, types: EventTypes) -> None:
        self._callback = callback
        self._rules = rules
        self._types = types
        self._slots = asyncio.Semaphore(rules.at_once)
        self._client = httpx.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=rules.timeout_seconds
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def send(self, event: RecordedEvent, failed: Callable[[str], None]) -> None:
        """Return when it was answered with a success, however long that takes; `failed` hears why
        an attempt was not.
        """

        def again(error: Exception) -> bool | float:
            if not isinstance(error, Undelivered):
                return False
            failed(str(error))
            asked = error.retry_after
            return True if asked is None else min(asked, LONGEST_ASKED_SECONDS)

        async for attempt in stamina.retry_context(
            on=again,
            attempts=None,
            timeout=None,
            wait_initial=FIRST_PAUSE_SECONDS,
            wait_max=self._rules.longest_pause_seconds,
            wait_jitter=FIRST_PAUSE_SECONDS,
        ):
            with attempt:
                await self._attempt(event)

    async def _attempt(self, event: RecordedEvent) -> None:
        # Pauses between attempts hold no slot: tickets in trouble do not keep the others waiting.
        async with self._slots:
            await self._post(event)

    async def _post(self, event: RecordedEvent) -> None:
        try:
            async with asyncio.timeout(self._rules.timeout_seconds):
                request = await self._request(event)
                response = await self._client.send(request, stream=True)
                try:
                    await _read_some(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Undelivered("no answer in time") from None
        except Unreachable as error:
            raise Undelivered(str(error)) from None
        except httpx.HTTPError as error:
            raise Undelivered(f"no answer ({type(error).__name__})") from None
        if not response.is_success:
            refused = Undelivered(f"answered {response.status_code}")
            refused.retry_after = _seconds(response.headers.get("retry-after", ""))
            raise refused

    async def _request(self, event: RecordedEvent) -> httpx.Request:
        to = self._callback
        address = await address_of(to.host, to.port, private=self._rules.private_addresses)
        literal = f"[{address}]" if ":" in address else address
        line = self._types.by_name.get(event.event_type)
        path = line.path if line else event.event_type[0].lower() + event.event_type[1:]
        host = f"[{to.host}]" if ":" in to.host else to.host
        if to.port != PORTS[to.scheme]:
            host = f"{host}:{to.port}"
        headers = {"content-type": "application/json"}
        headers |= {name: value for name, value in event.headers if name in PASSED_ON}
        headers |= {"host": host, "x-event-position": str(event.position)}
        return self._client.build_request(
            "POST",
            f"{to.scheme}://{literal}:{to.port}{to.path}/listener/{path}",
            content=event.body,
            headers=[
                (name.encode(), value.encode("latin-1", "replace"))
                for name, value in headers.items()
            ],
            # The certificate must be that of the name, though the address is connected to.
            extensions={"sni_hostname": to.host},
        )


async def _read_some(response: httpx.Response) -> None:
    """Read the answer, so that the connection can be used again; not for ever."""
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > MOST_ANSWER_BYTES:
            return


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
