"""The relay's front: which path is served by what, and what a request gets."""

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from receiver.auth.identity import ASK
from receiver.consumers.asked import parameters
from receiver.consumers.exchange import Entrance, Visit
from receiver.limits import DEFAULT_LIMITS, Limits
from receiver.rejections import (
    Encoded,
    Headers,
    InvalidParameter,
    InvalidRequest,
    NoProvider,
    Rejection,
    answer_of,
)
from receiver.relay.asking import KEY, Asking, Told, Wish
from receiver.relay.described import paths
from receiver.relay.kinds import KINDS, Kind, wish
from store import LogError

Serve = Callable[[Visit], Awaitable[None]]
Methods = Mapping[str, Serve]

SOURCE = "X-Source"
"""Header that says whose provider is asked, for those who cannot add a parameter."""

_log = logging.getLogger(__name__)

_JSON = re.compile(r"application/([a-z0-9.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')


class Relay:
    """Asks the providers of one data directory for those who may."""

    def __init__(
        self,
        asking: Asking,
        *,
        sources: Collection[str],
        limits: Limits = DEFAULT_LIMITS,
        prefixes: Sequence[str] = ("",),
    ) -> None:
        self._asking = asking
        self._sources = frozenset(sources)
        self._limits = limits
        self.entrance = Entrance(ASK, limits.max_body_bytes)
        self.asked: Counter[tuple[str, ...]] = Counter()
        """By source, resource type, and what came of it: a status of the provider's, or our code."""
        self._served: dict[str, Methods] = {
            f"{prefix.rstrip('/')}{path}": {"POST": self._serving(kind)}
            for prefix in prefixes
            for path, kind in KINDS.items()
        }

    def served(self, path: str) -> Methods | None:
        """What the methods of a path do; None for one that is not the relay's."""
        return self._served.get(path)

    def described(self) -> dict[str, Any]:
        """Its paths, for /openapi.json."""
        return paths(KINDS.values())

    def _serving(self, kind: Kind) -> Serve:
        async def serve(visit: Visit) -> None:
            await self._post(visit, kind)

        return serve

    async def _post(self, visit: Visit, kind: Kind) -> None:
        given = parameters(visit.query, ("source", "fields"))
        source = self._source(given.get("source", []), visit)
        _check_headers(visit.headers)
        document = wish(visit.body, kind, self._limits)
        wished = Wish(
            owner=visit.owner,
            key=_key(visit.headers),
            kind=kind,
            source=source,
            document=document,
            body=visit.body,
            fields=",".join(given.get("fields", [])),
            request_id=visit.request_id,
        )
        await _answer(visit, await self._told(wished))

    async def _told(self, wished: Wish) -> Told:
        outcome = "internal-error"
        try:
            told = await self._asking.ask(wished)
            outcome = "kept" if told.again else str(told.status)
        except (Rejection, LogError) as error:
            outcome = answer_of(type(error)).code
            raise
        else:
            return told
        finally:
            what = (wished.source, wished.kind.resource_type, outcome)
            self.asked[what] += 1
            _log.info("asked %s for a %s: %s, request %s", *what, wished.request_id)

    def _source(self, asked: Sequence[str], visit: Visit) -> str:
        """Whose provider: the one named, else the only one. Raises InvalidParameter, NoProvider."""
        providers = self._asking.providers
        named = visit.headers.get(SOURCE.lower().encode(), b"").decode("latin-1").strip()
        wanted = {*asked, *([named] if named else [])}
        if not wanted and len(providers) == 1:
            return next(iter(providers))
        if len(wanted) == 1 and (only := next(iter(wanted))) in providers:
            return only
        if not providers or (len(wanted) == 1 and wanted <= self._sources):
            raise NoProvider("See [sources.NAME.provider] in the settings.")
        raise InvalidParameter("source", f"one of {', '.join(sorted(providers))}")


def _check_headers(headers: Mapping[bytes, bytes]) -> None:
    """Only as application/json: a page in somebody's browser can post anything else anywhere
    without asking first (CORS, "simple" requests).
    """
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise InvalidRequest("Content-Type", "application/json")
    if headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
        raise Encoded("Expected no Content-Encoding.")


def _key(headers: Mapping[bytes, bytes]) -> str:
    """What a client calls its request, with or without the quotes of a structured header."""
    text = headers.get(KEY.lower().encode(), b"").decode("latin-1").strip()
    if not text:
        return ""
    found = _KEY.fullmatch(text)
    if found is None:
        raise InvalidParameter(KEY, "1 to 255 letters, digits and signs, no blanks")
    return found[1]


async def _answer(visit: Visit, told: Told) -> None:
    """Status and body are the provider's. What is not JSON is told as text: it is from elsewhere."""
    given = dict(told.headers)
    kind = given.pop("content-type", "")
    media_type = kind.encode() if _JSON.fullmatch(kind) else b"text/plain; charset=utf-8"
    headers: Headers = (*given.items(), ("X-Content-Type-Options", "nosniff"))
    if told.position is not None:
        headers += (("X-Event-Position", str(told.position)),)
    if told.again:
        headers += (("Idempotency-Replayed", "true"),)
    await visit.answer(told.status, told.body, media_type=media_type, headers=headers)
