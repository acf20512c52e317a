"""Reconciling with providers of every habit; what is healed, left unexplained, certified, thin."""

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import store
from receiver.provider.client import ProviderAway, ProviderClient
from receiver.provider.reconcile.rules import ReconcileRules
from receiver.provider.reconcile.run import Surroundings, reconcile, window_of
from receiver.provider.reconcile.thin import Completer
from receiver.provider.rules import ProviderRules
from store.history.rules import RuleBook
from store.keeping.erase import Subject, erase
from store.keeping.head import new_key
from store.reconciling import certificates
from store.reconciling.keeping_up import keep_up
from store.reconciling.ledger import RECONCILE_FILE, take_wish, wish
from store.times import utc_text
from tests.mirrored import resources
from tests.property.lives import arrived, sent
from tests.provider.habits import Habits
from tests.provider.running import running_provider

KINDS = {
    "TroubleTicket": "troubleTicket",
    "TroubleTicketSpecification": "troubleTicketSpecification",
    "CancelTroubleTicket": "cancelTroubleTicket",
    "InflightChangeTroubleTicket": "inflightChangeTroubleTicket",
}


def now() -> str:
    return utc_text(datetime.now(UTC))


def around(directory) -> Surroundings:
    def append(events):
        with closing(store.open_guest(directory)) as log:
            return log.append(events)

    store.open_guest(directory).close()
    return Surroundings(
        directory=directory,
        now=now,
        append=append,
        keep_up=lambda: keep_up(directory, RuleBook()),
        progress=lambda *_: None,
    )


def asked_of(provider, directory, *, since=None, dry_run=False, absent=True, **rules):
    """One reconciliation in this process."""
    rules = ReconcileRules(source="default", grace_seconds=0.0, page_size=rules.pop("page_size", 20), **rules)  # fmt: skip
    asking = ProviderRules(base_url=provider.base_url, longest_pause_seconds=0.05, attempts=20)

    async def ask():
        async with ProviderClient(asking) as client:
            return await reconcile(
                client, rules, around(directory), since=since, dry_run=dry_run, absent=absent
            )

    return asyncio.run(ask())


def told(resource: dict) -> dict:
    return {name: one for name, one in resource.items() if name != "href"}


def equal(directory, provider) -> bool:
    return all(
        {one["id"]: told(one) for _, one in resources(directory / "history.db", kind)}
        == {name: told(one) for name, one in provider.resources(path).items()}
        for kind, path in KINDS.items()
    )


def append(directory, *events):
    with closing(store.open_guest(directory)) as log:
        log.append(events)


def test_a_provider_whose_clock_is_hours_behind_is_reconciled_since_the_last_time(tmp_path):
    early = datetime.now(UTC) - timedelta(hours=6)
    with running_provider(seed=5, tickets=30, now=early) as provider:
        asked_of(provider, tmp_path)
        provider.advance(minutes=20)
        assert not equal(tmp_path, provider)
        since = window_of(tmp_path, ReconcileRules(source="default"), now())
        assert since is not None
        outcome = asked_of(provider, tmp_path, since=since)
        assert outcome.told["resources"]["TroubleTicket"]["read"] == "what changed"
        assert outcome.healed
        assert equal(tmp_path, provider)
        assert asked_of(provider, tmp_path, since=since).healed == 0


@pytest.mark.parametrize(
    "habits",
    [
        Habits(sorts=False),
        Habits(sorts=False, newest_first=False, counts=False),
        Habits(counts=False, most=3),
        Habits(partial=True, most=7, busy=0.2),
    ],
    ids=["no-sort", "oldest-first-uncounted", "small-pages-uncounted", "206-small-busy"],
)
def test_whatever_the_providers_lists_can_do_all_is_the_same_and_nothing_is_found_again(
    tmp_path, habits
):
    with running_provider(seed=3, tickets=30, habits=habits) as provider:
        first = asked_of(provider, tmp_path)
        assert equal(tmp_path, provider)
        assert first.healed >= sum(len(provider.resources(path)) for path in KINDS.values())
        provider.advance(minutes=5)
        assert not equal(tmp_path, provider)
        since = utc_text(provider.now - timedelta(minutes=6))
        changed = asked_of(provider, tmp_path, since=since)
        assert equal(tmp_path, provider)
        assert changed.healed > 5
        assert asked_of(provider, tmp_path).healed == 0


def test_where_lists_are_sparse_the_whole_is_asked_for_by_id(tmp_path):
    with running_provider(seed=3, tickets=15, habits=Habits(sorts=False)) as provider:
        true_get = ProviderClient.get

        async def sparse(self, path, query=None):
            answer = await true_get(self, path, query)
            if query is None:
                return answer
            listed = [{name: one[name] for name in ("id", "status", "lastUpdate") if name in one} for one in json.loads(answer.body)]  # fmt: skip
            return replace(answer, body=json.dumps(listed).encode())

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ProviderClient, "get", sparse)
            asked_of(provider, tmp_path)
        assert equal(tmp_path, provider)


def test_a_dry_run_tells_what_differs_and_leaves_nothing_behind(tmp_path):
    with running_provider(seed=3, tickets=15) as provider:
        asked_of(provider, tmp_path)
        provider.advance(minutes=5)
        head = store.progress(tmp_path).head
        would = asked_of(provider, tmp_path, dry_run=True)
        assert store.progress(tmp_path).head == head
        healed = asked_of(provider, tmp_path)
        assert {one["id"] for one in would.differs} == {one["id"] for one in healed.told["healed"]}


def test_what_is_gone_there_and_open_here_is_deleted_by_what_the_provider_answers(tmp_path):
    with running_provider(seed=3, tickets=15) as provider:
        asked_of(provider, tmp_path)
        at = utc_text(provider.now)
        members = {"status": "pending", "creationDate": at}
        alone = arrived(sent("TroubleTicketCreateEvent", "e", members, timeOccurred=at), 1)
        append(tmp_path, alone)
        found = asked_of(provider, tmp_path)
        assert [(one["id"], one["how"]) for one in found.told["healed"]] == [("T-1", "gone")]
        assert equal(tmp_path, provider)
        assert asked_of(provider, tmp_path).healed == 0


def test_who_lists_no_ticket_at_all_deletes_none(tmp_path):
    with running_provider(seed=3, tickets=1) as provider:
        at = utc_text(provider.now)
        append(tmp_path, arrived(sent("TroubleTicketCreateEvent", "e", {"status": "pending"}, timeOccurred=at), 1))  # fmt: skip
        true_get = ProviderClient.get

        async def empty(self, path, query=None):
            answer = await true_get(self, path, query)
            if path == "/troubleTicket":
                return replace(answer, body=b"[]", headers={})
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ProviderClient, "get", empty)
            found = asked_of(provider, tmp_path)
        (left,) = found.told["unexplained"]
        assert left["id"] == "T-1"
        assert "lists no ticket at all" in left["why"]


def test_a_gap_that_the_provider_does_not_tell_stays_and_is_said(tmp_path):
    with running_provider(seed=3, tickets=10) as provider:
        asked_of(provider, tmp_path)
        name, ticket = next(iter(provider.tickets().items()))
        # Something proves a change of which the provider's answer knows nothing.
        at = utc_text(provider.now)
        invented = [{"status": "held", "statusChangeDate": "2026-11-01T03:04:05.000Z"}]
        body = {**ticket, "statusChangeHistory": [*ticket["statusChangeHistory"], *invented]}
        one = sent("TroubleTicketAttributeValueChangeEvent", "e", body, timeOccurred=at)
        one = replace(one, resource_id=name, ticket_id=name)
        append(tmp_path, arrived(one, 1))
        found = asked_of(provider, tmp_path)
        left = {one["id"]: one["why"] for one in found.told["unexplained"]}
        assert list(left) == [name]
        assert "held at 2026-11-01T03:04:05.000Z" in left[name]


def test_a_certificate_names_its_evidence_and_shows_what_was_altered(tmp_path):
    key = tmp_path / "certificate.key"
    public = new_key(key)
    data = tmp_path / "data"
    with running_provider(seed=3, tickets=10) as provider:
        asked_of(provider, data, key=key)
        asked_of(provider, data, key=key)
    newest, oldest = certificates.certificates(data)
    assert newest.told["previous"] == {"id": oldest.told["id"], "digest": oldest.digest}
    assert oldest.told["previous"] is None
    assert len(oldest.told["healed"]) > 10
    for one in (newest, oldest):
        assert certificates.verify(data, one.body, public) == []
        assert certificates.verify(None, one.body, public) == []
    claimed = json.loads(oldest.body)
    claimed["healed"] = claimed["healed"][1:]
    altered = json.dumps(claimed).encode()
    assert any("altered" in wrong for wrong in certificates.verify(None, altered, public))
    assert "the log has no such certificate" in certificates.verify(data, altered, public)
    unsigned = json.dumps({name: one for name, one in claimed.items() if name not in ("key", "signature")})  # fmt: skip
    assert certificates.verify(None, unsigned.encode(), public) == ["the certificate is not signed"]


def test_the_next_window_begins_a_little_before_the_last_one_ended_until_a_whole_one_is_due(
    tmp_path,
):
    rules = ReconcileRules(source="default", whole_every_seconds=3600)
    assert window_of(tmp_path, rules, now()) is None
    with running_provider(seed=3, tickets=5) as provider:
        until = asked_of(provider, tmp_path).told["window"]["until"]
    since = window_of(tmp_path, rules, now())
    assert since is not None
    assert since < until
    tomorrow = utc_text(datetime.now(UTC) + timedelta(days=1))
    assert window_of(tmp_path, rules, tomorrow) is None


def test_a_provider_that_is_away_leaves_no_certificate_and_is_gone_on_with(tmp_path):
    with running_provider(seed=3, tickets=30) as provider:
        asked = len(provider.asked())
        provider.stop()
        with pytest.raises(ProviderAway):
            asked_of(provider, tmp_path)
        assert list(certificates.certificates(tmp_path)) == []
        provider.start()
        asked_of(provider, tmp_path)
        assert equal(tmp_path, provider)
        assert len(provider.asked()) > asked


KILLED = """
import os, pathlib, signal, sys
from types import SimpleNamespace
from receiver.provider.client import ProviderClient
from store.log.sqlite import SqliteLog
from tests.conformance.test_reconcile_habits import asked_of

left = [int(sys.argv[3])]

def counted(function):
    def call(*arguments, **named):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return call

ProviderClient.get = counted(ProviderClient.get)
true_append = SqliteLog.append

def append(log, events):
    done = true_append(log, events)
    counted(lambda: None)()
    return done

SqliteLog.append = append
asked_of(SimpleNamespace(base_url=sys.argv[1]), pathlib.Path(sys.argv[2]), page_size=5)
"""


def test_killed_anywhere_it_goes_on_and_the_certificate_still_names_every_one(tmp_path):
    with running_provider(seed=5, tickets=30) as provider:
        for steps in (1, 4, 9, 13, 3, 8, 17, 21, 6):
            command = [sys.executable, "-c", KILLED, provider.base_url, str(tmp_path), str(steps)]
            process = subprocess.run(command, check=False)
            assert process.returncode in (0, -signal.SIGKILL)
            if process.returncode == 0:
                break
        assert steps > 9
        asked_of(provider, tmp_path, page_size=5)
        assert equal(tmp_path, provider)
        first = list(certificates.certificates(tmp_path))[-1]
        named = {(one["resource_type"], one["id"]) for one in first.told["healed"]}
        assert named >= {
            (kind, name) for kind, path in KINDS.items() for name in provider.resources(path)
        }
        assert certificates.verify(tmp_path, first.body, None) == []
        assert asked_of(provider, tmp_path).healed == 0


def test_a_notification_that_tells_an_id_alone_is_completed(tmp_path):
    with running_provider(seed=3, tickets=10) as provider:
        name, ticket = next(iter(provider.tickets().items()))
        asking = ProviderRules(base_url=provider.base_url)
        rules = ReconcileRules(source="default")

        async def complete() -> list[int]:
            async with ProviderClient(asking) as client:
                completer = Completer(client, rules, around(tmp_path))
                found = [await completer.complete()]
                one = sent("TroubleTicketAttributeValueChangeEvent", "e", {"id": name, "href": "x"}, eventTime=now())  # fmt: skip
                one = replace(one, resource_id=name, ticket_id=name)
                append(tmp_path, arrived(one, 1))
                return [*found, await completer.complete(), await completer.complete()]

        assert asyncio.run(complete()) == [0, 1, 0]
        keep_up(tmp_path, RuleBook())
        held = {one["id"]: one for _, one in resources(tmp_path / "history.db", "TroubleTicket")}
        assert told(held[name]) == told(ticket)


def test_a_wish_is_seen_once_by_whoever_reconciles(tmp_path):
    assert take_wish(tmp_path, "default") is None
    wish(tmp_path, "default", "the hub was forgotten", "2026-11-24T06:00:00.000Z")
    wish(tmp_path, "default", "silent", "2026-11-24T07:00:00.000Z")
    found = take_wish(tmp_path, "default")
    assert (found.why, found.since) == ("silent", "2026-11-24T06:00:00.000Z")
    assert take_wish(tmp_path, "default") is None


def test_reconcile_db_may_be_deleted_at_any_time(tmp_path):
    with running_provider(seed=3, tickets=10) as provider:
        asked_of(provider, tmp_path)
        for file in tmp_path.glob(f"{RECONCILE_FILE}*"):
            file.unlink()
        assert asked_of(provider, tmp_path).healed == 0


def test_after_an_erasure_no_answer_is_left_and_the_certificate_still_holds(tmp_path):
    with running_provider(seed=3, tickets=5) as provider:
        asked_of(provider, tmp_path)
        name = next(iter(provider.tickets()))
    erase(tmp_path, Subject("ticket", name, "default"), RuleBook(), now(), "test", lambda *_: None)
    assert not (tmp_path / RECONCILE_FILE).exists()
    (kept,) = certificates.certificates(tmp_path)
    assert certificates.verify(tmp_path, kept.body, None) == []


def test_where_a_status_came_back_without_a_date_of_its_own_the_lane_ends_in_what_is_so(tmp_path):
    with running_provider(seed=3, tickets=10) as provider:
        asked_of(provider, tmp_path)
        name, ticket = next(iter(provider.tickets().items()))
        # A notification that was wrong: the provider's ticket never became that.
        at = utc_text(provider.now)
        wrong = sent("TroubleTicketStatusChangeEvent", "e", {"id": name, "status": "held", "statusChangeDate": at}, timeOccurred=at)  # fmt: skip
        wrong = replace(wrong, resource_id=name, ticket_id=name)
        append(tmp_path, arrived(wrong, 1))
        found = asked_of(provider, tmp_path)
        assert [one["id"] for one in found.told["healed"]] == [name]
        assert found.unexplained == 0
        assert asked_of(provider, tmp_path).healed == 0
        history = store.history(tmp_path, name)
        assert history.tickets[0].status == ticket["status"]
