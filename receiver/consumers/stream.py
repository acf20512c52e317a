"""GET /events/stream: server-sent events (WHATWG HTML, 9.2), each with its position as id.

    id: 42
    event: TroubleTicketStatusChangeEvent
    data: {"position": 42, …}

A reader that comes back names the last id it saw (Last-Event-ID) and goes on behind it. Little is
read ahead: whoever reads slowly holds one small page, and the next is read when it is gone.
"""

from receiver.consumers.asked import MOST_POSITION, Asked, asked, number
from receiver.consumers.exchange import STREAM, Visit
from receiver.consumers.rules import PullRules
from receiver.consumers.start import Starts
from receiver.consumers.watch import Presence, Watch
from receiver.events import EventTypes
from receiver.rejections import Rejection
from store import LogError, Page

PARAMETERS = frozenset({"after", "consumer", "type", "ticket", "source"})
PAGE_EVENTS = 100
PAGE_BYTES = 131_072
RETRY_MILLISECONDS = 2_000
"""After how long a reader comes back whose connection broke."""


class Stream:
    """Events as they come, for as long as somebody listens."""

    def __init__(self, rules: PullRules, types: EventTypes, starts: Starts, watch: Watch) -> None:
        self._rules = rules
        self._types = types
        self._starts = starts
        self._watch = watch

    async def follow(self, visit: Visit) -> None:
        """Answer until the reader hangs up, its time is over, or the listener stops."""
        wanted = asked(visit.query, self._types, most=PAGE_EVENTS, longest_wait=0, may=PARAMETERS)
        after = await self._after(visit, wanted)
        self._watch.enter()
        presence = Presence(visit.receive, self._watch)
        try:
            await visit.begin(200, STREAM, (("X-Accel-Buffering", "no"),))
            await self._send_all(after, wanted, visit, presence)
            await visit.send({"type": "http.response.body", "body": b""})
        finally:
            presence.end()
            self._watch.leave()

    async def _after(self, visit: Visit, wanted: Asked) -> int:
        last = visit.headers.get(b"last-event-id", b"").decode("latin-1").strip()
        if not last:
            return await self._starts.position(visit.owner, wanted)
        after = number(last, "Last-Event-ID", 0, MOST_POSITION) or 0
        await self._starts.check(after, "Last-Event-ID")
        return after

    async def _send_all(self, after: int, wanted: Asked, visit: Visit, presence: Presence) -> None:
        rules, watch = self._rules, self._watch
        over = rules.clock() + rules.stream_seconds
        await _send(visit, b"retry: %d\nid: %d\n\n" % (RETRY_MILLISECONDS, after))
        spoke = rules.clock()
        while not (watch.stopping.is_set() or presence.gone.is_set() or rules.clock() >= over):
            try:
                page = await self._starts.reading.page(
                    after, wanted.condition, events=PAGE_EVENTS, size=PAGE_BYTES
                )
            except (LogError, Rejection):
                # Its head is sent already; the reader comes back and then hears why.
                return
            after = page.reached
            silent_until = min(spoke + rules.heartbeat_seconds, over)
            if page.lines:
                await _send(visit, _written(page))
                spoke = rules.clock()
            elif rules.clock() >= silent_until:
                # Where it stands also when nothing was for it: it need not be looked through again.
                await _send(visit, b": here\nid: %d\n\n" % after)
                spoke = rules.clock()
            elif page.reached >= page.head:
                await watch.beyond(after, silent_until - rules.clock(), presence.gone)


def _written(page: Page) -> bytes:
    return b"".join(
        [
            b"id: %d\nevent: %s\ndata: %s\n\n"
            % (line.position, line.event_type.encode(), line.text)
            for line in page.lines
        ]
    )


async def _send(visit: Visit, part: bytes) -> None:
    await visit.send({"type": "http.response.body", "body": part, "more_body": True})
