"""Sending: what the receiver answers to the simulated provider, and what the provider makes of it."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from receiver.app import create_app
from receiver.sources import SourceRules
from store import MemoryAppender, MemoryLog
from tests.provider import deliver as delivering
from tests.provider.deliver import ReceiverAway, deliver
from tests.provider.envelope import Delivery
from tests.provider.history import history

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
ONE = Delivery(
    NOW, "/listener/troubleTicketCreateEvent", b'{"a": 1}', "TroubleTicketCreateEvent", "TT-1"
)


@asynccontextmanager
async def receiver_that_answers(*answers: bytes | None):
    """A real server that gives these answers, one a connection; None closes without a word."""
    left = list(answers)
    got: list[bytes] = []

    async def take(reader, writer):
        got.append(await reader.readuntil(b'{"a": 1}'))
        answer = left.pop(0)
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", got


BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TAKEN = b"HTTP/1.1 204 No Content\r\nx-event-position: 7\r\nconnection: close\r\n\r\n"


def test_a_delivery_is_tried_again_while_the_receiver_is_busy_or_away():
    async def run():
        answers = []
        async with receiver_that_answers(BUSY, None, TAKEN) as (url, got):
            await deliver(url, [ONE], lambda _one, answer: answers.append(answer))
        return answers, got

    answers, got = asyncio.run(run())
    assert [answer.status_code for answer in answers] == [204]
    assert len(got) == 3


def test_a_receiver_that_never_takes_it_is_given_up(monkeypatch):
    monkeypatch.setattr(delivering, "PATIENCE", 2)

    async def run():
        async with receiver_that_answers(BUSY, BUSY) as (url, _got):
            await deliver(url, [ONE], lambda _one, _answer: None)

    with pytest.raises(ReceiverAway, match="2 attempts"):
        asyncio.run(run())


def test_the_listener_takes_what_is_right_and_refuses_what_is_broken():
    sent = history(3, 120, now=NOW).deliveries

    async def run():
        log = MemoryLog()
        app = create_app(MemoryAppender(log), sources={"default": SourceRules()})
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://listener") as client:
            answers = [
                await client.post(one.path, content=one.body, headers=list(one.headers))
                for one in sent
            ]
        return log, answers

    log, answers = asyncio.run(run())
    for one, answer in zip(sent, answers, strict=True):
        expected = 400 if one.note == "invalid" else 204
        assert answer.status_code == expected, (one.note, one.path, answer.text, one.body[:3000])
    repeated = [
        one
        for one, answer in zip(sent, answers, strict=True)
        if "x-event-duplicate" in answer.headers
    ]
    assert len(repeated) == sum(1 for one in sent if one.note == "duplicate")
    kept = list(log.read())
    assert len(kept) == len(sent) - len(repeated) - sum(1 for one in sent if one.note == "invalid")
    assert all(event.drift for event in kept if json.loads(event.body).get("timeOcurred"))
    odd = sum(1 for one in sent if one.note == "drift")
    assert odd <= sum(1 for event in kept if event.drift) < odd * 5
