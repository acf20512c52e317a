"""Thin notifications, which tell an id and nothing else (MEF's profile): completed by a GET.

The log is followed from where it was left. What a thin one is about is asked for once, however
often it was told in the meantime, and becomes a reconciled event where it tells what we do not hold.
"""

from contextlib import closing
from itertools import islice
from typing import Any, cast

import msgspec

import store
from receiver.provider.client import ProviderClient
from receiver.provider.reconcile.pages import Lists, NotServed
from receiver.provider.reconcile.rules import ReconcileRules
from receiver.provider.reconcile.run import Surroundings
from receiver.provider.reconcile.walk import WHOLE
from store import LogMissing, RecordedEvent
from store.dialects import Speech, event_read
from store.own_events import OWN_TYPES, reconciled
from store.payload import Json, payload_of
from store.reconciling.compare import TELLS_NOTHING, differences
from store.reconciling.held import Holdings
from store.reconciling.ledger import mark, set_mark

BATCH = 1_000
"""Events looked at in one turn."""


class Completer:
    """For one source."""

    def __init__(self, client: ProviderClient, rules: ReconcileRules, around: Surroundings) -> None:
        self._lists = Lists(client, rules.page_size, rules.dialect)
        self._holdings = Holdings(around.directory, rules.source)
        self._rules = rules
        self._around = around
        self._mark = f"thin {rules.source}"

    async def complete(self) -> int:
        """Complete what came since the last call; how many were asked for.

        Raises ProviderAway, LogError; then the same is tried again at the next call.
        """
        directory = self._around.directory
        try:
            reader = store.open_reader(directory)
        except LogMissing:
            return 0
        with closing(reader):
            after = mark(directory, self._mark)
            if after is None:
                # What came before we looked is for a reconciliation.
                set_mark(directory, self._mark, reader.head())
                return 0
            found = list(islice(reader.read(after, BATCH), BATCH))
        if not found:
            return 0
        wanted = dict.fromkeys(
            (event.resource_type, event.resource_id)
            for event in found
            if event.source == self._rules.source and is_thin(event, self._rules.dialect.speech)
        )
        if wanted:
            self._around.keep_up()
        for resource_type, name in wanted:
            await self._ask(resource_type, name)
        set_mark(directory, self._mark, found[-1].position)
        return len(wanted)

    async def _ask(self, resource_type: str, name: str) -> None:
        asked_at = self._around.now()
        try:
            _, one = await self._lists.one(resource_type, name)
        except NotServed:
            return
        if one is None:
            # What cannot be read now is looked at by the next reconciliation.
            return
        held = self._holdings.of(resource_type, [name]).get(name)
        whole = resource_type in WHOLE
        if not differences(held, one.members, self._rules.zone, whole=whole):
            return
        event = reconciled(
            source=self._rules.source,
            resource_type=resource_type,
            resource=one.answer,
            path=self._lists.path(resource_type, name),
            asked_at=asked_at,
            after=held.last_event_at if held else None,
            complete=True,
            zone=self._rules.zone,
            speech=self._rules.dialect.speech,
        )
        self._around.append([event])


def is_thin(event: RecordedEvent, speech: Speech | None = None) -> bool:
    """Whether it names a resource and says nothing of it. What tells of an end needs nothing more."""
    if event.event_type in OWN_TYPES or event.event_type.endswith("DeleteEvent"):
        return False
    try:
        document: Any = msgspec.json.decode(event.body)
    except (msgspec.MsgspecError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    told = event_read(cast("Json", document), event, speech)
    located = payload_of(event.event_type, told)
    return located is not None and located[1].keys() <= TELLS_NOTHING
