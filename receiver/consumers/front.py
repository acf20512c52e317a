"""The consumers' front: which path is served by what, and everything that one receiver keeps for it."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from receiver.consumers.checkpoints import Checkpoints
from receiver.consumers.described import paths
from receiver.consumers.exchange import READING, ReadingGate, Visit
from receiver.consumers.hub import Hub
from receiver.consumers.pull import Pull
from receiver.consumers.reading import Reading
from receiver.consumers.rules import HubRules, PullRules
from receiver.consumers.start import Starts
from receiver.consumers.stream import Stream
from receiver.consumers.watch import Watch
from receiver.events import EVENT_TYPES, EventTypes
from receiver.exchange import Exchange
from receiver.gate import Identify
from receiver.mirror.front import Mirror
from receiver.rejections import MethodNotAllowed
from receiver.relay.front import Relay
from store.consumers import subscriptions
from store.consumers.file import ConsumersFile

Serve = Callable[[Visit], Awaitable[None]]
Methods = Mapping[str, Serve]

EVENTS = "/events"
CHECKPOINTS = f"{EVENTS}/checkpoints"


class ConsumersFront:
    """Serves our own consumers out of one data directory. Close it after the app."""

    def __init__(
        self,
        directory: Path,
        *,
        identify: Identify,
        sources: Collection[str],
        rules: PullRules | None = None,
        hub: HubRules | None = None,
        callbacks: Mapping[str, Sequence[str]] | None = None,
        prefixes: Sequence[str] = ("",),
        types: EventTypes | None = None,
        mirror: Mirror | None = None,
        relay: Relay | None = None,
    ) -> None:
        self._rules = rules or PullRules()
        types = types or EventTypes(EVENT_TYPES)
        self._gate = ReadingGate(identify, frozenset(sources))
        self._reading = Reading(directory, self._rules.readers)
        self.watch = Watch(self._reading.head, self._rules.streams)
        file = self._file = ConsumersFile(directory)
        self.subscribed = self.failing = 0
        """Subscriptions, and those whose callback does not take what it is sent, at the last look."""
        starts = Starts(self._reading, file)
        self._checkpoints = Checkpoints(file, starts)
        self._pull = Pull(self._rules, types, starts, self.watch)
        self._hub = Hub(hub or HubRules(), types, self._reading, file, callbacks or {})
        self._hubs = {f"{prefix.rstrip('/')}/hub": prefix.rstrip("/") for prefix in prefixes}
        self._mirror = mirror
        self.relay = relay
        stream = Stream(self._rules, types, starts, self.watch)
        self._fixed: dict[str, Methods] = {
            EVENTS: {"GET": self._pull.page},
            f"{EVENTS}/stream": {"GET": stream.follow},
            CHECKPOINTS: {"GET": self._checkpoints.every},
        }

    def served(self, path: str) -> Methods | None:
        """What the methods of a path do; None for one that is not the consumers'."""
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed
        prefix = self._hubs.get(path)
        if prefix is not None:
            return {"POST": lambda visit: self._hub.subscribe(visit, prefix)}
        above, _, last = path.rpartition("/")
        within = self._hubs.get(above)
        if within is not None:
            return {
                "GET": lambda visit: self._hub.one(visit, within, last),
                "DELETE": lambda visit: self._hub.end(visit, last),
            }
        if above == EVENTS:
            return {"GET": lambda visit: self._pull.event(visit, last)}
        if above == CHECKPOINTS:
            return {
                "GET": lambda visit: self._checkpoints.one(visit, last),
                "PUT": lambda visit: self._checkpoints.acknowledge(visit, last),
                "DELETE": lambda visit: self._checkpoints.forget(visit, last),
            }
        # One path may be read here and asked for at the provider.
        read = self._mirror.served(path) if self._mirror else None
        asked = self.relay.served(path) if self.relay else None
        return {**(read or {}), **(asked or {})} or None

    async def serve(
        self, methods: Methods, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> None:
        """Answer one request. Raises Rejection, LogError and SenderGone; nothing was sent then."""
        path, method = scope["path"], scope["method"]
        serve = methods.get(method)
        if serve is None:
            raise MethodNotAllowed(", ".join(methods))
        is_asked = self.relay is not None and method in (self.relay.served(path) or {})
        entrance = self.relay.entrance if self.relay and is_asked else READING
        await serve(await self._gate.enter(scope, receive, send, exchange, entrance))

    async def look(self) -> None:
        """Count anew. Raises LogError."""
        found = await self._reading.ask(lambda: subscriptions.every(self._file))
        self.subscribed = len(found)
        self.failing = sum(one.failing_since is not None for one in found)

    def described(self) -> dict[str, Any]:
        """Its paths, the mirror's and the relay's, for /openapi.json."""
        found = paths(self._rules) | (self._mirror.described() if self._mirror else {})
        for path, operations in (self.relay.described() if self.relay else {}).items():
            found[path] = found.get(path, {}) | operations
        return found

    def close(self) -> None:
        """Wait for what is being read."""
        self._reading.close()
        if self._mirror:
            self._mirror.close()
