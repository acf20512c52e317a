"""GET /events: a page of the log behind a position, at once or as soon as there is something.

    X-Next-Position   where the next page begins: ask for `after` this. It moves on although the
                      page is empty when nothing up to there was asked for
    X-Head-Position   the log's last event; the consumer is up to date when both are equal

A page is immutable but for erasures, so its ETag stays. GET /events/{position} gives the very bytes.
"""

from receiver.consumers.asked import JSON, NDJSON, Asked, asked, media_type, number, parameters
from receiver.consumers.exchange import Visit
from receiver.consumers.rules import PullRules
from receiver.consumers.start import Starts
from receiver.consumers.watch import Presence, Watch
from receiver.events import EventTypes
from receiver.rejections import Headers, NotFound
from store import Page, RecordedEvent

PARAMETERS = frozenset({"after", "consumer", "limit", "type", "ticket", "source", "wait"})


class Pull:
    """Pages of events."""

    def __init__(self, rules: PullRules, types: EventTypes, starts: Starts, watch: Watch) -> None:
        self._rules = rules
        self._types = types
        self._starts = starts
        self._reading = starts.reading
        self._watch = watch

    async def page(self, visit: Visit) -> None:
        """Answer GET /events."""
        rules = self._rules
        kind = media_type(visit.headers, (JSON, NDJSON))
        wanted = asked(
            visit.query,
            self._types,
            most=rules.page_events,
            longest_wait=rules.wait_seconds,
            may=PARAMETERS,
        )
        after = await self._starts.position(visit.owner, wanted)
        page = await self._read(after, wanted)
        if not page.lines and wanted.wait and page.reached >= page.head:
            page = await self._waited(page.reached, wanted, visit)
        body = written(page, kind)
        next_position: Headers = (
            ("X-Next-Position", str(page.reached)),
            ("X-Head-Position", str(page.head)),
        )
        await visit.answer_tagged(body, kind, next_position)

    async def event(self, visit: Visit, text: str) -> None:
        """Answer GET /events/{position} with the very bytes that came; 404 where there are none."""
        parameters(visit.query, ())
        found = await self._reading.event(_position(text))
        if found is None or not found.body:
            raise NotFound
        await visit.answer_tagged(found.body, JSON, _told(found))

    async def _read(self, after: int, wanted: Asked) -> Page:
        return await self._reading.page(
            after, wanted.condition, events=wanted.limit, size=self._rules.page_bytes
        )

    async def _waited(self, reached: int, wanted: Asked, visit: Visit) -> Page:
        """The first page with an event, or the empty one at the end of its time."""
        self._watch.enter()
        presence = Presence(visit.receive, self._watch)
        try:
            loop_time = self._rules.clock
            until = loop_time() + wanted.wait
            while True:
                await self._watch.beyond(reached, until - loop_time(), presence.gone)
                page = await self._read(reached, wanted)
                over = loop_time() >= until or presence.gone.is_set()
                if page.lines or over or self._watch.stopping.is_set():
                    return page
                reached = page.reached
        finally:
            presence.end()
            self._watch.leave()


def written(page: Page, kind: bytes) -> bytes:
    """Its lines as a JSON array, or one a line."""
    lines = [line.text for line in page.lines]
    if kind == NDJSON:
        return b"".join([line + b"\n" for line in lines])
    return b"[" + b",\n".join(lines) + b"]"


def _position(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise NotFound
    return number(text, "position", 0, 2**63 - 1) or 0


def _told(event: RecordedEvent) -> Headers:
    return (
        ("X-Event-Position", str(event.position)),
        ("X-Event-Type", event.event_type),
        ("X-Event-Digest", event.digest),
    )
