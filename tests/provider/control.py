"""For whoever plays with the provider from another process: /-/.

GET  /-/                          its clock, subscriptions, habits, how many were told
POST /-/advance {"minutes": 10}   let time pass
POST /-/habits {"lose": 0.1}      turn knobs (tests/provider/habits.py)
POST /-/forget-hubs               lose every subscription
POST /-/revoke-tokens             no access token is good any more
GET  /-/told                      what became of each notification
GET  /-/asked                     every request
"""

from collections import Counter
from dataclasses import asdict, fields, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.provider.envelope import utc
from tests.provider.habits import Habits
from tests.provider.provider import Provider


def control_routes(provider: Provider) -> list[Route]:
    """Not part of TMF621, and without credentials: for loopback."""

    async def state(_request: Request) -> Response:
        return JSONResponse(_state(provider))

    async def advance(request: Request) -> Response:
        asked = await request.json()
        await provider.advance(
            minutes=float(asked.get("minutes", 0)), seconds=float(asked.get("seconds", 0))
        )
        return JSONResponse(_state(provider))

    async def habits(request: Request) -> Response:
        try:
            provider.habits = turned(provider.habits, await request.json())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(_state(provider))

    async def forget_hubs(_request: Request) -> Response:
        provider.forget_hubs()
        return JSONResponse(_state(provider))

    async def revoke_tokens(_request: Request) -> Response:
        provider.guard.revoke()
        return JSONResponse(_state(provider))

    async def told(_request: Request) -> Response:
        return JSONResponse(
            [asdict(one) | {"body": one.body.decode("utf-8", "replace")} for one in provider.told]
        )

    async def asked(_request: Request) -> Response:
        return JSONResponse(list(provider.asked))

    return [
        Route("/-/", state),
        Route("/-/advance", advance, methods=["POST"]),
        Route("/-/habits", habits, methods=["POST"]),
        Route("/-/forget-hubs", forget_hubs, methods=["POST"]),
        Route("/-/revoke-tokens", revoke_tokens, methods=["POST"]),
        Route("/-/told", told),
        Route("/-/asked", asked),
    ]


def turned(habits: Habits, knobs: dict[str, Any]) -> Habits:
    """Habits with these knobs turned; text is read as the knob's kind. Raises ValueError."""
    kinds = {field.name: field.type for field in fields(Habits)}
    read: dict[str, Any] = {}
    for name, value in knobs.items():
        if name not in kinds:
            raise ValueError(f"There is no habit {name}; there are {', '.join(kinds)}.")
        read[name] = _read(name, value, getattr(habits, name))
    return replace(habits, **read)


def _read(name: str, value: Any, before: Any) -> Any:
    try:
        if isinstance(before, tuple):
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(float(part) for part in parts if part != "")
        if isinstance(before, bool):
            return {"true": True, "false": False}[str(value).lower()]
        return type(before)(value)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{name} cannot be {value!r}; it is {before!r}.") from None


def _state(provider: Provider) -> dict[str, Any]:
    return {
        "now": utc(provider.now),
        "tickets": len(provider.tickets()),
        "hubs": [
            {"id": hub.id, "callback": hub.callback, "query": hub.query}
            for hub in provider.hubs.values()
        ],
        "told": dict(Counter(one.outcome for one in provider.told)),
        "asked": len(provider.asked),
        "habits": asdict(provider.habits),
    }
