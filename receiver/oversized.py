"""A body that is too large (413): what of it is kept, where its sender is known.

It is read on, and kept whole up to `refused_body_bytes`: once max_body_bytes allows it, it can be
released. Of a larger one the beginning is kept, marked as a part, which nothing ever takes for the
event. So is what came of a body whose sender falls silent, and what is at hand of those beyond
MOST_AT_ONCE, for whose rest there is no memory. The disk never holds more than was sent.
"""

import asyncio

from starlette.types import Receive

from receiver.exchange import SenderGone
from receiver.limits import Limits
from receiver.rejections import TooLarge, answer_of
from store.events import NOT_WHOLE, Reason

SILENCE_SECONDS = 1.0
"""A sender that lied about the length sends nothing more: it must not wait long for its 413."""
MOST_AT_ONCE = 16
"""Bodies that are read on at the same time: they need memory."""

TOO_LARGE = answer_of(TooLarge).code


class Oversized:
    """Reads on where a body turned out to be too large."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reading = 0

    async def kept(self, refusal: TooLarge, receive: Receive) -> bytes:
        """What goes into quarantine, with its reasons in the refusal.

        Raises the refusal itself where nothing is kept by the settings; SenderGone.
        """
        most = self._limits.refused_body_bytes
        if not most:
            raise refusal
        chunks = [*refusal.begun]
        if not refusal.ended and self._reading < MOST_AT_ONCE:
            self._reading += 1
            try:
                refusal.ended = await _read_on(receive, chunks, most)
            finally:
                self._reading -= 1
        body = b"".join(chunks)
        refusal.reasons = (Reason(TOO_LARGE, "", f"at most {self._limits.max_body_bytes} bytes"),)
        if not refusal.ended or len(body) > most:
            body = body[:most]
            part = f"all of it; kept are its first {len(body)} bytes"
            refusal.reasons += (Reason(NOT_WHOLE, "", part),)
        return body


async def _read_on(receive: Receive, chunks: list[bytes], most: int) -> bool:
    """Until there are more than so many bytes, or silence (False), or the end (True)."""
    size = sum(map(len, chunks))
    while size <= most:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                part = await receive()
        except TimeoutError:
            return False
        if part["type"] == "http.disconnect":
            raise SenderGone
        chunks.append(part.get("body", b""))
        size += len(chunks[-1])
        if not part.get("more_body", False):
            return True
    return False
