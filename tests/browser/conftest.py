"""A real Datasette process on real histories, and Debian's Chromium to look at it."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import sample_history

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
EVIL = '<script>document.title="pwned";window.pwned=1</script><img src=x onerror="window.pwned=1">'
TURNED = "\u202egnip\u202c"
TICKETS = 120


@dataclass(frozen=True)
class Served:
    """A running Datasette."""

    url: str
    data: Path


@contextmanager
def serving(data: Path, *command: str) -> Iterator[Served]:
    """`listener dashboards` (or another command) on a free port, until the block ends."""
    command = command or ("-m", "dashboards", "--data", str(data), "--port", "0")
    said = data.parent / f"{data.name}.log"
    with said.open("w") as out:
        process = subprocess.Popen([sys.executable, *command], stdout=out, stderr=out)
    try:
        yield Served(_address(process, said), data)
    finally:
        process.terminate()
        process.wait(10)


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"running on (http://[\d.]+:\d+)", said.read_text())
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
    sample_history.fill(data, events)
    with serving(data) as found:
        yield found


@pytest.fixture(scope="session")
def client(served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=20) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
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
    found = [sample_history.event_of(post, now) for post in posts]
    assert all(found), "the edge refused what the test needs"
    return found
