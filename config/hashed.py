"""Tokens and passwords as hashes: made once, compared in constant time.

sha256:<hex>                       for what is long and random, as `listener token new` makes
scrypt:<n>:<r>:<p>:<salt>:<hex>    for what people choose
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_WAITING = 32
"""Passwords that may wait to be checked; each takes a tenth of a second of one core."""

_TOKEN_BYTES = 32
_SCRYPT = (2**15, 8, 1)


def new_token() -> str:
    """256 random bits, without characters that need care in a URL or a shell."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def sha256_of(secret: str) -> str:
    """As it is written in the settings. Only for what nobody could guess."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"


def scrypt_of(secret: str) -> str:
    """As it is written in the settings, with a salt of its own."""
    salt = secrets.token_bytes(16)
    n, r, p = _SCRYPT
    return f"scrypt:{n}:{r}:{p}:{salt.hex()}:{_scrypt(secret.encode(), salt, n, r, p).hex()}"


def _scrypt(secret: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    # OpenSSL's own ceiling is below what the default costs take.
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r * p, dklen=32)


@dataclass(slots=True, eq=False)
class Hashed:
    """One hash. Remembers, for scrypt, the keyed digest of what it was right for."""

    digest: bytes
    salt: bytes = b""
    costs: tuple[int, int, int] | None = None
    _proven: bytes = field(default=b"", init=False, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), init=False, repr=False)

    @classmethod
    def of(cls, text: str) -> "Hashed":
        """From its text in the settings, which has been checked there."""
        kind, *parts = text.split(":")
        if kind == "sha256":
            return cls(bytes.fromhex(parts[0]))
        n, r, p, salt, digest = parts
        return cls(bytes.fromhex(digest), bytes.fromhex(salt), (int(n), int(r), int(p)))

    @classmethod
    def like(cls, costly: "Hashed") -> "Hashed":
        """One that costs the same to compare with, and that nothing is right for."""
        return cls(secrets.token_bytes(32), secrets.token_bytes(16), costly.costs)

    @property
    def is_slow(self) -> bool:
        """Whether finding out takes a thread."""
        return self.costs is not None

    def matches(self, secret: bytes) -> bool:
        """Whether it is known at once to be right; a slow one may still be."""
        if self.is_slow:
            return hmac.compare_digest(self._proven, self._keyed(secret))
        return hmac.compare_digest(self.digest, hashlib.sha256(secret).digest())

    def compute(self, secret: bytes) -> bool:
        """Whether it is right, however long that takes. For a thread."""
        if self.costs is None:
            return self.matches(secret)
        right = hmac.compare_digest(self.digest, _scrypt(secret, self.salt, *self.costs))
        if right:
            self._proven = self._keyed(secret)
        return right

    def _keyed(self, secret: bytes) -> bytes:
        return hmac.digest(self._key, secret, "sha256")


class Matcher:
    """Compares with many hashes; slow ones one by one, so that guessing does not take every core."""

    def __init__(self, too_many: type[Exception]) -> None:
        self._too_many = too_many
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def first(self, secret: bytes, hashes: Sequence[Hashed]) -> int | None:
        """Index of the hash that the secret is right for. Takes the same time for all wrong ones.

        Raises `too_many` when too many wait.
        """
        # All are compared, never only up to the right one: time must not tell which it is.
        found = [number for number, one in enumerate(hashes) if one.matches(secret)]
        if found:
            return found[0]
        slow = [number for number, one in enumerate(hashes) if one.is_slow]
        if not slow:
            return None
        if self._waiting >= MOST_WAITING:
            raise self._too_many
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                right = await asyncio.to_thread(
                    lambda: [number for number in slow if hashes[number].compute(secret)]
                )
        finally:
            self._waiting -= 1
        return right[0] if right else None
