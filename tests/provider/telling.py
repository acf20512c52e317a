"""Telling subscribers: a POST, again and again as the habit is, then it is gone."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tests.provider.envelope import Delivery
from tests.provider.habits import Habits
from tests.provider.hub import Hub


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one notification."""

    hub: str
    about: str
    event_type: str
    note: str
    outcome: str
    """taken, refused, given up, or lost (never sent)."""
    status: int | None
    """Of the last answer; None where there was none."""
    attempts: int
    body: bytes
    again: bool = False
    """The subscriber said that it had it already."""


class Teller:
    """Sends to every subscriber over a connection of its own."""

    def __init__(
        self,
        habits: Callable[[], Habits],
        told: Callable[[Told], None],
        headers: tuple[tuple[str, str], ...] = (),
        verify: bool | ssl.SSLContext = True,
    ) -> None:
        self._habits = habits
        self._told = told
        self._headers = headers
        self._verify = verify
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._again: set[asyncio.Task[None]] = set()

    async def tell(self, hub: Hub, delivery: Delivery) -> None:
        """The first attempt; further ones go on beside what is told next (`settled`)."""
        answer = await self._attempt(hub, delivery)
        if _is_final(answer) or not self._habits().pauses:
            self._note(hub, delivery, answer, 1)
        else:
            task = asyncio.create_task(self._insist(hub, delivery))
            self._again.add(task)
            task.add_done_callback(self._again.discard)

    async def settled(self) -> None:
        """Wait until every further attempt has ended."""
        while self._again:
            await asyncio.gather(*self._again)

    async def close(self) -> None:
        for task in self._again:
            task.cancel()
        await asyncio.gather(*self._again, return_exceptions=True)
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _insist(self, hub: Hub, delivery: Delivery) -> None:
        habits = self._habits()
        answer, attempts = None, 1
        for pause in habits.pauses:
            await asyncio.sleep(pause * habits.pace)
            answer = await self._attempt(hub, delivery)
            attempts += 1
            if _is_final(answer):
                break
        self._note(hub, delivery, answer, attempts)

    async def _attempt(self, hub: Hub, delivery: Delivery) -> httpx.Response | None:
        habits = self._habits()
        name = "" if habits.bare_callback else f"/listener/{delivery.path.rsplit('/', 1)[-1]}"
        shown = [("authorization", hub.authorization)] if hub.authorization else []
        try:
            return await self._client(hub).post(
                f"{hub.callback}{name}",
                content=delivery.body,
                headers=[*delivery.headers, *self._headers, *shown],
                timeout=habits.patience_seconds,
            )
        except httpx.TransportError:
            return None

    def _client(self, hub: Hub) -> httpx.AsyncClient:
        if hub.id not in self._clients:
            self._clients[hub.id] = httpx.AsyncClient(trust_env=False, verify=self._verify)
        return self._clients[hub.id]

    def _note(self, hub: Hub, one: Delivery, answer: httpx.Response | None, attempts: int) -> None:
        taken = answer is not None and answer.is_success
        outcome = "taken" if taken else "refused" if _is_final(answer) else "given up"
        status = None if answer is None else answer.status_code
        again = answer is not None and "x-event-duplicate" in answer.headers
        told = (one.about, one.event_type, one.note, outcome, status, attempts, one.body, again)
        self._told(Told(hub.id, *told))


def _is_final(answer: httpx.Response | None) -> bool:
    """No answer, 429 and 5xx are worth another attempt; every other answer is the last one."""
    return answer is not None and not (
        answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    )
