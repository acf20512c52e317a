"""A listener that was away, a provider that gives up: after it is back, nothing is missing.

Real processes on loopback: the simulated provider with its hub, `listener serve`, the commands.
"""

import asyncio
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from receiver.provider.reconcile.asked import asking
from store.keeping.head import new_key
from tests.mirrored import resources
from tests.provider.running import Running, running_provider

PATIENCE_SECONDS = 60
KINDS = (
    *("TroubleTicket", "TroubleTicketSpecification"),
    *("CancelTroubleTicket", "InflightChangeTroubleTicket"),
)


class Listener:
    """One data directory, its settings, and the processes over it."""

    def __init__(self, directory: Path, provider: Running, more: str = "") -> None:
        self.data = directory / "data"
        self.ports = [_free_port(), _free_port()]
        self.config = directory / "listener.toml"
        key = directory / "certificate.key"
        self.public = new_key(key)
        self.config.write_text(
            "[sources.default]\n[sources.default.provider]\n"
            f'base_url = "{provider.base_url}"\nrequests_per_second = 1000.0\n'
            f'reconcile_grace_seconds = 0.0\ncertificate_key = "{key}"\n{more}'
        )
        self.serving: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def run(self, *arguments: str, expected: int = 0) -> str:
        done = subprocess.run(
            self._command(*arguments), capture_output=True, text=True, check=False
        )
        assert done.returncode == expected, (arguments, done.stdout, done.stderr)
        return done.stdout

    def start(self) -> None:
        ports = ("--port", str(self.ports[0]), "--dashboards-port", str(self.ports[1]))
        log = self.config.with_suffix(".log").open("a")
        command = self._command("serve", *ports)
        self.serving = subprocess.Popen(command, stderr=log, text=True)
        log.close()
        until(lambda: "ready:" in self.said())

    def stop(self) -> None:
        assert self.serving is not None
        self.serving.send_signal(signal.SIGTERM)
        self.serving.wait(PATIENCE_SECONDS)
        self.config.with_suffix(".log").unlink()

    def said(self) -> str:
        return self.config.with_suffix(".log").read_text()

    def states(self, kind: str) -> dict[str, dict]:
        """What our mirror serves, read from history.db."""
        path = self.data / "history.db"
        return {told["id"]: told for _, told in resources(path, kind)} if path.exists() else {}

    def rows(self, select: str) -> list[tuple]:
        with closing(sqlite3.connect(self.data / "history.db")) as history:
            return history.execute(select).fetchall()

    def certificates(self) -> list[dict]:
        """All that are kept, the newest first."""
        told = self.run("certificate", "list", "--json").splitlines()
        names = [json.loads(line)["id"] for line in told]
        return [json.loads(self.run("certificate", "show", name)) for name in names]

    def _command(self, *arguments: str) -> list[str]:
        place = ("--data", str(self.data), "--config", str(self.config))
        return [sys.executable, "-m", "receiver", *arguments, *place]


@pytest.fixture
def provider():
    with running_provider(seed=11, tickets=60, now=_ago(minutes=15)) as running:
        yield running


def _ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def until(holds, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def told(resource: dict) -> dict:
    """What a resource says, beside where it is to be had and how its dates are written."""
    text = json.dumps(
        {name: one for name, one in resource.items() if name != "href"}, sort_keys=True
    )
    return json.loads(
        re.sub(r'(:\d\d)(?:\.(\d{3})\d*)?(?:Z|\+00:00)"', r'\1.\2Z"', text).replace(".Z", ".000Z")
    )


def differing(listener: Listener, provider: Running, kind: str) -> set[str]:
    """Ids of the resources that are not the same here and there."""
    ours = {name: told(one) for name, one in listener.states(kind).items()}
    theirs = provider.resources(f"{kind[0].lower()}{kind[1:]}")
    return {
        name for name in ours.keys() | theirs.keys() if ours.get(name) != told(theirs.get(name, {}))
    }


def test_after_ten_minutes_away_every_ticket_is_the_providers_and_each_healed_one_is_named(
    tmp_path, provider
):
    listener = Listener(tmp_path, provider)
    listener.run("reconcile", "--whole")  # what was before there was a subscription
    listener.start()
    subscribed = {"callback": listener.url}
    httpx.post(f"{provider.base_url}/hub", json=subscribed, trust_env=False).raise_for_status()
    provider.advance(minutes=3)
    listener.stop()
    assert [one.outcome for one in provider.told()].count("taken") > 20

    provider.advance(minutes=10)  # one attempt, and it gives up
    missed = {kind: differing(listener, provider, kind) for kind in KINDS}
    assert len(missed["TroubleTicket"]) > 20
    before = len(listener.certificates())

    listener.start()
    until(lambda: "(back again)" in listener.said())
    until(lambda: not any(differing(listener, provider, kind) for kind in KINDS))
    pages = f"http://127.0.0.1:{listener.ports[1]}/-/history"
    shown = httpx.get(f"{pages}/sources.json", trust_env=False).json()["sources"][0]
    healed_one = min(missed["TroubleTicket"] & provider.tickets().keys())
    page = httpx.get(f"{pages}/ticket/{healed_one}?source=default", trust_env=False).text
    listener.stop()

    assert [differing(listener, provider, kind) for kind in KINDS] == [set()] * len(KINDS)
    newest, *older = listener.certificates()
    assert len(older) == before
    named = {(one["resource_type"], one["id"]) for one in newest["healed"]}
    assert named == {(kind, name) for kind, names in missed.items() for name in names}
    assert newest["unexplained"] == []
    assert newest["complete"] is True
    assert shown["certificates"][0]["id"] == newest["id"]
    assert ">reconciled</span>" in page
    assert "what the provider answered" in page
    assert newest["resources"]["TroubleTicket"]["matched"] > 0
    assert listener.rows("SELECT count(*) FROM gaps") == [(0,)]
    told_as = {row[0] for row in listener.rows(
        "SELECT DISTINCT ticket FROM timeline WHERE provenance = 'reconciled'"
    )}  # fmt: skip
    assert {f"default/{name}" for kind, name in named if kind == "TroubleTicket"} <= told_as
    assert listener.rows("SELECT count(*) FROM timeline WHERE provenance = 'received'")[0][0] > 20

    again = json.loads(listener.run("reconcile", "--json"))
    assert (again["healed"], again["unexplained"]) == ([], [])
    whole = json.loads(listener.run("reconcile", "--whole", "--json"))
    assert (whole["healed"], whole["unexplained"]) == ([], [])
    listener.run("check")
    listener.run("certificate", "verify", "--key", str(listener.public))


def test_who_watches_reconciles_when_it_is_asked_and_by_the_clock(tmp_path, provider):
    more = "reconcile_at_start = false\nreconcile_every_seconds = 0.0\n"
    listener = Listener(tmp_path, provider, more)
    listener.run("reconcile")
    log = tmp_path / "watch.log"
    for wanted, settings in (("hub forgotten", more), ("by the clock", "reconcile_every_seconds = 1.0\nreconcile_at_start = false\n")):  # fmt: skip
        listener.config.write_text(listener.config.read_text().replace(more, settings))
        provider.advance(minutes=2)
        with log.open("w") as said:
            watching = subprocess.Popen(listener._command("reconcile", "--watch"), stderr=said)
        try:
            if wanted == "hub forgotten":
                asyncio.run(asking(listener.data, wanted)("default", "2026-11-24T00:00:00.000Z"))
            until(lambda wanted=wanted: f"({wanted})" in log.read_text())
        finally:
            watching.send_signal(signal.SIGTERM)
            assert watching.wait(PATIENCE_SECONDS) == 0
        assert [differing(listener, provider, kind) for kind in KINDS] == [set()] * len(KINDS)
