"""POST {prefix}/hub: standard TMF clients subscribe to us as they would to a provider (TMF630).

What they are then sent is receiver/consumers/delivery.py's. A subscription begins with the event
behind the log's last one; what was before is there to be pulled.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from receiver.consumers import callback as callbacks
from receiver.consumers import query as queries
from receiver.consumers.asked import parameters
from receiver.consumers.exchange import Visit
from receiver.consumers.reading import Reading
from receiver.consumers.rules import HubRules
from receiver.events import EventTypes
from receiver.rejections import InvalidRequest, NotFound, TooManySubscriptions
from store.consumers import subscriptions
from store.consumers.file import ConsumersFile
from store.consumers.subscriptions import Subscription
from store.times import utc_text


class Hub:
    """The subscriptions of whoever asks."""

    def __init__(
        self,
        rules: HubRules,
        types: EventTypes,
        reading: Reading,
        file: ConsumersFile,
        agreed: Mapping[str, Sequence[str]],
    ) -> None:
        self._rules = rules
        self._types = types
        self._reading = reading
        self._file = file
        self._agreed = agreed
        self._adding = asyncio.Lock()

    async def subscribe(self, visit: Visit, prefix: str) -> None:
        """Answer POST: 201 with the subscription and its Location; the same for the same again."""
        parameters(visit.query, ())
        document = visit.document()
        text, query = document.get("callback"), document.get("query")
        callback = callbacks.read(text)
        if query is not None and not isinstance(query, str):
            raise InvalidRequest("query", "text")
        queries.read(query, self._types)
        callbacks.check_agreed(callback, self._agreed.get(visit.owner, ()), visit.owner)
        try:
            await callbacks.address_of(
                callback.host, callback.port, private=self._rules.private_addresses
            )
        except callbacks.Unreachable as error:
            raise InvalidRequest("callback", f"one that can be reached: {error}") from None
        found = await self._added(visit.owner, str(text), query)
        location = ("Location", f"{prefix}/hub/{found.id}")
        await visit.answer(201, _written(found, prefix), headers=(location,))

    async def one(self, visit: Visit, prefix: str, number: str) -> None:
        """Answer GET; 404 for one that is another source's."""
        parameters(visit.query, ())
        found = await self._reading.ask(lambda: subscriptions.of(self._file, visit.owner, number))
        if found is None:
            raise NotFound
        await visit.answer(200, _written(found, prefix))

    async def end(self, visit: Visit, number: str) -> None:
        """Answer DELETE: 204; nothing is delivered any more within a second or two."""
        parameters(visit.query, ())
        if not await self._reading.ask(lambda: subscriptions.end(self._file, visit.owner, number)):
            raise NotFound
        await visit.answer_empty()

    async def _added(self, owner: str, callback: str, query: str | None) -> Subscription:
        head = await self._reading.head()
        now = utc_text(datetime.now(UTC))

        def add() -> Subscription | None:
            own = [one for one in subscriptions.every(self._file) if one.owner == owner]
            same = [one for one in own if (one.callback, one.query) == (callback, query)]
            if not same and len(own) >= self._rules.subscriptions:
                return None
            return subscriptions.add(self._file, owner, callback, query, position=head, now=now)[0]

        async with self._adding:
            found = await self._reading.ask(add)
        if found is None:
            raise TooManySubscriptions(f"At most {self._rules.subscriptions}.")
        return found


def _written(found: Subscription, prefix: str) -> bytes:
    """TMF621's Hub; and, as its extension, how the deliveries go."""
    told: dict[str, Any] = {
        "@type": "Hub",
        "id": found.id,
        "href": f"{prefix}/hub/{found.id}",
        "callback": found.callback,
        "query": found.query or "",
        "delivery": {
            "position": found.position,
            "delivered": found.delivered,
            "failingSince": found.failing_since,
            "failures": found.failures,
            "error": found.error,
        },
    }
    return json.dumps(told).encode()
