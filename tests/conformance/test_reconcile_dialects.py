"""Providers that speak another dialect: subscribed to, reconciled and asked in their own words."""

import asyncio
import json
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import store
from config.settings import Settings
from receiver.provider.client import Answer
from receiver.provider.door import hub_rules, provider_rules
from receiver.provider.hub import body_of, register
from receiver.provider.reconcile.door import reconcile_rules
from receiver.provider.reconcile.pages import FIT, Lists, NotServed
from receiver.provider.reconcile.thin import is_thin
from receiver.relay.asking import Provider, Wish
from receiver.relay.kinds import KINDS
from store.commands.dialects import dialect_of
from store.dialects import event_read, resource_read
from tests.mirrored import resources
from tests.property.lives import arrived, sent
from tests.provider.running import running_provider

V4 = dialect_of("tmf621-v4")
MEF = dialect_of("mef-sonata")


class Away:
    """A data directory whose source speaks v4, and the commands over it."""

    def __init__(self, directory, provider):
        self.data = directory / "data"
        self.config = directory / "listener.toml"
        self.config.write_text(
            '[sources.default]\ndialect = "tmf621-v4"\n[sources.default.provider]\n'
            # A host alone: the dialect knows where its API begins.
            f'base_url = "{provider.url}"\nrequests_per_second = 1000.0\n'
            'reconcile_grace_seconds = 0.0\nhub_callback = "http://127.0.0.1:9/v4"\n'
        )

    def run(self, *arguments, expected=0):
        place = ("--data", str(self.data), "--config", str(self.config))
        command = [sys.executable, "-m", "receiver", *arguments, *place]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == expected, (arguments, done.stdout, done.stderr)
        return done.stdout

    def tickets(self):
        path = self.data / "history.db"
        return {told["id"]: told for _, told in resources(path, "TroubleTicket")}


def told(resource):
    return {name: one for name, one in resource.items() if name != "href"}


def in_our_words(provider):
    return {name: told(resource_read(one, V4.speech)) for name, one in provider.tickets().items()}


def test_a_provider_that_speaks_v4_is_reconciled_in_our_words_and_asked_in_its_own(tmp_path):
    ago = datetime.now(UTC) - timedelta(minutes=15)
    with running_provider(seed=11, tickets=30, now=ago, dialect="v4") as provider:
        here = Away(tmp_path, provider)
        first = json.loads(here.run("reconcile", "--whole", "--json"))
        assert len(first["healed"]) == len(provider.tickets()) > 20
        assert first["provider"] == provider.base_url
        assert not first["resources"]["CancelTroubleTicket"]["served"]
        provider.advance(minutes=10)
        second = json.loads(here.run("reconcile", "--whole", "--json"))
        assert second["healed"]
        assert not second["unexplained"]
        ours = here.tickets()
        assert any("statusChangeHistory" in one for one in ours.values())
        assert {name: told(one) for name, one in ours.items()} == in_our_words(provider)
        assert json.loads(here.run("reconcile", "--whole", "--json"))["healed"] == []
        assert "registered" in here.run("hub", "register")
        assert len(provider.hubs()) == 1
        wish = ("--description", "No sync", "--severity", "Major", "--type", "incident")
        asked = json.loads(here.run("open", *wish, "--external-id", "CRM-7", "--json"))
        with closing(store.open_reader(here.data)) as log:
            event = log.event(asked["position"])
        body = json.loads(event.body)
        assert body["event"]["troubleTicket"]["externalId"] == "CRM-7"
        named = event_read(body, event, V4.speech)["event"]["troubleTicket"]["externalIdentifier"]
        assert [one["id"] for one in named] == ["CRM-7"]
        here.run("cancel", asked["answer"]["id"], expected=2)


def mef(directory):
    source = {"dialect": "mef-sonata", "provider": {"base_url": "https://carrier.example", "hub_callback": "https://us.example/mef"}}  # fmt: skip
    return Settings.model_validate({"data": directory, "sources": {"carrier": source}})


def test_a_dialect_says_where_its_provider_has_what_and_how_it_is_registered_at(tmp_path):
    settings = mef(tmp_path)
    assert provider_rules(settings, "carrier").base_url == (
        "https://carrier.example/mefApi/sonata/troubleTicket/v4"
    )
    rules = hub_rules(settings, "carrier")
    assert (rules.path, rules.form) == ("/hub", "v4")
    assert json.loads(body_of(rules)) == {"callback": "https://us.example/mef"}
    lists = Lists(None, 10, reconcile_rules(settings, "carrier").dialect)
    assert lists.path("TroubleTicket", "a/b") == "/troubleTicket/a%2Fb"
    for kind in ("TroubleTicketSpecification", "CancelTroubleTicket"):
        with pytest.raises(NotServed):
            lists.path(kind, "1")


def test_a_hub_elsewhere_is_asked_where_the_dialect_says(tmp_path):
    rules = replace(hub_rules(mef(tmp_path), "carrier"), path="/notifications/hub")
    asked = []

    class Client:
        async def post(self, path, body):
            asked.append(path)
            return Answer(201, {}, b'{"id": "1"}', "x")

    assert asyncio.run(register(Client(), rules)).hub_id == "1"
    assert asked == ["/notifications/hub"]


def test_a_request_goes_where_the_dialect_has_it_in_the_words_of_the_dialect():
    document = {"@type": "TroubleTicket", "externalIdentifier": [{"@type": "E", "id": "7"}]}
    cancel = {"@type": "CancelTroubleTicket", "troubleTicket": {"@type": "R", "id": "a b"}}
    ticket, task = (
        Wish(
            owner="o",
            key="k",
            kind=KINDS[path],
            source="s",
            document=one,
            body=b"raw",
            request_id="r",
        )
        for path, one in (("/troubleTicket", document), ("/cancelTroubleTicket", cancel))
    )
    assert json.loads(Provider(None, dialect=V4).spoken(ticket)) == {
        "@type": "TroubleTicket",
        "externalId": "7",
    }
    assert Provider(None, dialect=FIT).spoken(ticket) == b"raw"
    assert Provider(None, dialect=MEF).path(task) == "/troubleTicket/a%20b/cancel"
    assert Provider(None, dialect=V4).path(task) is None
    assert Provider(None, dialect=FIT).path(task) == "/cancelTroubleTicket"


@pytest.mark.parametrize(("payload", "is_so"), [({"id": "1", "href": "x"}, True), ({"id": "1", "status": "held"}, False)])  # fmt: skip
def test_an_event_of_mef_that_names_a_ticket_alone_is_thin(payload, is_so):
    one = sent("TroubleTicketStatusChangeEvent", "e", {}, eventTime="2026-11-24T12:00:00Z")
    body = json.dumps({"eventId": "e", "eventType": "x", "event": payload}).encode()
    event = arrived(replace(one, body=body, resource_id="1", ticket_id="1"), 1)
    assert is_thin(event, MEF.speech) is is_so


def test_an_answer_that_is_another_resource_is_no_answer_about_the_one_that_was_asked_for():
    class Client:
        async def get(self, path, query=None):
            return Answer(200, {}, b'{"id": "3180", "name": "the same to every id"}', path)

    async def found(name):
        return (await Lists(Client(), 10).one("TroubleTicket", name))[1]

    assert asyncio.run(found("3180")) is not None
    assert asyncio.run(found("4563")) is None
