"""Overload is said, not suffered: a full queue, and many deliveries of one event at once."""

import asyncio
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from store import MemoryAppender, open_reader
from tests.edge import assert_error, edge
from tests.receiving import PATH, receiving, request, right_body

FLOOD_SECONDS = 2.0


async def _exchange(reader, writer, sent: bytes) -> tuple[int, dict[str, str]]:
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers


async def _keep_sending(port, number, until, heard):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop, count = asyncio.get_running_loop(), 0
    with closing(writer):
        while loop.time() < until:
            count += 1
            event_id = f"flood-{number}-{count}"
            status, headers = await _exchange(reader, writer, request(right_body(event_id)))
            heard.append((status, event_id, headers))


def test_beyond_the_queue_senders_hear_503_at_once_and_what_is_acknowledged_goes_on(tmp_path):
    heard: list[tuple[int, str, dict[str, str]]] = []

    async def flood(port):
        until = asyncio.get_running_loop().time() + FLOOD_SECONDS
        await asyncio.gather(*(_keep_sending(port, n, until, heard) for n in range(48)))

    with receiving(tmp_path, "queue_events = 8\n") as here:
        asyncio.run(flood(here.port))
        assert here.deliver("after-the-flood").status_code == 204
        counted = here.metrics()
        with closing(open_reader(here.data)) as log:
            kept = {event.event_id for event in log.read()}

    statuses = Counter(status for status, _, _ in heard)
    assert set(statuses) == {204, 503}
    # 40 of 48 senders are always too many: however they press, groups of eight are committed.
    assert statuses[204] >= 100, statuses
    acknowledged = {event_id for status, event_id, _ in heard if status == 204}
    assert acknowledged | {"after-the-flood"} == kept
    assert all(int(told["retry-after"]) >= 1 for status, _, told in heard if status == 503)
    assert (
        sum(
            count
            for name, count in counted.items()
            if name.startswith("listener_refused_total") and 'code="overloaded"' in name
        )
        == statuses[503]
    )


@pytest.mark.parametrize("at_once", [64])
def test_64_deliveries_of_one_event_at_once_are_one_event_and_63_redeliveries(tmp_path, at_once):
    sent = request(right_body("one-of-64"))

    async def all_at_once(port):
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(at_once)]
        answers = await asyncio.gather(*(_exchange(*one, sent) for one in connections))
        for _, writer in connections:
            writer.close()
        return answers

    with receiving(tmp_path) as here:
        answers = asyncio.run(all_at_once(here.port))
        with closing(open_reader(here.data)) as log:
            assert [event.event_id for event in log.read()] == ["one-of-64"]
            assert [again.position for again in log.redeliveries()] == [1] * (at_once - 1)
        again = httpx.post(
            here.url + PATH,
            content=right_body("one-of-64"),
            headers={"content-type": "application/json"},
        )
        assert again.headers["x-event-duplicate"] == "true"
        counted = here.metrics()

    assert Counter(status for status, _ in answers) == {204: at_once}
    assert {told["x-event-position"] for _, told in answers} == {"1"}
    duplicates = [told for _, told in answers if "x-event-duplicate" in told]
    assert len(duplicates) == at_once - 1
    labels = '{event_type="TroubleTicketCreateEvent",source="default"}'
    assert counted[f"listener_acknowledged_total{labels}"] == at_once + 1
    assert counted[f"listener_redelivered_total{labels}"] == at_once


def test_a_full_queue_is_said_before_a_sender_or_a_body_is_looked_at():
    class Full(MemoryAppender):
        def is_full(self):
            return True

    class Nobody:
        async def by_headers(self, scope):
            raise AssertionError("looked at")

        by_body = by_headers

    with edge(appender=Full, identify=Nobody()) as here:
        answer = here.send(PATH, b"nonsense")
        assert assert_error(answer, 503)["code"] == "overloaded"
        assert int(answer.headers["retry-after"]) >= 1
        assert list(here.log.quarantined()) == []


def test_a_redelivery_thirty_days_later_is_still_a_redelivery():
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    with edge(clock=lambda: now) as here:
        assert here.send(PATH, right_body("old")).headers["x-event-position"] == "1"
        now += timedelta(days=30)
        again = here.send(PATH, right_body("old"))
        assert again.headers["x-event-position"] == "1"
        assert again.headers["x-event-duplicate"] == "true"
        assert [one.received_at[:10] for one in here.log.redeliveries()] == ["2026-12-01"]
