"""The provider's server, running beside a test or the demo: one line to have it.

    with running_provider(seed=7, tickets=60) as provider:
        httpx.get(f"{provider.base_url}/troubleTicket")
        provider.advance(minutes=10)
        provider.habits = replace(provider.habits, lose=0.1)
        provider.forget_hubs()
        provider.tickets()["TT-104211"]

It lives in a thread and an event loop of its own. Every method here waits until it is done there;
in a coroutine, `await asyncio.to_thread(provider.advance, minutes=10)`.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import uvicorn

from tests.provider.habits import Habits
from tests.provider.known import Resource
from tests.provider.provider import Provider
from tests.provider.server import TOKEN_PATH, create_app
from tests.provider.telling import Told

HOST = "127.0.0.1"
BACKLOG = 128


class Running:
    """A provider and its server. `stop` and `start` take its port away and give it back."""

    def __init__(self, provider: Provider, port: int = 0, **uvicorn_options: Any) -> None:
        """Raises OSError where the port is taken."""
        self._port = port
        listening = self._bound()
        self._provider = provider
        self._options = uvicorn_options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: uvicorn.Server | None = None
        self._serving: Future[None] | None = None
        self._going: Future[None] | None = None
        self._serve(listening)

    @property
    def url(self) -> str:
        scheme = "https" if self._options.get("ssl_certfile") else "http"
        return f"{scheme}://{HOST}:{self._port}"

    @property
    def base_url(self) -> str:
        """Where its API begins, without a slash at the end."""
        return self.url + self._provider.dialect.prefix

    @property
    def token_url(self) -> str:
        return self.url + TOKEN_PATH

    @property
    def now(self) -> datetime:
        return self._ask(lambda: self._provider.now)

    @property
    def habits(self) -> Habits:
        return self._ask(lambda: self._provider.habits)

    @habits.setter
    def habits(self, habits: Habits) -> None:
        self._ask(lambda: setattr(self._provider, "habits", habits))

    def advance(self, *, minutes: float = 0, seconds: float = 0) -> None:
        """Let its time pass; everything that happens is told, or given up, when this returns."""
        self._wait(lambda: self._provider.advance(minutes=minutes, seconds=seconds))

    def go_on(self, speed: float = 1.0, now: datetime | None = None) -> None:
        """Live on by itself until it is closed; from `now` on, where that is later than its clock."""
        self._going = self._begin(lambda: self._provider.go_on(speed, now))

    def forget_hubs(self) -> None:
        self._ask(self._provider.forget_hubs)

    def revoke_tokens(self) -> None:
        self._ask(self._provider.guard.revoke)

    def hubs(self) -> list[str]:
        """The ids of its subscriptions, oldest first."""
        return self._ask(lambda: list(self._provider.hubs))

    def tickets(self) -> dict[str, Resource]:
        """Every ticket as a GET answers it, by id."""
        return self.resources("troubleTicket")

    def resources(self, kind: str) -> dict[str, Resource]:
        """Everything of a kind (troubleTicketSpecification, cancelTroubleTicket, …), by id."""
        return self._ask(lambda: self._provider.resources(kind))

    def told(self) -> list[Told]:
        """What became of each notification, in the order of their ends."""
        return self._ask(lambda: list(self._provider.told))

    def asked(self) -> list[str]:
        """Every request, as `GET /troubleTicket?limit=5 200`."""
        return self._ask(lambda: list(self._provider.asked))

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._serve(self._bound())

    def _bound(self) -> socket.socket:
        # With its protocol: asyncio sends small answers at once only where that is TCP.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((HOST, self._port))
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
        self._port = listening.getsockname()[1]
        return listening

    def _serve(self, listening: socket.socket) -> None:
        config = uvicorn.Config(
            create_app(self._provider),
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
            **self._options,
        )
        server = self._server = uvicorn.Server(config)
        self._serving = self._begin(lambda: server.serve([listening]))

    def stop(self) -> None:
        """Connections are refused from now on; its tickets live on when time passes."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            self._serving.result()
            self._server = self._serving = None

    def close(self) -> None:
        """End everything."""
        if self._going is not None:
            self._going.cancel()
        self.stop()
        self._wait(self._provider.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _begin(self, begin: Callable[[], Awaitable[Any]]) -> Future[Any]:
        async def run() -> Any:
            with suppress(asyncio.CancelledError):
                return await begin()

        return asyncio.run_coroutine_threadsafe(run(), self._loop)

    def _wait(self, begin: Callable[[], Awaitable[Any]]) -> Any:
        return self._begin(begin).result()

    def _ask(self, ask: Callable[[], Any]) -> Any:
        async def answer() -> Any:
            return ask()

        return self._wait(answer)


@contextmanager
def running_provider(
    *args: Any, port: int = 0, uvicorn_options: dict[str, Any] | None = None, **options: Any
) -> Iterator[Running]:
    """A provider (tests/provider/provider.py has its options) whose server runs on loopback."""
    running = Running(Provider(*args, **options), port, **(uvicorn_options or {}))
    try:
        yield running
    finally:
        running.close()
