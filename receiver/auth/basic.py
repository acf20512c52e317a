"""HTTP basic (RFC 7617): a user and a password, kept here as a hash."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from config.hashed import Hashed, Matcher
from receiver.auth.identity import REALM, Identity, NotProven, Presented, Scheme, credentials
from receiver.rejections import CannotTell


@dataclass(frozen=True, slots=True)
class Account:
    """A source's user, and the hashes of the passwords that are valid."""

    source: str
    user: str
    hashes: Sequence[Hashed]


class Basic:
    """Knows a source by user and password. An unknown user costs as much work as a wrong password."""

    schemes: Sequence[Sequence[Scheme]] = ((Scheme("basic", {"type": "http", "scheme": "basic"}),),)
    challenge = f'Basic {REALM}, charset="UTF-8"'
    needs_body = False

    def __init__(self, accounts: Sequence[Account]) -> None:
        slow = [[one for one in account.hashes if one.is_slow] for account in accounts]
        costliest = max(slow, key=len)
        self._nobody = [Hashed.like(one) for one in costliest]
        # Everybody is compared with as many hashes: time must not tell who exists.
        self._accounts = [
            (
                _digest(account.user.encode()),
                account.source,
                [*account.hashes, *self._nobody[len(own) :]],
            )
            for account, own in zip(accounts, slow, strict=True)
        ]
        self._matcher = Matcher(CannotTell)

    def is_presented(self, presented: Presented) -> bool:
        """`Authorization: Basic …`."""
        return credentials(presented, b"basic") is not None

    async def identify(self, presented: Presented, body: bytes) -> Identity:  # noqa: ARG002 - the seam; signatures look at it
        """Whose user and password it is. Raises NotProven, CannotTell."""
        user, password = _read(credentials(presented, b"basic") or b"")
        name = _digest(user)
        known = [one for one in self._accounts if hmac.compare_digest(one[0], name)]
        _, source, hashes = known[0] if known else (name, "", self._nobody)
        if await self._matcher.first(password, hashes) is None:
            raise NotProven
        return Identity(source)


def _read(given: bytes) -> tuple[bytes, bytes]:
    try:
        user, colon, password = base64.b64decode(given, validate=True).partition(b":")
    except binascii.Error:
        raise NotProven from None
    if not colon:
        raise NotProven
    return user, password


def _digest(user: bytes) -> bytes:
    # Equal lengths: compare_digest says nothing about where, but something about how long.
    return hashlib.sha256(user).digest()
