"""Addresses of the pages, and of the Datasette lists behind their figures."""

from typing import Any
from urllib.parse import urlencode

from datasette.utils import tilde_encode


class Links:
    """Every address the pages know, below Datasette's base_url."""

    def __init__(self, urls: Any, database: str = "history") -> None:
        self._urls = urls
        self._database = database

    def _path(self, path: str, **query: object) -> str:
        known = {name: value for name, value in query.items() if value is not None}
        return str(self._urls.path(path)) + (f"?{urlencode(known)}" if known else "")

    def home(self) -> str:
        return self._path("/")

    def tables(self) -> str:
        return str(self._urls.database(self._database))

    def board(self, **query: object) -> str:
        return self._path("/-/history", **query)

    def tickets(self, view: str, form: str = "", **query: object) -> str:
        """A list behind the board's figures; form `.json` or `.csv` for programs."""
        return self._path(f"/-/history/tickets{form}", view=view, **query)

    def sign_in(self) -> str:
        """Who one is, and the way out."""
        return self._path("/-/history/sign-in")

    def find(self) -> str:
        """Where the search field sends to."""
        return self._path("/-/history/search")

    def sources(self) -> str:
        return self._path("/-/history/sources")

    def tasks(self) -> str:
        return self._path("/-/history/tasks")

    def targets(self) -> str:
        """Where events go out to."""
        return self._path("/-/history/targets")

    def quarantine(self, **query: object) -> str:
        """What was refused, grouped."""
        return self._path("/-/history/quarantine", **query)

    def refused(self, number: int, form: str = "") -> str:
        """One entry of the quarantine; form `.raw` downloads the very bytes."""
        return self._path(f"/-/history/quarantine/{number}{form}")

    def style(self, version: str) -> str:
        return self.asset("history.css", version)

    def asset(self, name: str, version: str) -> str:
        return self._path(f"/-/history/{name}", v=version)

    def feed(self) -> str:
        """The latest entries of all tickets, as an Atom feed."""
        return self._path("/-/history/feed.atom")

    def ticket(self, key: str, form: str = "", **query: object) -> str:
        """A ticket's page; `key` is source/id. The source travels along: two may share an id."""
        source, _, number = key.partition("/")
        return self._path(f"/-/history/ticket/{tilde_encode(number)}{form}", source=source, **query)

    def ticket_by_id(self, number: str) -> str:
        """The page of whatever ticket has this id, in any source."""
        return self._path(f"/-/history/ticket/{tilde_encode(number)}")

    def specification(self, key: str, form: str = "") -> str:
        source, _, number = key.partition("/")
        return self._path(f"/-/history/specification/{tilde_encode(number)}{form}", source=source)

    def event(self, position: int, form: str = "") -> str:
        """The notification as received; form `.raw` downloads the very bytes."""
        return self._path(f"/-/history/event/{position}{form}")

    def rows(self, table: str, **query: object) -> str:
        """A filtered list in Datasette: `rows("tickets", is_open=1)`."""
        path = str(self._urls.table(self._database, table))
        return f"{path}?{urlencode(query)}" if query else path

    def query(self, name: str, **query: object) -> str:
        path = str(self._urls.query(self._database, name))
        return f"{path}?{urlencode(query)}" if query else path
