"""ProviderClient: one provider, asked over HTTP.

An answer is an Answer, whatever its status: what a 404 means is for who asked. No answer is
ProviderAway. GET and DELETE are tried again, later and later, when nobody answers or the answer is
429, 502, 503 or 504, and after the Retry-After that was asked for; a POST is sent once, because it
may have had its effect although nobody answered (`may_have_arrived`), unless its caller says that
the same again changes nothing.

Redirects are not followed: credentials are for one address. Nothing comes from the environment.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx
import stamina

from receiver.provider.rules import ProviderRules
from store.replay.sending import Pace
from store.replay.targets.http import reason_of, seconds_of, segment, why_not
from store.replay.targets.protocol import NotLetIn, Unavailable

__all__ = ["Answer", "ProviderAway", "ProviderClient", "Query", "segment"]

FIRST_PAUSE_SECONDS = 0.5
MOST_BYTES = 67_108_864
"""Of one answer; a provider that tells more at once is asked for smaller pages."""

_AGAIN = frozenset({429, 502, 503, 504})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)  # fmt: skip

Query = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes = field(repr=False)
    url: str
    """What was asked, without credentials."""

    @property
    def is_success(self) -> bool:
        """Whether it is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004  RFC 9110, 15.3

    def said(self) -> str:
        """For a person: the status, and code and reason where it is a TMF Error."""
        return f"answered {self.status}{reason_of(self.body)}"


class ProviderAway(Exception):
    """The provider gave no answer. The text says why, without credentials."""

    def __init__(self, text: str, *, may_have_arrived: bool, is_final: bool = False) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived
        """Whether the provider may have done what was asked all the same."""
        self.is_final = is_final
        """Whether asking again is of no use."""


class ProviderClient:
    """Asks one provider, from one event loop. `async with` closes its connections."""

    def __init__(self, rules: ProviderRules) -> None:
        self.rules = rules
        self._pace = Pace(rules.requests_per_second)
        self._client = httpx.AsyncClient(
            auth=rules.authenticate(),
            headers={"accept": "application/json", **rules.headers},
            verify=rules.tls if rules.tls is not None else True,
            proxy=rules.proxy or None,
            trust_env=False,
            follow_redirects=False,
            timeout=rules.timeout_seconds,
        )

    async def __aenter__(self) -> Self:
        """Ready at once: nothing is asked before it has to be."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def get(self, path: str, query: Query | None = None) -> Answer:
        """Read. `path` begins with a slash and is put behind base_url, or is an address there (as
        a Link names it). Raises ProviderAway.
        """
        return await self._ask("GET", path, query=query, attempts=self.rules.attempts)

    async def delete(self, path: str) -> Answer:
        """Delete; the same again changes nothing. Raises ProviderAway."""
        return await self._ask("DELETE", path, attempts=self.rules.attempts)

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        idempotent: bool = False,
    ) -> Answer:
        """Post JSON, once; `idempotent`: as often as a GET. Raises ProviderAway."""
        attempts = self.rules.attempts if idempotent else 1
        told = {"content-type": "application/json", **(headers or {})}
        return await self._ask("POST", path, body=body, headers=told, attempts=attempts)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        attempts: int,
    ) -> Answer:
        request = self._client.build_request(
            method,
            self._address(path),
            params=None if query is None else _pairs(query),
            content=body,
            headers=headers,
        )
        try:
            async for attempt in stamina.retry_context(
                on=self._again,
                attempts=attempts,
                timeout=None,
                wait_initial=min(FIRST_PAUSE_SECONDS, self.rules.longest_pause_seconds),
                wait_max=self.rules.longest_pause_seconds,
                wait_jitter=FIRST_PAUSE_SECONDS,
            ):
                with attempt:
                    return await self._attempt(request)
        except _NotNow as error:
            return error.answer
        raise AssertionError  # pragma: no cover  stamina returns or raises

    async def _attempt(self, request: httpx.Request) -> Answer:
        await self._pace.wait()
        seconds = self.rules.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                answer = await self._client.send(request, stream=True)
                try:
                    body = await _read(answer)
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise ProviderAway(f"no answer in {seconds:g} s", may_have_arrived=True) from None
        except Unavailable as error:
            # There was no token: nothing was asked.
            final = isinstance(error, NotLetIn)
            raise ProviderAway(str(error), may_have_arrived=False, is_final=final) from None
        except httpx.HTTPError as error:
            arrived = not isinstance(error, _NEVER_SENT)
            raise ProviderAway(why_not(error), may_have_arrived=arrived) from None
        told = {name.lower(): value for name, value in answer.headers.items()}
        said = Answer(answer.status_code, told, body, str(request.url))
        if said.status in _AGAIN:
            raise _NotNow(said)
        return said

    def _again(self, error: Exception) -> bool | float:
        if isinstance(error, ProviderAway):
            return not error.is_final
        if not isinstance(error, _NotNow):
            return False
        asked = seconds_of(error.answer.headers.get("retry-after", ""))
        # Who asks for longer is believed: asking earlier would be answered the same.
        return True if asked is None else asked if asked <= self.rules.longest_pause_seconds else False  # fmt: skip

    def _address(self, path: str) -> str:
        """Raises ValueError for an address elsewhere: our credentials are not for it."""
        base = self.rules.base_url
        if path.startswith("/"):
            return f"{base}{path}"
        if urlsplit(path)[:2] != urlsplit(base)[:2]:
            raise ValueError(f"{path} is not at {base}")
        return path


class _NotNow(Exception):
    """An answer that may be another one a moment later."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.said())
        self.answer = answer


async def _read(answer: httpx.Response) -> bytes:
    read = bytearray()
    async for part in answer.aiter_bytes():
        read += part
        if len(read) > MOST_BYTES:
            told = f"its answer is larger than {MOST_BYTES} bytes"
            raise ProviderAway(told, may_have_arrived=True, is_final=True)
    return bytes(read)


def _pairs(query: Query) -> list[tuple[str, str | int | float | bool | None]]:
    return [*query.items()] if isinstance(query, Mapping) else [*query]
