"""Pages: one list of the provider, page by page (TMF630: offset, limit, sort, X-Total-Count).

A list moves while it is read: what is new pushes everything on, what is deleted pulls it back.
Reading it so that nothing is lost is walk.py's business. Where the list ends is what the provider
says (X-Total-Count, Link), else where a page is empty: a page shorter than asked may only mean that
the provider gives fewer at once.

Whether `sort` is understood cannot be asked, only seen: the first by `-lastUpdate` and the first by
`lastUpdate` must be two, and every page in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from receiver.provider.client import Answer, ProviderClient
from store.dialects import Dialect, resource_read
from store.payload import Json, id_text, member_of

SORT = "-lastUpdate"
NOT_SERVED = frozenset({404, 405, 501})
"""Of a list: the provider has no such resources."""
GONE = frozenset({404, 410})
"""Of one resource: the provider has it no more."""

FIT = Dialect()
"""Of who says nothing else."""

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class NotReconciled(Exception):
    """The provider's answer is of no use for this; the text says why."""


class NotServed(Exception):
    """The provider has no such list."""


@dataclass(frozen=True, slots=True)
class Found:
    """One resource as the provider answered it."""

    id: str
    answer: bytes
    """Its very bytes."""
    members: Json
    """What they say, in our words."""


@dataclass(frozen=True, slots=True)
class Page:
    """Resources in the provider's order."""

    found: Sequence[Found]
    count: int
    """How many there were, those without an id too."""
    end: int
    """The offset behind them."""
    total: int | None
    """X-Total-Count; None where it is not told."""
    is_last: bool | None
    """Whether nothing follows; None where the provider does not say."""


class Lists:
    """Reads one provider's lists, each by the type of its resources."""

    def __init__(self, client: ProviderClient, page_size: int, dialect: Dialect = FIT) -> None:
        self._client = client
        self._page_size = page_size
        self._dialect = dialect

    def path(self, kind: str, name: str | None = None) -> str:
        """Where the provider has the list, or the one of this id. Raises NotServed."""
        provider = self._dialect.provider
        found = provider.path(member_of(kind), name)
        if found is None or provider.path(member_of(kind)) is None:
            raise NotServed(f"{self._dialect.name} has no such list")
        return found

    def read(self, answer: bytes) -> Found | None:
        """A resource that was answered so; None where that is none."""
        try:
            members = resource_read(_OBJECT.decode(answer), self._dialect.speech)
        except (msgspec.MsgspecError, RecursionError):
            return None
        name = id_text(members.get("id"))
        return Found(name, answer, members) if name is not None else None

    async def page(self, kind: str, offset: int, *, is_sorted: bool) -> Page:
        """What stands from `offset` on. Raises NotServed, NotReconciled, ProviderAway."""
        query = {"limit": str(self._page_size), "offset": str(offset)}
        if is_sorted:
            query["sort"] = SORT
        return await self._page(self.path(kind), query, offset)

    async def sorts(self, kind: str) -> bool:
        """Whether the provider sorts by lastUpdate when it is asked to. Raises as page."""
        first: list[str | None] = []
        for order in (SORT, SORT.removeprefix("-")):
            asked = {"limit": "1", "offset": "0", "sort": order, "fields": "id,lastUpdate"}
            answer = await self._client.get(self.path(kind), asked)
            if not answer.is_success:
                return False  # 400 and the like: it does not know the word
            page = self._read(answer, 0)
            first.append(page.found[0].id if page.found else None)
        return first[0] != first[1]

    async def one(self, kind: str, name: str) -> tuple[Answer, Found | None]:
        """One resource by its id; None where the answer is none, or another one.

        Raises NotServed, ProviderAway.
        """
        answer = await self._client.get(self.path(kind, name))
        found = self.read(answer.body.strip()) if answer.is_success else None
        return answer, found if found is not None and found.id == name else None

    async def _page(self, path: str, query: dict[str, str], offset: int) -> Page:
        answer = await self._client.get(path, query)
        if answer.status in NOT_SERVED:
            raise NotServed(f"GET {path} {answer.said()}")
        if not answer.is_success:
            raise NotReconciled(f"GET {path} {answer.said()}")
        return self._read(answer, offset)

    def _read(self, answer: Answer, offset: int) -> Page:
        try:
            raws = _LIST.decode(answer.body)
        except msgspec.MsgspecError as error:
            raise NotReconciled(f"GET {answer.url} answered no list: {error}") from None
        found = [one for raw in raws if (one := self.read(bytes(raw)))]
        total = _number(answer.headers.get("x-total-count"))
        is_last = None
        if total is not None:
            is_last = offset + len(raws) >= total
        elif "link" in answer.headers:
            is_last = 'rel="next"' not in answer.headers["link"]
        return Page(found, len(raws), offset + len(raws), total, is_last)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdecimal() else None
