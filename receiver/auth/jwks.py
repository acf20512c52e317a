"""The public keys of an authorization server (JWKS, RFC 7517): kept, and read anew when needed.

A token's unknown key id may mean that the server changed its keys, or that somebody guesses: the
keys are read anew at once, but not more often than every so many seconds. When they become old,
they are read anew while the known ones go on being used.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
from pydantic import BaseModel

from receiver.rejections import CannotTell

Fetch = Callable[[], Awaitable[bytes]]

MOST_BYTES = 1_048_576
FETCH_SECONDS = 5.0

_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""What kind of key an algorithm takes. None takes a shared secret (`oct`)."""

_log = logging.getLogger(__name__)


class _Document(BaseModel):
    keys: list[dict[str, Any]]


class KeySet:
    """The keys of one issuer."""

    def __init__(
        self,
        fetch: Fetch,
        *,
        refresh_seconds: float = 3600.0,
        unknown_key_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._refresh_seconds = refresh_seconds
        self._unknown_key_seconds = unknown_key_seconds
        self._clock = clock
        self._keys: list[dict[str, Any]] = []
        self._ready: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._asked_at: float | None = None
        self._is_failing = False
        self._asking = asyncio.Lock()
        self._in_background: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key of this id for this algorithm; None when the server has none.

        Without an id, the only key that fits. Raises CannotTell when the keys cannot be read: then
        nobody knows whether it exists, and the sender shall try again.
        """
        good_for = self._unknown_key_seconds if self._is_failing else self._refresh_seconds
        if self._keys and self._age() > good_for:
            self._read_in_background()
        found = self._find(key_id, algorithm)
        if found is None:
            await self._read_again()
            found = self._find(key_id, algorithm)
        if found is None and self._is_failing:
            raise CannotTell
        return found

    def _age(self) -> float:
        return float("inf") if self._asked_at is None else self._clock() - self._asked_at

    def _find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        ready = self._ready.get((key_id, algorithm))
        if ready is not None:
            return ready
        fitting = [key for key in self._keys if _fits(key, key_id, algorithm)]
        if len(fitting) != 1:
            return None
        try:
            ready = jwt.PyJWK.from_dict(fitting[0], algorithm)
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        self._ready[key_id, algorithm] = ready
        return ready

    def _read_in_background(self) -> None:
        if self._in_background is None or self._in_background.done():
            self._in_background = asyncio.create_task(self._read_again())

    async def _read_again(self) -> None:
        """Read the keys, unless that was done a moment ago; many who ask wait for one answer."""
        async with self._asking:
            if self._age() < self._unknown_key_seconds:
                return
            self._asked_at = self._clock()
            try:
                self._keys = _Document.model_validate_json(await self._fetch()).keys
                self._ready.clear()
                self._is_failing = False
            except (
                OSError,
                httpx.HTTPError,
                httpx.InvalidURL,
                ValueError,
                RecursionError,
            ) as error:
                # The known keys stay: better those of an hour ago than none.
                self._is_failing = True
                _log.warning("keys of an issuer cannot be read: %s", type(error).__name__)


def _fits(key: dict[str, Any], key_id: str | None, algorithm: str) -> bool:
    return (
        (key_id is None or key.get("kid") == key_id)
        and key.get("kty") == _KEY_TYPES.get(algorithm[:2])
        and key.get("alg") in (None, algorithm)
        and key.get("use") in (None, "sig")
    )


def from_file(path: Path) -> Fetch:
    """Read the keys from a file, in a thread."""

    async def fetch() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return fetch


def from_url(url: str) -> Fetch:
    """Read the keys over HTTP: no redirects, five seconds, a megabyte at most."""

    async def fetch() -> bytes:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx.AsyncClient() as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as answer,
        ):
            if not answer.is_success:
                raise ValueError("not answered 200")
            text = b""
            async for part in answer.aiter_bytes():
                text += part
                if len(text) > MOST_BYTES:
                    raise ValueError("too large")
            return text

    return fetch
