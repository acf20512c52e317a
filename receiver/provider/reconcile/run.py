"""One reconciliation of one source: its window, what is read and healed, its certificate."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from receiver.provider.client import ProviderClient
from receiver.provider.reconcile.heal import Append, Healer
from receiver.provider.reconcile.pages import Lists, NotReconciled, NotServed
from receiver.provider.reconcile.rules import RESOURCE_TYPES, ReconcileRules
from receiver.provider.reconcile.walk import Progress, Walk, Walker
from store.payload import Json
from store.reconciling import certificates
from store.reconciling.held import Holdings
from store.reconciling.ledger import DIFFERS, HEALED, SEEN, UNEXPLAINED, Ledger, only_one
from store.times import moment, utc_text

SKEW_SECONDS = 300.0
"""Two windows overlap by this: the provider's clock may go as unevenly as that."""
STALE_SECONDS = 21_600.0
"""An interrupted reconciliation is gone on with for so long; later all is begun anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What one reconciliation needs from whoever starts it."""

    directory: Path
    now: Callable[[], str]
    append: Append
    keep_up: Callable[[], None]
    """Returns when all that is in the log is folded."""
    progress: Progress


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    told: Json
    """The certificate's members; of a dry run what it would have told."""
    position: int | None
    """Of the certificate in the log; None of a dry run."""
    differs: tuple[Json, ...] = ()
    """Of a dry run: what would be healed."""

    @property
    def unexplained(self) -> int:
        return len(self.told["unexplained"])

    @property
    def healed(self) -> int:
        return len(self.told["healed"])


def window_of(directory: Path, rules: ReconcileRules, now: str) -> str | None:
    """Since when it has to be looked at: a little before the last complete certificate; None:
    everything, since there is none, or everything was read too long ago.
    """
    last = certificates.last(directory, rules.source, complete=True)
    if last is None:
        return None
    oldest = utc_text(moment(now) - timedelta(seconds=rules.whole_every_seconds))
    if not any(
        one.told["window"]["since"] is None and one.told["window"]["until"] >= oldest
        for one in certificates.certificates(directory, rules.source)
        if one.told.get("complete")
    ):
        return None
    until = moment(last.told["window"]["until"])
    return utc_text(until - timedelta(seconds=SKEW_SECONDS))


async def reconcile(
    client: ProviderClient,
    rules: ReconcileRules,
    around: Surroundings,
    *,
    since: str | None,
    absent: bool = True,
    dry_run: bool = False,
) -> Outcome:
    """Read what changed since then (None: everything), heal, certify. `absent`: also ask for every
    ticket that is open with us and that was not named.

    What was interrupted goes on, with the window it had. Raises LogLocked where somebody else
    reconciles this source, NotReconciled, ProviderAway, LogError.
    """
    around.directory.mkdir(parents=True, exist_ok=True)
    with only_one(around.directory, rules.source):
        ledger = Ledger(None if dry_run else around.directory, rules.source)
        try:
            work = _Work(client, rules, around, ledger, dry_run=dry_run)
            return await work.run(since, absent=absent)
        finally:
            ledger.close()


class _Work:
    def __init__(
        self,
        client: ProviderClient,
        rules: ReconcileRules,
        around: Surroundings,
        ledger: Ledger,
        *,
        dry_run: bool,
    ) -> None:
        self._client = client
        self._rules = rules
        self._around = around
        self._ledger = ledger
        self._dry_run = dry_run
        self._run: Json = {}

    async def run(self, since: str | None, *, absent: bool) -> Outcome:
        self._run = self._gone_on_with(since) or self._begun(since, absent=absent)
        self._around.keep_up()
        lists = Lists(self._client, self._rules.page_size, self._rules.dialect)
        holdings = Holdings(self._around.directory, self._rules.source)
        walker = Walker(
            self._rules,
            lists,
            holdings,
            self._ledger,
            now=self._around.now,
            progress=self._around.progress,
        )
        walker.keep = self._keep
        healer = Healer(
            self._rules,
            lists,
            holdings,
            self._ledger,
            now=self._around.now,
            append=self._around.append,
            keep_up=self._around.keep_up,
            window=self._run["id"],
        )
        for kind in RESOURCE_TYPES:
            walk = self._walk(kind)
            try:
                if not walk.is_done:
                    await walker.walk(walk)
            except NotServed as error:
                self._note(walk, {"not_served": str(error)})
                continue
            if not self._dry_run:
                await self._heal(healer, walk)
        return self._certify()

    async def _heal(self, healer: Healer, walk: Walk) -> None:
        await healer.heal(walk)
        if self._run["absent"] and walk.resource_type == "TroubleTicket":
            left = healer.absent(walk)
            self._note(walk, {"not_asked": left} if left else {})
            await healer.heal(walk)

    def _gone_on_with(self, since: str | None) -> Json | None:
        kept = self._ledger.run()
        if kept is None:
            return None
        begun = moment(kept["started_at"])
        age = (moment(self._around.now()) - begun).total_seconds()
        # What is wanted now must be within what was wanted then.
        covers = kept["since"] is None or (since is not None and since >= kept["since"])
        return kept if covers and age < STALE_SECONDS else None

    def _begun(self, since: str | None, *, absent: bool) -> Json:
        self._ledger.forget()
        now = self._around.now()
        run: Json = {
            "id": f"{self._rules.source}@{now}",
            "since": since,
            "started_at": now,
            "absent": absent,
            "walks": {},
            "notes": {},
        }
        with self._ledger.writing():
            self._ledger.keep(run)
        return run

    def _walk(self, kind: str) -> Walk:
        kept: dict[str, Any] = self._run["walks"].get(kind, {})
        return Walk(**kept) if kept else Walk(resource_type=kind, since=self._since(kind))

    def _since(self, kind: str) -> str | None:
        """The window's begin by the provider's clock, which the last certificate shows: it was at
        least so far behind ours as the latest change that it told of then. Of one that was only
        quiet nothing more is read for that: it has nothing older to tell anew.
        """
        since = self._run["since"]
        last = certificates.last(self._around.directory, self._rules.source, complete=True)
        newest = last.told["resources"].get(kind, {}).get("newest") if last else None
        if since is None or last is None or newest is None:
            return since
        behind = moment(last.told["window"]["until"]) - moment(newest)
        return utc_text(moment(since) - max(behind, timedelta()))

    def _keep(self, walk: Walk) -> None:
        self._run["walks"][walk.resource_type] = asdict(walk)
        self._ledger.keep(self._run)

    def _note(self, walk: Walk, notes: Json) -> None:
        self._run["notes"].setdefault(walk.resource_type, {}).update(notes)
        with self._ledger.writing():
            self._ledger.keep(self._run)

    def _certify(self) -> Outcome:
        ended_at = self._around.now()
        told = self._told(ended_at)
        if self._dry_run:
            return Outcome(told, None, tuple(self._differing()))
        previous = certificates.last(self._around.directory, self._rules.source)
        if previous is not None and previous.told["id"] == self._run["id"]:
            # Killed between the certificate and the end.
            self._ledger.forget()
            return Outcome(previous.told, previous.position)
        body = certificates.made(told, previous, self._rules.key)
        event = certificates.certified(self._rules.source, body, told["id"], ended_at)
        (appended,) = self._around.append([event])
        self._ledger.forget()
        self._around.keep_up()
        return Outcome(certificates.read(body), appended.position)

    def _told(self, ended_at: str) -> Json:
        resources = {kind: self._figures(kind) for kind in RESOURCE_TYPES}
        directory = self._around.directory
        return {
            "id": self._run["id"],
            "source": self._rules.source,
            "provider": self._client.rules.base_url,
            "window": {"since": self._run["since"], "until": self._run["started_at"]},
            "ended_at": ended_at,
            "complete": all(one["complete"] for one in resources.values()),
            "resources": resources,
            "healed": [one for kind in RESOURCE_TYPES for one in self._healed(kind)],
            "unexplained": [one for kind in RESOURCE_TYPES for one in self._unexplained(kind)],
            "log": None if self._dry_run else certificates.log_head(directory, ended_at),
        }

    def _figures(self, kind: str) -> Json:
        walk, notes = self._walk(kind), self._run["notes"].get(kind, {})
        if "not_served" in notes:
            return {"served": False, "why": notes["not_served"], "complete": True}
        seen = self._ledger.count(SEEN, kind)
        left = max(0, (walk.counted or 0) - seen) if not walk.stopped else 0
        why = ""
        if walk.stopped == "most":
            why = f"only the first {seen} were read"
        elif left:
            why = f"the provider counts {walk.counted}, {seen} were seen"
        elif notes.get("not_asked"):
            why = f"{notes['not_asked']} that are open here were not named, and not asked for"
        wrong = {one["id"] for one in [*self._unexplained(kind), *self._healed(kind)]}
        return {
            "served": True,
            "seen": seen,
            "matched": seen - len(self._ledger.noted(SEEN, kind, sorted(wrong))),
            "healed": self._ledger.count(HEALED, kind),
            "unexplained": self._ledger.count(UNEXPLAINED, kind),
            "read": "what changed" if walk.stopped == "since" else "everything",
            "counted": walk.counted,
            "newest": walk.newest,
            "complete": not why,
            **({"why": why} if why else {}),
        }

    def _healed(self, kind: str) -> list[Json]:
        return [
            {
                "resource_type": kind,
                "id": note.id,
                "how": note.told["how"],
                "members": note.told["members"],
                "event": note.told["event"],
                "digest": note.told["digest"],
            }
            for note in self._ledger.every(HEALED, kind)
        ]

    def _unexplained(self, kind: str) -> list[Json]:
        return [
            {"resource_type": kind, "id": note.id, "why": note.told["why"]}
            for note in self._ledger.every(UNEXPLAINED, kind)
        ]

    def _differing(self) -> list[Json]:
        return [
            {"resource_type": kind, "id": note.id, "members": note.told["members"]}
            for kind in RESOURCE_TYPES
            for note in self._ledger.every(DIFFERS, kind)
        ]


__all__ = ["NotReconciled", "Outcome", "Surroundings", "reconcile", "window_of"]
