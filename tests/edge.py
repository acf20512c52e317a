"""An edge to try things on: the app over an in-memory log, spoken to as a sender would."""

import asyncio
import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.app import create_app
from receiver.events import EVENT_TYPES, EventType
from receiver.openapi import example
from receiver.sources import SourceRules
from store import Appender, MemoryAppender, MemoryLog, RecordedEvent

REFERENCE = Path(__file__).parent.parent.parent / "shared" / "reference"
JSON = {"content-type": "application/json"}


class Edge:
    """A sender and, behind the app, the log."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient, log: MemoryLog) -> None:
        self._runner = runner
        self._client = client
        self.log = log

    def send(
        self,
        path: str,
        body: object = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Bytes go as they are, an async iterator chunk by chunk, everything else as JSON."""
        content = body if isinstance(body, bytes) or hasattr(body, "__aiter__") else dumped(body)
        told = JSON if headers is None else headers
        return self._runner.run(
            self._client.request(method, path, content=content, headers=dict(told))
        )

    def last(self) -> RecordedEvent:
        event = self.log.event(self.log.head())
        assert event is not None
        return event

    def drift_of(self, path: str, body: object) -> tuple[str, ...]:
        """Post an event that must be taken, and tell what was noted about it."""
        answer = self.send(path, body)
        assert answer.status_code == 204, answer.text
        return self.last().drift

    def reasons_for(self, path: str, body: object) -> list[tuple[str, str]]:
        """Post a body that must be refused; code and pointer of each reason kept with it."""
        answer = self.send(path, body)
        assert_error(answer, 400)
        kept = list(self.log.quarantined())[-1]
        assert kept.body == (body if isinstance(body, bytes) else dumped(body))
        return [(reason.code, reason.pointer) for reason in kept.reasons]


@contextmanager
def edge(
    appender: Callable[[MemoryLog], Appender] = MemoryAppender,
    rules: SourceRules | None = None,
    sources: Mapping[str, SourceRules] | None = None,
    sender: tuple[str, int] = ("127.0.0.1", 40_000),
    around: Callable[[Any], Any] = lambda app: app,
    **options: Any,
) -> Iterator[Edge]:
    """An edge whose only source has these rules, or with these sources; spoken to from an address."""
    log = MemoryLog()
    with asyncio.Runner() as runner:

        async def start() -> tuple[Appender, httpx.AsyncClient]:
            opened = appender(log)
            app = create_app(
                opened, sources=sources or {"default": rules or SourceRules()}, **options
            )
            transport = httpx.ASGITransport(around(app), client=sender)
            return opened, httpx.AsyncClient(transport=transport, base_url="http://listener")

        opened, client = runner.run(start())
        yield Edge(runner, client, log)
        runner.run(client.aclose())
        runner.run(opened.close())


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def event_of(event_type: EventType | str, **changes: Any) -> dict[str, Any]:
    """A right event of this type; changes replace members of the envelope, None removes them."""
    line = event_type if isinstance(event_type, EventType) else named(event_type)
    event = copy.deepcopy(example(line)) | changes
    return {name: value for name, value in event.items() if value is not None}


def ticket_event(resource: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A status change whose ticket has these members."""
    ticket = {"@type": "TroubleTicket", "id": "TT-1", **resource}
    return event_of("TroubleTicketStatusChangeEvent", event={"troubleTicket": ticket}, **changes)


def named(name: str) -> EventType:
    return next(line for line in EVENT_TYPES if line.name == name)


def assert_error(answer: httpx.Response, status: int) -> dict[str, Any]:
    """A TMF Error: @type, code and reason are there, status is the answer's own."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()
    assert error["@type"] == "Error"
    assert error["code"]
    assert error["reason"]
    assert error["status"] == str(status)
    assert all(isinstance(value, str) for value in error.values())
    assert error["requestId"] == answer.headers["x-request-id"]
    return error


def reference(name: str) -> Path:
    """A reference file; the test is skipped where it is not at hand."""
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"{path.name} of the official reference data is not beside the project")
    return path
