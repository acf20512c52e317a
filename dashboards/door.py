"""Who asks for a page: by token, by session, or nobody in particular where that is allowed."""

import ipaddress
import logging
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request

from config.throttle import Address, Throttle
from dashboards.people import People, Role, Viewer
from dashboards.sessions import COOKIE, Sessions

log = logging.getLogger("listener.dashboards")


class Refused(Exception):
    """No page for this request; the text says why, and never which part of a proof was wrong."""

    status = 401


class NotKnown(Refused):
    """Sign in, or send a token that is valid: Authorization: Bearer …"""


class WrongPlace(Refused):
    """Who does not sign in may read these pages on this machine only, under its own name."""

    status = 403


class TooMany(Refused):
    """Too many wrong attempts from your address. Try again later."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(self.__doc__)
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Tells who asks, and counts who guesses."""

    people: People
    sessions: Sessions
    throttle: Throttle
    anonymous: Role | None
    """The role of those who prove nothing; None: they see nothing."""
    anonymous_elsewhere: bool = False
    """Whether they may also ask by other names than this machine's own."""

    async def identify(self, request: Request) -> Viewer | None:
        """Who asks; None who has to sign in. Raises Refused, TooManyWait."""
        given = request.headers.get("authorization")
        if given is not None:
            return await self._by_token(request, given)
        session = self.sessions.read(request.cookies.get(COOKIE, ""))
        viewer = self.people.by_session(*session) if session else None
        return viewer or self._nobody(request)

    async def sign_in(self, request: Request, name: str, password: str) -> Viewer | None:
        """Who signs in; None when name and password do not fit. Raises TooMany, TooManyWait."""
        self._check(request)
        viewer = await self.people.by_password(name, password)
        if viewer is None:
            self._count(request)
        return viewer

    async def _by_token(self, request: Request, given: str) -> Viewer:
        self._check(request)
        scheme, _, token = given.partition(" ")
        viewer = None
        if scheme.lower() == "bearer" and token.strip():
            viewer = await self.people.by_token(token.strip().encode("latin-1", "replace"))
        if viewer is None:
            self._count(request)
            raise NotKnown(NotKnown.__doc__)
        return viewer

    def _nobody(self, request: Request) -> Viewer | None:
        if self.anonymous is None:
            return None
        # A name that somebody else's DNS leads here makes their page one of this origin; a proxy
        # on this machine lets the whole network in.
        if not (self.anonymous_elsewhere or is_this_machine(request.url.hostname or "")):
            raise WrongPlace(
                f"{WrongPlace.__doc__} Name people in the settings ([people]), or allow it with "
                "dashboards_allow_anonymous where a proxy asks who it is."
            )
        return Viewer(self.anonymous)

    def _check(self, request: Request) -> None:
        seconds = self.throttle.seconds_to_wait(_address(request))
        if seconds:
            raise TooMany(seconds)

    def _count(self, request: Request) -> None:
        address = _address(request)
        if self.throttle.failed(address):
            log.warning("too many wrong credentials from %s: answering 429 for a while", address)


def is_this_machine(host: str) -> bool:
    """Whether a name or address means this machine, as seen from itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _address(request: Request) -> Address | None:
    try:
        return ipaddress.ip_address(request.client.host) if request.client else None
    except ValueError:
        return None
