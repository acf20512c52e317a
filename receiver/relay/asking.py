"""Asking: written down → sent → answer kept → in the log → answered.

Nothing is sent before asked.db says that it will be, and what was answered is on disk before anybody
is told. A key stands for one request: while it is under way its repetition is refused, afterwards it
is answered from what was kept, and the provider hears of it once. Where a crash or a silence came in
between, nobody knows whether it was done; that is said, and recorded, and never glossed over.
"""

import asyncio
import hashlib
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote, urljoin

from receiver.provider.client import Answer, ProviderAway
from receiver.rejections import (
    BeingAsked,
    KeyTaken,
    NoProvider,
    OutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnreached,
    TooManyAsked,
)
from receiver.relay.kinds import Kind
from receiver.relay.recording import FIT, answer_in, event_of, reads_as_json
from store import LogError, NewEvent
from store.asked.ledger import UNKNOWN, AskedLedger, Entry, Given, Headers, Question
from store.dialects import Dialect, resource_spoken
from store.payload import Json, ticket_id_of
from store.times import utc_text

KEY = "Idempotency-Key"
PASSED_ON = ("content-type", "location", "retry-after")
"""Headers of the provider's answer that are told."""
NOT_NOW = frozenset({408, 425, 429, 503})
"""The provider did nothing and may do it later: the key is as good as new."""
UNAUTHORIZED, REDIRECTED = 401, 3
MOST_KEPT_BYTES = 8_388_608
"""Of an answer. A larger one is passed on, and kept without its body."""

_log = logging.getLogger(__name__)


class Client(Protocol):
    """What is needed of a provider's client (receiver/provider/client.py)."""

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        idempotent: bool = False,
    ) -> Answer:
        """Raises ProviderAway."""
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """Whom a source's requests go to."""

    client: Client
    knows_keys: bool = False
    """Whether the same Idempotency-Key twice is done once there: then what is unknown is asked again."""
    at_once: int = 8
    dialect: Dialect = field(default_factory=Dialect)
    """Where it is asked for what, and in which words."""

    def path(self, wish: "Wish") -> str | None:
        """Where it is asked for that; None: its dialect has no such request."""
        ticket = ticket_id_of(wish.kind.resource_type, wish.document)
        told = self.dialect.provider
        return told.path(wish.kind.member) or told.path(wish.kind.member, ticket)

    def spoken(self, wish: "Wish") -> bytes:
        """What it is sent: the very bytes that came, where its words are ours."""
        speech = self.dialect.speech
        told = wish.document if speech is None else resource_spoken(wish.document, speech)
        return wish.body if told == wish.document else json.dumps(told, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something to ask for, checked."""

    owner: str
    key: str
    """What its owner calls it; empty: it is never repeated."""
    kind: Kind
    source: str
    document: Json
    body: bytes
    fields: str = ""
    """Which members of the answer are wanted (TMF630)."""
    request_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider answered, now or when it was asked."""

    status: int
    headers: Headers
    body: bytes
    position: int | None
    """Of the event; None while the log cannot be written: it is recorded later."""
    again: bool = False
    """Whether it was kept from before."""


@dataclass(frozen=True, slots=True)
class Log:
    """The way into the log, and back."""

    append: Callable[[NewEvent], Awaitable[int]]
    """The event's position, once it is on disk. Raises LogError."""
    body: Callable[[int], Awaitable[bytes]]
    """Of the event at this position; empty where it was erased. Raises LogError."""


class Asking:
    """Asks the providers of one data directory, from one event loop."""

    def __init__(
        self,
        ledger: AskedLedger,
        providers: Mapping[str, Provider],
        log: Log,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.providers = providers
        self._ledger = ledger
        self._log = log
        self._clock = clock
        self._under_way: dict[str, int] = dict.fromkeys(providers, 0)

    async def ask(self, wish: Wish) -> Told:
        """Ask once for what is wished, or tell what was answered before.

        Raises NoProvider, KeyTaken, BeingAsked, TooManyAsked, ProviderUnreached, ProviderRefusedUs,
        OutcomeUnknown; LogError before anything was sent.
        """
        provider = self.providers[wish.source]
        if provider.path(wish) is None:
            raise NoProvider(f"{provider.dialect.name} has no request for {wish.kind.path}.")
        if self._under_way[wish.source] >= provider.at_once:
            raise TooManyAsked
        self._under_way[wish.source] += 1
        try:
            # Of its own: who wished may be gone before the provider has answered.
            return await asyncio.shield(asyncio.ensure_future(self._asked(wish, provider)))
        finally:
            self._under_way[wish.source] -= 1

    async def settle(self) -> int:
        """Record what a crash, or a log that could not be written, left open; how many. Raises LogError."""
        found = await asyncio.to_thread(self._ledger.unrecorded)
        for entry in found:
            await self._recorded(entry)
        return len(found)

    async def _asked(self, wish: Wish, provider: Provider) -> Told:
        question = self._question(wish, provider)
        begun = await asyncio.to_thread(self._ledger.begin, question, again=provider.knows_keys)
        if isinstance(begun, Entry):
            return await self._known(begun, question)
        try:
            return await self._sent(begun.entry, wish, provider)
        finally:
            # Its row says by now what became of it; if it could not be written: unknown.
            await asyncio.to_thread(self._ledger.release, begun)

    async def _known(self, entry: Entry, question: Question) -> Told:
        if entry.question.digest != question.digest:
            raise KeyTaken(f"{KEY}: expected one that was not used at {entry.question.asked_at}")
        if entry.in_flight:
            raise BeingAsked
        position = entry.position
        if position is None:
            position = await self._recorded_if_possible(entry)
        if entry.state == UNKNOWN or entry.given is None:
            raise _unknown(entry.question.asked_at)
        given = entry.given
        if entry.position is not None:
            event = await self._log.body(entry.position)
            given = given._replace(body=answer_in(event, entry))
        return _told(given, position, again=True)

    async def _sent(self, entry: Entry, wish: Wish, provider: Provider) -> Told:
        try:
            answer = await self._answer(entry, wish, provider)
        except ProviderAway as away:
            if not away.may_have_arrived:
                await asyncio.to_thread(self._ledger.withdraw, entry.number)
                raise ProviderUnreached(f"{away}.") from None
            await asyncio.to_thread(self._ledger.unknown, entry.number)
            await self._recorded_if_possible(entry)
            raise _unknown(entry.question.asked_at, f" ({away})") from None
        given = self._given(answer)
        refused_us = answer.status == UNAUTHORIZED or answer.status // 100 == REDIRECTED
        if refused_us or answer.status in NOT_NOW:
            await asyncio.to_thread(self._ledger.withdraw, entry.number)
            if refused_us:
                raise ProviderRefusedUs(f"It {answer.said()}.")
            return _told(given, None)
        kept = given
        if len(given.body) > MOST_KEPT_BYTES:
            kept = given._replace(body=b"", is_json=False)
        await asyncio.to_thread(self._ledger.answered, entry.number, kept)
        return _told(given, await self._recorded_if_possible(entry._replace(given=kept)))

    def _given(self, answer: Answer) -> Given:
        at, is_json = utc_text(self._clock()), reads_as_json(answer.body)
        return Given(answer.status, _headers(answer), answer.body, at, is_json)

    async def _answer(self, entry: Entry, wish: Wish, provider: Provider) -> Answer:
        path = provider.path(wish) or wish.kind.path
        path += f"?fields={quote(wish.fields)}" if wish.fields else ""
        headers = {KEY: _forwarded(entry.question), "X-Request-Id": wish.request_id}
        return await provider.client.post(
            path, entry.question.body, headers, idempotent=provider.knows_keys
        )

    async def _recorded(self, entry: Entry) -> int:
        provider = self.providers.get(entry.question.source)
        event = event_of(entry, provider.dialect if provider else FIT)
        position = await self._log.append(event)
        await asyncio.to_thread(self._ledger.recorded, entry.number, position)
        return position

    async def _recorded_if_possible(self, entry: Entry) -> int | None:
        """The provider has done it, or may have: that the log cannot be written now changes nothing."""
        try:
            return await self._recorded(entry)
        except LogError as error:
            _log.warning("an answer of a provider waits to be recorded: %s", error)
            return None

    def _question(self, wish: Wish, provider: Provider) -> Question:
        # When a wish is said again it is the same wish.
        document = {name: one for name, one in wish.document.items() if name != "requestDate"}
        asked = [wish.kind.resource_type, wish.source, wish.fields, document]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return Question(
            owner=wish.owner,
            key=wish.key or f"none {uuid.uuid4()}",
            digest=digest,
            resource_type=wish.kind.resource_type,
            source=wish.source,
            request_id=wish.request_id,
            asked_at=utc_text(self._clock()),
            body=provider.spoken(wish),
        )


def _forwarded(question: Question) -> str:
    """The key as the provider hears it: of two owners it never hears the same."""
    told = json.dumps([question.owner, question.source, question.key])
    return str(uuid.uuid5(uuid.NAMESPACE_OID, told))


def _headers(answer: Answer) -> Headers:
    told = {name: answer.headers.get(name, "") for name in PASSED_ON}
    if told["location"]:
        # Relative to the provider, not to us.
        told["location"] = urljoin(answer.url, told["location"])
    return tuple(
        (name, text)
        for name, text in told.items()
        if text and text.isascii() and text.isprintable()
    )


def _told(given: Given, position: int | None, *, again: bool = False) -> Told:
    return Told(given.status, given.headers, given.body, position, again)


def _unknown(asked_at: str, why: str = "") -> OutcomeUnknown:
    return OutcomeUnknown(
        f"It was asked at {asked_at}{why}. Look there, or wait for its notification; the same "
        f"{KEY} never asks a second time, another one does."
    )
