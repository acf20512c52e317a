"""Static bearer tokens (RFC 6750): long, random, handed over once, kept here as hashes."""

from collections.abc import Mapping, Sequence

from config.hashed import Hashed, Matcher
from receiver.auth.identity import REALM, Identity, NotProven, Presented, Scheme, credentials
from receiver.rejections import CannotTell


class Bearer:
    """Knows a source by its token; several tokens of one source are valid at once."""

    schemes: Sequence[Sequence[Scheme]] = (
        (Scheme("bearer", {"type": "http", "scheme": "bearer", "description": "A static token."}),),
    )
    challenge = f"Bearer {REALM}"
    needs_body = False

    def __init__(self, hashes: Mapping[str, Sequence[str]]) -> None:
        pairs = [(source, text) for source, texts in hashes.items() for text in texts]
        self._sources = [source for source, _ in pairs]
        self._hashes = [Hashed.of(text) for _, text in pairs]
        self._matcher = Matcher(CannotTell)

    def is_presented(self, presented: Presented) -> bool:
        """`Authorization: Bearer …`."""
        return credentials(presented, b"bearer") is not None

    async def identify(self, presented: Presented, body: bytes) -> Identity:  # noqa: ARG002 - the seam; signatures look at it
        """Whose token it is. Raises NotProven, CannotTell."""
        token = credentials(presented, b"bearer")
        found = await self._matcher.first(token or b"", self._hashes)
        if not token or found is None:
            raise NotProven
        return Identity(self._sources[found])
