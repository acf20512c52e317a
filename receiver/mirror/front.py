"""The mirror's front: which path is served by what, and what a request gets."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from receiver.consumers.asked import JSON, media_type
from receiver.consumers.exchange import Visit
from receiver.mirror import pages
from receiver.mirror.asked import Asked, asked_list, asked_one
from receiver.mirror.asking import Asking
from receiver.mirror.collections import COLLECTIONS, Collection
from receiver.mirror.described import paths
from receiver.mirror.rules import MirrorRules
from receiver.mirror.told import told
from receiver.rejections import (
    AmbiguousResource,
    InvalidParameter,
    NoSuchResource,
    ResourceDeleted,
)
from store import RuleBook
from store.resources.past import HAVE_A_PAST, resource_then
from store.resources.reader import Found, ResourceReader, Stored

Serve = Callable[[Visit], Awaitable[None]]
Methods = Mapping[str, Serve]


class Mirror:
    """Serves the provider's resources out of one data directory. Close it after the app."""

    def __init__(
        self,
        directory: Path,
        *,
        rules: MirrorRules | None = None,
        fold_rules: RuleBook | None = None,
        prefixes: Sequence[str] = ("",),
    ) -> None:
        self._rules = rules or MirrorRules()
        self._asking = Asking(directory, self._rules, fold_rules or RuleBook())
        self._start = secrets.token_hex(8)
        self._served = {
            f"{prefix.rstrip('/')}{one.path}": one for prefix in prefixes for one in COLLECTIONS
        }

    def served(self, path: str) -> Methods | None:
        """What the methods of a path do; None for one that is not the mirror's."""
        if (collection := self._served.get(path)) is not None:
            return _reading(lambda visit: self._list(visit, collection, path))
        # An id may have slashes of its own: it is whatever follows a collection's path.
        above = next((one for one in self._served if path.startswith(f"{one}/")), "")
        name = path[len(above) + 1 :]
        if not above or not name:
            return None
        within = self._served[above]
        return _reading(lambda visit: self._one(visit, within, above, name))

    def described(self) -> dict[str, Any]:
        """Its paths, for /openapi.json."""
        return paths(COLLECTIONS, self._rules)

    def close(self) -> None:
        """Wait for what is being read."""
        self._asking.close()

    async def _list(self, visit: Visit, collection: Collection, path: str) -> None:
        media_type(visit.headers, (JSON,))
        kind, asked = collection.resource_type, asked_list(visit.query, self._rules)
        if visit.headers.get(b"if-none-match"):
            checkpoint = await self._asking.ask(lambda resources: resources.checkpoint())
            tag = pages.tag(self._start, checkpoint, path, visit.query)
            if visit.has(tag):
                await visit.answer_known((("ETag", tag), ("Vary", "Accept")))
                return
        await self._check_names(collection, asked)

        def read(resources: ResourceReader) -> tuple[Found, bytes]:
            found = resources.page(kind, asked.question)
            lines = [told(one, kind, path, asked.fields) for one in found.resources]
            return found, b"[" + b",\n".join(lines) + b"]"

        found, body = await self._asking.ask(read)
        tag = pages.tag(self._start, found.checkpoint, path, visit.query)
        headers = pages.headers(found, asked.question, visit.query)
        await visit.answer(
            pages.status(found),
            body,
            headers=(*headers, ("ETag", tag), ("Vary", "Accept")),
        )

    async def _one(self, visit: Visit, collection: Collection, path: str, name: str) -> None:
        media_type(visit.headers, (JSON,))
        kind, asked = collection.resource_type, asked_one(visit.query)
        if asked.moment and kind not in HAVE_A_PAST:
            wrong = "asOf" if asked.moment.as_of else "knownAt"
            raise InvalidParameter(wrong, f"nothing: no past is kept of a {kind}")

        def find(resources: ResourceReader) -> Stored | None:
            present = _only(resources.one(kind, name, asked.question.source))
            if present is None or not asked.moment:
                return present
            return resource_then(resources, kind, present, asked.moment)

        stored = await self._asking.ask(find)
        if stored is None:
            raise NoSuchResource(f"{kind} {name[:100]}{' was not known then' * bool(asked.moment)}")
        if stored.deleted_at:
            raise ResourceDeleted(stored.deleted_at)
        await self._check_names(collection, asked)
        await visit.answer_tagged(told(stored, kind, path, asked.fields), JSON)

    async def _check_names(self, collection: Collection, asked: Asked) -> None:
        """Attributes are those of TMF621 and FIT, and whatever a provider has told.

        Raises InvalidParameter: a slip must not look like an answer.
        """
        kind = collection.resource_type
        for parameter, path in asked.names:
            if collection.has(path):
                continue
            if not await self._asking.ask(
                lambda resources, path=path: resources.is_told(kind, path)
            ):
                raise InvalidParameter(
                    parameter[:64], f"an attribute of {kind}, not {'.'.join(path)}"
                )


def _only(found: Sequence[Stored]) -> Stored | None:
    if len(found) > 1:
        raise AmbiguousResource([one.source for one in found])
    return found[0] if found else None


def _reading(serve: Serve) -> Methods:
    return {"GET": serve, "HEAD": serve}
