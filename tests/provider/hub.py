"""A subscription: who is told what, in which order, and what gets lost on the way (POST /hub)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from tests.provider.dialects import Dialect
from tests.provider.envelope import Delivery, Notification, to_bytes, wrap
from tests.provider.habits import Habits
from tests.provider.known import kind_of
from tests.provider.mischief import posts
from tests.provider.queries import fields_of, narrowed
from tests.provider.ticket import Fact

SOON = timedelta(seconds=5)


class UnreadableQuery(Exception):
    """The query of a subscription cannot be read; 400."""


@dataclass(slots=True)
class Hub:
    """One subscription. `waiting` is what is to be sent now, `held` what is to be sent later."""

    id: str
    callback: str
    query: str
    types: frozenset[str] | None
    """The event types asked for, in lower case; None is all."""
    fields: tuple[str, ...] | None
    seed: str
    authorization: str | None = None
    """How the subscriber wants to be shown who comes; never told again."""
    waiting: list[Delivery] = field(default_factory=list)
    held: list[Delivery] = field(default_factory=list)
    passed_by: list[Delivery] = field(default_factory=list)
    """To be sent behind the next one."""

    def wants(self, event_type: str) -> bool:
        return self.types is None or event_type.lower() in self.types

    def take(
        self, number: int, fact: Fact, now: datetime, habits: Habits, dialect: Dialect
    ) -> list[Delivery]:
        """Make ready what this fact, the provider's `number`th, is told with; what is lost of it."""
        chance = Random(f"{self.seed}/{number}")
        identity = chance if habits.fresh_ids else Random(f"{number}")
        notification = self._narrowed(dialect.enveloped(wrap(fact, identity)), habits)
        ready = list(self._on_the_way(notification, chance, habits))
        if chance.random() < habits.lose:
            return ready
        later = now + SOON if habits.mischief else now
        if chance.random() < habits.delay:
            until = now + timedelta(seconds=habits.delay_seconds)
            self.held += [replace(one, at=until, note=one.note or "late") for one in ready]
        elif chance.random() < habits.reorder:
            self.passed_by += [replace(one, note=one.note or "reordered") for one in ready]
        else:
            self.held += [one for one in ready if habits.mischief and one.at > later]
            self.waiting += [one for one in ready if not habits.mischief or one.at <= later]
            self.waiting += self.passed_by
            self.passed_by = []
        return []

    def release(self) -> None:
        """Nothing more follows for now: what was to be passed by is next."""
        self.waiting += self.passed_by
        self.passed_by = []

    def due(self, now: datetime) -> list[Delivery]:
        """Everything that is to be sent by now, in order; it is taken out."""
        ready = [*self.waiting, *(one for one in self.held if one.at <= now)]
        self.waiting, self.held = [], [one for one in self.held if one.at > now]
        return ready

    def _narrowed(self, notification: Notification, habits: Habits) -> Notification:
        """The resource as thin as it was asked for, or as this provider tells it."""
        fields = () if habits.thin else self.fields
        if fields is None:
            return notification
        kind = kind_of(notification.fact.event_type)
        event = notification.body["event"]
        part = event | {kind: narrowed(event[kind], fields)}
        return replace(notification, body=notification.body | {"event": part})

    def _on_the_way(
        self, notification: Notification, chance: Random, habits: Habits
    ) -> Iterator[Delivery]:
        told = list(posts(notification, chance)) if habits.mischief else [to_bytes(notification)]
        yield from sorted(told, key=lambda one: one.at)
        if chance.random() < habits.duplicate:
            yield replace(told[0], note="duplicate")


def subscribed(number: str, told: Mapping[str, Any], seed: str) -> Hub:
    """Read what was posted. A wrong event name registers, and is told nothing.

    Raises UnreadableQuery.
    """
    callback, query = told.get("callback"), told.get("query") or ""
    if not isinstance(callback, str) or not callback.startswith(("http://", "https://")):
        raise UnreadableQuery("callback must be an address.")
    if not isinstance(query, str):
        raise UnreadableQuery("query must be text.")
    types: set[str] = set()
    fields: tuple[str, ...] | None = None
    for name, value in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
        if name == "eventType":
            types.update(one.strip().lower() for one in value.split(","))
        elif name == "fields":
            fields = fields_of(value)
        else:
            raise UnreadableQuery(f"query: {name} is not known; eventType and fields are.")
    authorization = told.get("authorization")
    if not isinstance(authorization, str | None):
        raise UnreadableQuery("authorization must be text.")
    return Hub(
        number,
        callback.rstrip("/"),
        query,
        frozenset(types) or None,
        fields,
        f"{seed}/{number}",
        authorization,
    )
