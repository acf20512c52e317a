"""The front of the pages: asks who it is, shows each role its own Datasette, signs in and out.

Two Datasettes may stand behind it: one reads history.db whole, the other one with masks and without
SQL. Which of them answers is decided here, once, for every address and every format.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from dashboards.door import Door, NotKnown, Refused, TooMany
from dashboards.formulas import without_formulas
from dashboards.headers import App, Receive, Scope, Send, with_headers
from dashboards.people import Role, TooManyWait, Viewer
from dashboards.sessions import COOKIE, LASTS_SECONDS
from dashboards.site import STRICT_POLICY, TEMPLATES, style_sheet

SIGN_IN = "/-/history/sign-in"
SIGN_OUT = "/-/history/sign-out"

_OPEN_TO_ALL = re.compile(r"/favicon\.ico|/-/history/[a-z-]+\.(css|js)")
"""What says nothing about any ticket."""
_FOR_NOBODY = re.compile(r"/-/(databases|threads)(\.|/|$)")
"""Datasette's pages that name files and threads of this machine."""
_OF_DATASETTE = re.compile(r"/-/(?!(history|static|static-plugins|actor)(\.|/|$))")
"""Its pages about itself, and those of other plugins: not for analysts."""
_LONGEST_FORM = 4_096
_PRIVATE = ((b"cache-control", b"private, no-store"),)


class Front:
    """The ASGI app that the server calls."""

    def __init__(self, door: Door, datasettes: Mapping[Role, App]) -> None:
        self._door = door
        self._datasettes = datasettes
        loader = FileSystemLoader(TEMPLATES)
        self._template = Environment(loader=loader, autoescape=True).get_template(
            "history/sign-in.html"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        path: str = scope["path"]
        if _OPEN_TO_ALL.fullmatch(path):
            await next(iter(self._datasettes.values()))(scope, receive, send)
            return
        is_static = path.startswith("/-/static")
        private = _PRIVATE if self._door.people and not is_static else ()
        send = with_headers(send, STRICT_POLICY, private)
        try:
            answer = await self._answer(request, path)
        except TooManyWait:
            answer = self._refusal(request, 503, "Too many ask at once.", {"retry-after": "10"})
        except TooMany as error:
            answer = self._refusal(request, 429, str(error), {"retry-after": str(error.seconds)})
        except Refused as error:
            answer = self._refusal(request, error.status, str(error))
        if path.endswith(".csv") or request.query_params.get("_format") == "csv":
            send = without_formulas(send)
        if isinstance(answer, Viewer):
            await self._show(answer, scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response | Viewer:
        if path == SIGN_IN and request.method == "POST":
            return await self._sign_in(request)
        if path == SIGN_OUT:
            return self._sign_out(request)
        viewer = await self._door.identify(request)
        if path == SIGN_IN:
            return self._page(request, viewer=viewer)
        if viewer is None:
            return self._to_sign_in(request)
        if _FOR_NOBODY.match(path) or (viewer.role == "analyst" and _OF_DATASETTE.match(path)):
            return self._refusal(request, 403, "This page tells of the machine, not of tickets.")
        return viewer

    async def _show(self, viewer: Viewer, scope: Scope, receive: Receive, send: Send) -> None:
        # Whom Datasette calls the actor; a cookie of its own would say more than we know.
        actor = {"id": viewer.name, "role": viewer.role} if viewer.name else None
        scope = {**scope, "actor": actor, "headers": _without_cookies(scope["headers"])}
        await self._datasettes[viewer.role](scope, receive, send)

    async def _sign_in(self, request: Request) -> Response:
        if not _is_from_here(request):
            return self._refusal(request, 403, "A form of another site cannot sign you in.")
        form = await _form(request)
        name, password = form.get("name", "").strip(), form.get("password", "")
        viewer = await self._door.sign_in(request, name, password)
        there = _local(form.get("next", ""))
        if viewer is None:
            return self._page(request, status=403, wrong=True, name=name, there=there)
        answer = RedirectResponse(there, status_code=303)
        answer.set_cookie(
            COOKIE,
            self._door.sessions.begin(viewer.name, self._door.people.stamp(viewer)),
            max_age=LASTS_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    def _sign_out(self, request: Request) -> Response:
        if request.method != "POST" or not _is_from_here(request):
            return self._refusal(request, 403, "Signing out takes the button on the sign-in page.")
        answer = RedirectResponse(SIGN_IN, status_code=303)
        answer.delete_cookie(
            COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
        return answer

    def _to_sign_in(self, request: Request) -> Response:
        if not _wants_page(request):
            return self._refusal(request, 401, str(NotKnown.__doc__))
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{SIGN_IN}?next={quote(asked, safe='/')}", status_code=303)

    def _refusal(
        self, request: Request, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        if _wants_page(request):
            answer = self._page(request, status=status, sentence=sentence)
        else:
            body = {"ok": False, "error": sentence, "status": status}
            answer = JSONResponse(body, status_code=status)
        answer.headers.update(headers or {})
        if status == NotKnown.status:
            answer.headers["www-authenticate"] = 'Bearer realm="pages"'
        return answer

    def _page(self, request: Request, status: int = 200, **shown: Any) -> Response:
        shown.setdefault("there", _local(request.query_params.get("next", "")))
        shown |= {"style_version": style_sheet()[1], "sign_in": SIGN_IN, "sign_out": SIGN_OUT}
        return HTMLResponse(self._template.render(shown), status_code=status)


def _without_cookies(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Datasette needs its own, against forged forms; not who is signed in, nor its own actor."""
    kept = [pair for pair in headers if pair[0] not in (b"cookie", b"authorization")]
    cookies = [
        one.strip() for name, value in headers if name == b"cookie" for one in value.split(b";")
    ]
    return kept + [(b"cookie", one) for one in cookies if one.startswith(b"ds_csrftoken=")]


def _wants_page(request: Request) -> bool:
    """Whether a person in a browser asks."""
    is_page = "text/html" in request.headers.get("accept", "")
    return is_page and not re.search(r"\.(json|csv|ndjson|atom|raw)$", request.url.path)


def _is_from_here(request: Request) -> bool:
    """Whether a form was one of ours: browsers tell; what is no browser brings no cookies."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _local(address: str) -> str:
    """An address of these pages, else the board: nobody is led elsewhere after signing in."""
    parts = urlsplit(address)
    is_ours = address.startswith("/") and not address.startswith("//") and "\\" not in address
    if is_ours and not parts.netloc and address.isprintable() and parts.path != SIGN_OUT:
        return address
    return "/-/history"
