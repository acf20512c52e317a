"""Who reads the pages: named people and programs, what they prove themselves with, their role."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.hashed import Hashed, Matcher
from config.people import Role


class TooManyWait(Exception):
    """More passwords wait to be checked than may."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks for a page; nameless when nobody had to sign in."""

    role: Role
    name: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of one: the role, and the hashes of passwords and tokens as in the settings."""

    role: Role
    passwords: Sequence[str] = ()
    tokens: Sequence[str] = ()
    stamp: str = field(init=False)
    """Changes with the passwords: a session begun with another one has ended."""

    def __post_init__(self) -> None:
        told = hashlib.sha256("\n".join(self.passwords).encode()).hexdigest()[:16]
        object.__setattr__(self, "stamp", told)


class People:
    """Knows people by password, token or session. Wrong and unknown cost the same work."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = dict(people)
        most = max((len(one.passwords) for one in people.values()), default=0)
        texts = [text for one in people.values() for text in one.passwords]
        slow = [one for one in map(Hashed.of, texts) if one.is_slow]
        # Everybody is compared with as many hashes: time must not tell who exists.
        self._nobody = [Hashed.like(slow[0])] * most if slow else []
        self._passwords = {
            name: [*map(Hashed.of, one.passwords), *self._nobody[len(one.passwords) :]]
            for name, one in people.items()
        }
        pairs = [(name, text) for name, one in people.items() for text in one.tokens]
        self._token_owners = [name for name, _ in pairs]
        self._tokens = [Hashed.of(text) for _, text in pairs]
        self._matcher = Matcher(TooManyWait)

    def __bool__(self) -> bool:
        """Whether anybody is named."""
        return bool(self._people)

    async def by_password(self, name: str, password: str) -> Viewer | None:
        """Whose name and password it is. Raises TooManyWait."""
        hashes = self._passwords.get(name, self._nobody)
        found = await self._matcher.first(password.encode("utf-8", "surrogatepass"), hashes)
        return self._viewer(name) if found is not None and name in self._people else None

    async def by_token(self, token: bytes) -> Viewer | None:
        """Whose token it is. Raises TooManyWait."""
        found = await self._matcher.first(token, self._tokens)
        return None if found is None else self._viewer(self._token_owners[found])

    def by_session(self, name: str, stamp: str) -> Viewer | None:
        """Whose session it is, while the passwords are those with which it began."""
        known = self._people.get(name)
        return self._viewer(name) if known and known.passwords and known.stamp == stamp else None

    def stamp(self, viewer: Viewer) -> str:
        """What a session of theirs is marked with."""
        return self._people[viewer.name].stamp

    def _viewer(self, name: str) -> Viewer:
        return Viewer(self._people[name].role, name)
