"""The provider's API: hub, resources, tasks, the token endpoint; TMF630's rules, TMF Errors."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.provider import queries
from tests.provider.access import NoAccess, NoToken
from tests.provider.control import control_routes
from tests.provider.habits import Habits
from tests.provider.hub import Hub, UnreadableQuery, subscribed
from tests.provider.known import Resource
from tests.provider.opening import OPENED, NotOpened
from tests.provider.provider import Provider

TOKEN_PATH = "/oauth2/token"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """Answered with a TMF Error."""

    def __init__(self, status: int, code: str, why: str, **headers: str) -> None:
        super().__init__(why)
        self.answer = error(status, code, why, headers)


def create_app(provider: Provider) -> Starlette:
    """The API under the dialect's prefix; the controls of whoever plays under /-/."""
    api = Api(provider)
    prefix = provider.dialect.prefix
    hub = f"{prefix}/hub"
    routes = [
        Route(TOKEN_PATH, api.token, methods=["POST"]),
        api.route(hub, {"GET": api.hubs, "POST": api.subscribe}),
        api.route(f"{hub}/{{id}}", {"GET": api.hub, "DELETE": api.unsubscribe}),
    ]
    for kind in provider.dialect.kinds:
        listed: dict[str, Endpoint] = {"GET": partial(api.listed, kind)}
        if kind in OPENED:
            listed["POST"] = partial(api.opened, kind)
        routes.append(api.route(f"{prefix}/{kind}", listed))
        routes.append(api.route(f"{prefix}/{kind}/{{id:path}}", {"GET": partial(api.one, kind)}))
    return Starlette(
        routes=[*routes, *control_routes(provider)],
        exception_handlers={404: _no_such_path},
    )


class Api:
    """One provider, asked over HTTP."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._chance = Random(f"{provider.seed}/busy")
        self._list_asked: object = None
        self._list: list[Resource] = []

    def route(self, path: str, methods: dict[str, Endpoint]) -> Route:
        """Down, busy and credentials first, then what the method does."""

        async def not_allowed(_request: Request) -> Response:
            allow = ", ".join(methods)
            raise Refused(405, "methodNotAllowed", f"{allow} is possible.", allow=allow)

        async def endpoint(request: Request) -> Response:
            try:
                self.admit(request)
                answer = await methods.get(request.method, not_allowed)(request)
            except Refused as refused:
                answer = refused.answer
            self.note(request, answer)
            return answer

        return Route(path, endpoint, methods=METHODS)

    def admit(self, request: Request) -> None:
        """Raises Refused."""
        provider = self._provider
        if provider.habits.down:
            raise Refused(503, "unavailable", "Under maintenance.", **{"retry-after": "1"})
        try:
            scope = "read" if request.method == "GET" else "write"
            provider.guard.check(request.headers.get("authorization", ""), scope)
        except NoAccess as refused:
            status, why = refused.args
            kind = "Basic" if provider.guard.access.kind == "basic" else "Bearer"
            headers = {"www-authenticate": f'{kind} realm="tickets"'} if status == 401 else {}
            raise Refused(
                status, "unauthorized" if status == 401 else "forbidden", why, **headers
            ) from None
        if request.method == "GET" and self._chance.random() < provider.habits.busy:
            raise Refused(429, "tooManyRequests", "Slower, please.", **{"retry-after": "0"})

    def note(self, request: Request, answer: Response) -> None:
        path = request.url.path.removeprefix(self._provider.dialect.prefix)
        query = f"?{request.url.query}" if request.url.query else ""
        self._provider.asked.append(f"{request.method} {path}{query} {answer.status_code}")

    async def token(self, request: Request) -> Response:
        """RFC 6749 4.4."""
        form = (await request.body()).decode("utf-8", "replace")
        status, provider = 200, self._provider
        if provider.habits.down:
            status, told = 503, {"error": "temporarily_unavailable"}
        else:
            try:
                told = provider.guard.token(request.headers.get("authorization", ""), form)
            except NoToken as refused:
                status, name = refused.args
                told = {"error": name}
        answer = JSONResponse(told, status, {"cache-control": "no-store"})
        self.note(request, answer)
        return answer

    async def subscribe(self, request: Request) -> Response:
        """POST /hub: 201, and where it is."""
        document = await _document(request)
        same = [
            one for one in self._provider.hubs.values() if one.callback == document.get("callback")
        ]
        if same and self._provider.habits.hub_once:
            raise Refused(409, "conflict", "There is a subscription with this callback.")
        try:
            subscribed("", document, "")
        except UnreadableQuery as refused:
            raise Refused(400, "invalidAttribute", str(refused)) from None
        made = self._provider.subscribe(lambda number, seed: subscribed(number, document, seed))
        location = f"{self._provider.dialect.prefix}/hub/{made.id}"
        return answered(self._written(made), 201, {"location": location})

    async def hubs(self, _request: Request) -> Response:
        """GET /hub, where the provider lists."""
        if not self._provider.habits.hub_list:
            raise Refused(405, "methodNotAllowed", "POST is possible.", allow="POST")
        return answered([self._written(one) for one in self._provider.hubs.values()])

    async def hub(self, request: Request) -> Response:
        """GET /hub/{id}, where the provider has it."""
        if not self._provider.habits.hub_get or self._provider.dialect.version_4:
            raise Refused(405, "methodNotAllowed", "DELETE is possible.", allow="DELETE")
        return answered(self._written(self._hub(request)))

    async def unsubscribe(self, request: Request) -> Response:
        """DELETE /hub/{id}: 204."""
        del self._provider.hubs[self._hub(request).id]
        return Response(status_code=204)

    async def listed(self, kind: str, request: Request) -> Response:
        """A page of a list."""
        habits = self._provider.habits
        try:
            question = queries.read(request.url.query, habits)
        except queries.Unreadable as refused:
            name, why = refused.args
            raise Refused(400, "invalidQuery", f"{name} {why}.") from None
        fitting = self._fitting(kind, question, habits)
        page = fitting[question.offset : question.offset + question.limit]
        headers = {"x-total-count": str(len(fitting)), "x-result-count": str(len(page))}
        whole = len(page) == len(fitting)
        return answered(
            [queries.narrowed(one, question.fields) for one in page],
            206 if habits.partial and not whole else 200,
            headers if habits.counts else {},
        )

    async def one(self, kind: str, request: Request) -> Response:
        """One resource, or some of its members."""
        number = request.path_params["id"]
        found = self._provider.one(kind, number)
        if found is None:
            raise Refused(404, "notFound", f"There is no {kind} {number}.")
        fields = queries.fields_of(request.query_params.get("fields"))
        return answered(queries.narrowed(found, fields))

    async def opened(self, kind: str, request: Request) -> Response:
        """A ticket or a task, asked for: 201; subscribers are told after the answer."""
        document = await _document(request)
        try:
            made = self._provider.open(kind, document)
        except NotOpened as refused:
            status, code, why = refused.args
            raise Refused(status, code, why) from None
        location = {"location": f"{self._provider.dialect.prefix}/{kind}/{made['id']}"}
        answer = answered(made, 201, location)
        answer.background = BackgroundTask(self._provider.tell)
        return answer

    def _fitting(self, kind: str, question: queries.Question, habits: Habits) -> list[Resource]:
        """The whole list of which a page is asked for; kept for the next page of the same list."""
        asked = (kind, question.tests, question.sort, habits.newest_first, self._provider.changes)
        if asked != self._list_asked:
            resources = list(self._provider.resources(kind).values())
            self._list = queries.found(
                resources[::-1] if habits.newest_first else resources, question
            )
            self._list_asked = asked
        return self._list

    def _hub(self, request: Request) -> Hub:
        found = self._provider.hubs.get(request.path_params["id"])
        if found is None:
            raise Refused(404, "notFound", "There is no such subscription.")
        return found

    def _written(self, hub: Hub) -> dict[str, Any]:
        told = {"id": hub.id, "callback": hub.callback, "query": hub.query}
        if self._provider.dialect.version_4:
            return told
        return {"@type": "Hub", "href": f"{self._provider.dialect.prefix}/hub/{hub.id}"} | told


def answered(told: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(told, ensure_ascii=False).encode()
    return Response(body, status, headers, media_type="application/json")


def error(status: int, code: str, why: str, headers: dict[str, str] | None = None) -> Response:
    """TMF630's Error."""
    told = {"@type": "Error", "code": code, "reason": why, "status": str(status)}
    return answered(told, status, headers)


async def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(await request.body())
    except ValueError:
        raise Refused(400, "invalidBody", "The body is not JSON.") from None
    if not isinstance(document, dict):
        raise Refused(400, "invalidBody", "The body is not an object.")
    return document


async def _no_such_path(request: Request, _error: Exception) -> Response:
    return error(404, "notFound", f"There is no {request.url.path}.")
