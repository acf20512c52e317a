"""Heal: what differs becomes reconciled events, each compared again with what the provider answered.

What changed a moment ago may be on its way to us: it is waited for, and asked for anew. An event is
noted before it is appended, so that a certificate names every one, wherever we were killed; the
same state appended again is a redelivery.
"""

import asyncio
from collections.abc import Callable, Sequence

from receiver.provider.reconcile.pages import GONE, NOT_SERVED, Found, Lists
from receiver.provider.reconcile.rules import ReconcileRules
from receiver.provider.reconcile.walk import WHOLE, Walk, note_gaps
from store.events import Appended, NewEvent
from store.own_events import gone, reconciled
from store.payload import Json, status_date
from store.reconciling.compare import differences
from store.reconciling.held import Held, Holdings
from store.reconciling.ledger import (
    DIFFERS,
    HEALED,
    SEEN,
    UNEXPLAINED,
    WAITING,
    Ledger,
    Note,
)
from store.times import read_time, seconds_between

ROUNDS = 3
"""How often what still differs after it was healed is asked for anew."""
BATCH = 100

Append = Callable[[Sequence[NewEvent]], Sequence[Appended]]


class Healer:
    """Heals for one reconciliation. `keep_up` returns when what was appended is folded."""

    def __init__(
        self,
        rules: ReconcileRules,
        lists: Lists,
        holdings: Holdings,
        ledger: Ledger,
        *,
        now: Callable[[], str],
        append: Append,
        keep_up: Callable[[], None],
        window: str,
    ) -> None:
        self._rules = rules
        self._lists = lists
        self._holdings = holdings
        self._ledger = ledger
        self._now = now
        self._append = append
        self._keep_up = keep_up
        self._window = window

    async def heal(self, walk: Walk) -> None:
        """Heal what a walk found. Raises ProviderAway, LogError."""
        kind = walk.resource_type
        await self._wait_for_the_young(kind)
        self._append_noted(kind)  # of a reconciliation that was interrupted here
        for turn in range(ROUNDS):
            self._keep_up()
            judged = 0
            for note in self._ledger.every(DIFFERS, kind):
                await self._judge(walk, note, anew=turn > 0)
                judged += 1
                if judged % BATCH == 0:
                    self._append_noted(kind)
            self._append_noted(kind)
            if not judged:
                return
            self._keep_up()
            self._verify(kind)
        with self._ledger.writing():
            for note in self._ledger.every(DIFFERS, kind):
                why = f"differs although it was healed: {', '.join(note.told['members'])}"
                self._leave(note, why)

    def absent(self, walk: Walk) -> int:
        """Ask for the tickets that are open with us and that the list did not name; how many were
        not asked for because they are too many. Raises LogError.
        """
        kind = walk.resource_type
        named = self._ledger.count(SEEN, kind) > 0
        asked = left = 0
        for name in self._holdings.open_tickets():
            if self._ledger.noted(SEEN, kind, [name]):
                continue
            if asked >= self._rules.most_asked:
                left += 1
                continue
            asked += 1
            with self._ledger.writing():
                self._ledger.note(DIFFERS, Note(kind, name, {"members": ["id"], "absent": named}))
        return left

    async def _wait_for_the_young(self, kind: str) -> None:
        """What changed within the grace may be told yet."""
        dates = [
            self._changed_at(self._members(note)) for note in self._ledger.every(DIFFERS, kind)
        ]
        latest = max((date for date in dates if date), default=None)
        if latest is None:
            return
        left = self._rules.grace_seconds - seconds_between(latest, self._now())
        await asyncio.sleep(min(max(left, 0.0), self._rules.grace_seconds))

    def _changed_at(self, members: Json) -> str | None:
        return read_time(members.get("lastUpdate") or status_date(members), self._rules.zone)

    async def _judge(self, walk: Walk, note: Note, *, anew: bool) -> None:
        """Whether it still differs, and then what is to be appended."""
        kind, name = walk.resource_type, note.id
        held = self._holdings.of(kind, [name]).get(name)
        one, asked_at = self._found(note), str(note.told.get("asked_at", ""))
        complete = walk.is_full
        heard = held.received_at if held else None
        if anew or one is None or not complete or (heard and heard >= asked_at) or self._is_young(one, asked_at):  # fmt: skip
            asked_at = self._now()
            answer, whole = await self._lists.one(kind, name)
            if answer.status in GONE:
                self._note_gone(note, held, answer.status, asked_at)
                return
            complete = whole is not None
            # Where the one cannot be had, what the list told of it is all there is.
            is_useless = answer.status in NOT_SERVED or answer.is_success
            one = whole or (one if is_useless else None)
            if one is None:
                with self._ledger.writing():
                    other = ", and not with this one" if answer.is_success else ""
                    path = self._lists.path(kind, name)
                    self._leave(note, f"GET {path} {answer.said()}{other}")
                return
        found = differences(held, one.members, self._rules.zone, whole=complete and kind in WHOLE)
        with self._ledger.writing():
            self._ledger.note(SEEN, Note(kind, name, {"digest": "", "turn": 0}))
            note_gaps(self._ledger, kind, one, held, self._rules.zone)
            if not found:
                self._ledger.strike(DIFFERS, kind, name)
                return
            told: Json = {
                "how": "read" if held else "new",
                "members": found if held else [],
                "asked_at": asked_at,
                # That it changed at its lastUpdate was not enough: it is so now.
                "after": asked_at if anew else held and held.last_event_at,
                "complete": complete,
                "path": self._lists.path(kind, name),
            }
            self._note_healed(Note(kind, name, told, one.answer))

    def _is_young(self, one: Found, asked_at: str) -> bool:
        changed_at = self._changed_at(one.members)
        return bool(changed_at) and (
            seconds_between(str(changed_at), asked_at) < self._rules.grace_seconds
        )

    def _note_gone(self, note: Note, held: Held | None, status: int, asked_at: str) -> None:
        with self._ledger.writing():
            if held is None or held.deleted_at is not None or note.resource_type not in WHOLE:
                self._ledger.strike(DIFFERS, note.resource_type, note.id)
            elif note.told.get("absent") is False:
                # Who sees no ticket at all may not be allowed to.
                self._leave(note, f"answered {status}, as the provider lists no ticket at all")
            else:
                told: Json = {"how": "gone", "members": ["id"], "status": status}
                told |= {
                    "asked_at": asked_at,
                    "path": self._lists.path(note.resource_type, note.id),
                }
                self._note_healed(Note(note.resource_type, note.id, told))

    def _note_healed(self, note: Note) -> None:
        before = self._ledger.noted(HEALED, note.resource_type, [note.id]).get(note.id)
        if before:
            members = sorted({*before["members"], *note.told["members"]})
            note = note._replace(told={**note.told, "members": members})
        self._ledger.note(WAITING, note)

    def _leave(self, note: Note, why: str) -> None:
        self._ledger.strike(DIFFERS, note.resource_type, note.id)
        self._ledger.note(UNEXPLAINED, Note(note.resource_type, note.id, {"why": why}))

    def _append_noted(self, kind: str) -> None:
        waiting = list(self._ledger.every(WAITING, kind))
        events = [self._event(note) for note in waiting]
        appended = self._append(events) if events else ()
        with self._ledger.writing():
            for note, event, one in zip(waiting, events, appended, strict=True):
                told = {**note.told, "event": one.position, "digest": event.digest}
                self._ledger.strike(WAITING, kind, note.id)
                self._ledger.note(HEALED, note._replace(told=told))

    def _event(self, note: Note) -> NewEvent:
        told = note.told
        if told["how"] == "gone":
            return gone(
                source=self._rules.source,
                resource_type=note.resource_type,
                resource_id=note.id,
                status=told["status"],
                path=told["path"],
                asked_at=told["asked_at"],
                window=self._window,
            )
        return reconciled(
            source=self._rules.source,
            resource_type=note.resource_type,
            resource=note.answer,
            path=told["path"],
            asked_at=told["asked_at"],
            after=told["after"],
            complete=told["complete"],
            zone=self._rules.zone,
            window=self._window,
            speech=self._rules.dialect.speech,
        )

    def _verify(self, kind: str) -> None:
        """Whether what was appended made it the same: what still differs stays noted as such."""
        for name in [note.id for note in self._ledger.every(DIFFERS, kind)]:
            note = self._ledger.one(HEALED, kind, name)
            if note is None:
                continue
            held = self._holdings.of(kind, [name]).get(name)
            one = self._found(note)
            with self._ledger.writing():
                if one is None:
                    if held is None or held.deleted_at is not None:
                        self._ledger.strike(DIFFERS, kind, name)
                    continue
                whole = note.told["complete"] and kind in WHOLE
                if not differences(held, one.members, self._rules.zone, whole=whole):
                    self._ledger.strike(DIFFERS, kind, name)
                note_gaps(self._ledger, kind, one, held, self._rules.zone)

    def _found(self, note: Note) -> Found | None:
        """The provider's answer that is noted; None where it named none."""
        return self._lists.read(note.answer) if note.answer else None

    def _members(self, note: Note) -> Json:
        found = self._found(note)
        return found.members if found else {}
