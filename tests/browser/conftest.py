"""A real Datasette process on real histories, and Debian's Chromium to look at it."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from config.settings import Settings
from store import Reason
from store.__main__ import rule_book
from tests.browser import sample_history

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
EVIL = '<script>document.title="pwned";window.pwned=1</script><img src=x onerror="window.pwned=1">'
TURNED = "\u202egnip\u202c"
TICKETS = 120
DASHBOARDS = ("-m", "receiver", "dashboards", "--dashboards-port", "0")


@dataclass(frozen=True)
class Served:
    """A running Datasette."""

    url: str
    data: Path


@contextmanager
def serving(data: Path, *command: str) -> Iterator[Served]:
    """`listener dashboards` (or another command) on a free port, until the block ends."""
    command = command or (*DASHBOARDS, "--data", str(data))
    said = data.parent / f"{data.name}.log"
    with said.open("w") as out:
        process = subprocess.Popen([sys.executable, *command], stdout=out, stderr=out)
    try:
        yield Served(_address(process, said), data)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def served_data(data: Path, events: list | None = None, settings: str = "") -> Iterator[Served]:
    """`listener dashboards` on these events, under these settings (TOML)."""
    if events is not None:
        sample_history.fill(
            data, events, rule_book(Settings.model_validate(tomllib.loads(settings)))
        )
    file = data.parent / f"{data.name}.toml"
    file.write_text(settings)
    with serving(data, *DASHBOARDS, "--data", str(data), "--config", str(file)) as found:
        yield found


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"(?:pages|running) on (http://[\d.]+:\d+)", said.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"the dashboards did not start:\n{said.read_text()}")


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Iterator[Served]:
    now = datetime.now(UTC)
    events = sample_history.provider_events(TICKETS, now) + hostile_events(now)
    events += sample_history.two_sources(now) + sample_history.long_life("LONG-1", 420, now)
    data = tmp_path_factory.mktemp("dashboards") / "data"
    sample_history.fill(data, [*events, *hostile_refusals(now)])
    with serving(data) as found:
        yield found


@pytest.fixture(scope="session")
def client(served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=20) as found:
        yield found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # While it lives, Playwright's event loop runs in this thread: other tests want one of their own.
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.fail("Chromium is missing: `make test` installs it (config/set-up-browser).")
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


def hostile_events(now: datetime) -> list:
    """A ticket with script in every text, an id that needs encoding, text that turns around."""
    evil = EVIL + TURNED
    party = {"@type": "PartyRef", "id": evil, "name": evil}
    ticket = {
        "@type": "TroubleTicket",
        "id": "EVIL/1.å%",
        **dict.fromkeys(("name", "description", "severity", "ticketType", "priority"), evil),
        "status": "inProgress",
        "statusChangeReason": evil,
        "statusChangeDate": now.isoformat(),
        "channel": {"@type": "ChannelRef", "id": "c", "name": evil},
        "note": [{"@type": "Note", "id": "n1", "author": evil, "text": evil}],
        "relatedParty": [{"@type": "X", "role": evil, "partyOrPartyRole": party}],
        "relatedEntity": [{"@type": "X", "role": evil, "entity": {"id": "e", "name": evil}}],
        "externalIdentifier": [{"@type": "X", "id": evil, "owner": evil}],
        "troubleTicketCharacteristic": [{"@type": "X", "name": evil, "value": evil}],
        "troubleTicketMilestone": [
            {"@type": "Milestone", "id": "m", "name": evil, "milestoneDate": now.isoformat()}
        ],
        "troubleTicketJeopardyAlert": [
            {"@type": "A", "id": "j", "name": evil, "exception": evil, "alertDate": now.isoformat()}
        ],
    }
    kinds = ("Create", "AttributeValueChange", "StatusChange", "Milestone", "JeopardyAlert")
    posts = [
        sample_history.posted(
            f"TroubleTicket{kind}Event",
            now + timedelta(seconds=number),
            troubleTicket={**ticket, "name": f"{evil} {number}"},
        )
        for number, kind in enumerate(kinds)
    ]
    posts.append(
        sample_history.posted(
            "TroubleTicketInformationRequiredEvent",
            now + timedelta(seconds=9),
            troubleTicket=ticket,
            informationRequired={"op": "add", "path": f"/{evil}"},
        )
    )
    posts.append(
        sample_history.posted(
            "CancelTroubleTicketStateChangeEvent",
            now + timedelta(seconds=10),
            cancelTroubleTicket={
                "@type": "CancelTroubleTicket",
                "id": f"CAN-{evil}",
                "state": "acknowledged",
                "cancellationReason": evil,
                "troubleTicket": {"@type": "TroubleTicketRef", "id": "EVIL/1.å%"},
            },
        )
    )
    posts += [waiting_task(number, now) for number in (2, 3, 1)]
    found = [sample_history.event_of(post, now) for post in posts]
    assert all(found), "the edge refused what the test needs"
    return found


def waiting_task(hours: int, now: datetime) -> sample_history.Delivery:
    """A request to cancel a ticket that nobody else told of, open for so long."""
    task = {
        "@type": "CancelTroubleTicket",
        "id": f"CAN-{' bca'[hours]}",  # not in the order of waiting
        "state": "acknowledged",
        "requestDate": (now - timedelta(hours=hours)).isoformat(),
        "troubleTicket": {"@type": "TroubleTicketRef", "id": "TASK-ONLY"},
    }
    return sample_history.posted(
        "CancelTroubleTicketStateChangeEvent",
        now + timedelta(seconds=20 + hours),
        cancelTroubleTicket=task,
    )


def hostile_refusals(now: datetime) -> list:
    """A refused body whose very reasons carry script, from a source and to a path that do too."""
    body = json.dumps({EVIL: EVIL, "event": {"troubleTicket": {"id": [EVIL]}}}).encode()
    refused = sample_history.told_of(
        sample_history.Delivery(now, f"/listener/{EVIL}", body, "", ""), now, "evil"
    )
    reasons = (Reason(code=EVIL, pointer=f"/{EVIL}", expected=f"{EVIL}{TURNED}"),)
    return [dataclasses.replace(refused, source=EVIL, fingerprint="0" * 16, reasons=reasons)]
