"""What every page needs: the database that holds histories, permission to see it, a frame, an answer."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from datasette import Forbidden, NotFound, Response
from datasette.database import QueryInterrupted
from datasette.views.base import DatasetteError

import store
from dashboards import words
from dashboards.addresses import linked
from dashboards.history import Row
from dashboards.links import Links
from store.times import seconds_between

TEMPLATES = Path(__file__).parent / "templates"

HISTORY_TABLES = frozenset({"tickets", "timeline"})
"""A database with these tables holds histories, whatever its file is called."""

_SEEN = ("tickets", "timeline", "changes", "events")
"""What every page shows something of."""

STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The pages' own content security policy: no script but our files, nothing from elsewhere."""

ASSETS = {
    "history.css": "text/css; charset=utf-8",
    "datasette.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "local-time.js": "text/javascript; charset=utf-8",
}
"""The pages' own files, and their media types."""

_SCOPE_SITE = "history.site"
SCOPE_LIVE = "history.live"
"""Where a request keeps what its page tells the script (`dashboards.live`)."""


@cache
def asset(name: str) -> bytes:
    """One of ASSETS."""
    return files("dashboards").joinpath("static", name).read_bytes()


@cache
def style_sheet() -> tuple[bytes, str]:
    """The style sheet, and the version of all ASSETS, a digest: part of their addresses, so that
    they may be kept for ever.
    """
    return asset("history.css"), hashlib.sha256(b"".join(map(asset, ASSETS))).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Site:
    """One request to one of the pages."""

    datasette: Any
    request: Any
    database: Any
    links: Links

    async def ask(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Rows of a query on history.db; its values in order, or by name."""
        bound = dict(values) if isinstance(values, Mapping) else list(values)
        try:
            found = await self.database.execute(sql, bound)
        except QueryInterrupted as error:
            raise DatasetteError(
                "This took longer than the time limit. Narrow it, or try again.",
                title="Too much",
                status=503,
            ) from error
        return [dict(row) for row in found.rows]

    @property
    def rules(self) -> store.RuleBook | None:
        """By which histories are folded; None where a plain Datasette serves the pages."""
        return getattr(self.database, "rules", None)

    @property
    def directory(self) -> Path:
        """The data directory: where history.db is, and log.db beside it."""
        return Path(self.database.path).parent

    @property
    def is_masked(self) -> bool:
        """Whether personal data is masked for whoever asks."""
        return getattr(self.database, "is_masked", False)

    @property
    def sees_notifications(self) -> bool:
        """Whether notifications may be shown as received. A plain Datasette was asked to serve
        history.db, not the log beside it: there its configuration has to say so.
        """
        told = (self.datasette.plugin_config("ticket_history") or {}).get("notifications", False)
        return getattr(self.database, "sees_notifications", told)

    def argument(self, name: str) -> str | None:
        """A query parameter, None when absent or empty."""
        return self.request.args.get(name) or None

    def format(self) -> str:
        """`json`, `csv`, … from `?_format=` or the address's ending; empty for the page itself."""
        return self.argument("_format") or self.request.url_vars.get("format") or ""

    def absolute(self, path: str) -> str:
        """A path as an address with host, as the asker sees it."""
        return self.datasette.absolute_url(self.request, path)

    async def page(self, template: str, context: dict[str, Any], status: int = 200) -> Response:
        """Render one of our templates under the strict policy."""
        html = await self.datasette.render_template(
            f"history/{template}",
            {
                "link": self.links,
                "style_version": style_sheet()[1],
                "viewer": self.request.actor,
                "is_masked": self.is_masked,
                "live": self.request.scope.get(SCOPE_LIVE),
                "shown_at": words.now_text(),
                **context,
            },
            request=self.request,
        )
        return Response.html(
            html, status=status, headers={"content-security-policy": STRICT_POLICY}
        )

    async def missing(self, sentence: str, look: str = "") -> Response:
        """404 with a sentence. A percent-encoded address is left to Datasette, which redirects it
        to its own tilde encoding.
        """
        if "%" in self.request.path:
            raise NotFound(sentence)
        ways = [("Look for it in the table", look)] if look else []
        return await self.sorry(404, "Not here", sentence, ways)

    async def sorry(
        self, status: int, heading: str, sentence: str, ways: Sequence[tuple[str, str]] = ()
    ) -> Response:
        """Why there is no such page, in a sentence, and where to go instead: (words, address)."""
        if self.format():  # whoever wants no page wants no page about an error either
            body = {"ok": False, "error": sentence, "status": status}
            return Response.json(body, status=status)
        context = {"heading": heading, "sentence": sentence, "ways": ways}
        return await self.page("sorry.html", context, status=status)


async def open_site(datasette: Any, request: Any, *tables: str) -> Site:
    """Find the histories and check that the asker may see them, and these tables besides.

    Raises NotFound, Forbidden.
    """
    known = request.scope.get(_SCOPE_SITE)
    if known is not None and not tables:
        return known
    database = await history_database(datasette)
    if database is None:
        raise NotFound("No database here has the tables of histories (tickets, timeline).")
    await _check_may_see(datasette, request.actor, database.name, (*_SEEN, *tables))
    site = Site(datasette, request, database, Links(datasette.urls, database.name))
    request.scope[_SCOPE_SITE] = (
        site  # checking costs milliseconds, and `live` asks before the page
    )
    return site


async def history_database(datasette: Any) -> Any | None:
    """The first database that holds histories."""
    for name, database in datasette.databases.items():
        if name != "_internal" and set(await database.table_names()) >= HISTORY_TABLES:
            return database
    return None


async def _check_may_see(datasette: Any, actor: Any, database: str, tables: Sequence[str]) -> None:
    """Our pages show what these tables hold, so they ask the same permission. The one place that
    Datasette 1.0 changes (there: `allowed`).
    """
    for table in tables:
        visible, _ = await datasette.check_visibility(
            actor,
            permissions=[
                ("view-table", (database, table)),
                ("view-database", database),
                "view-instance",
            ],
        )
        if not visible:
            raise Forbidden("view-table")


NOT_SEEN = "Notifications as received are shown to power users only."


def template_filters() -> dict[str, Any]:
    """What templates may call on values."""
    return {
        "span": words.span,
        "when": words.when,
        "when_short": words.when_short,
        "count": words.count,
        "unordered": words.unordered,
        "linked": linked,
        "seconds_until": seconds_between,
    }
