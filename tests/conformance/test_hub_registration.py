"""`listener hub register | status | unregister` against a provider with a real server."""

import json
from dataclasses import replace

import jsonschema
import pytest
import yaml

from receiver.provider.hub import HubRules, body_of
from tests.edge import reference
from tests.hubs import CALLBACK, Hub
from tests.provider.access import Access
from tests.provider.habits import Habits
from tests.provider.running import running_provider

QUERY = "eventType=TroubleTicketCreateEvent,TroubleTicketStatusChangeEvent"


@pytest.fixture(scope="module")
def running():
    with running_provider(tickets=3) as one:
        yield one


@pytest.fixture
def provider(running):
    running.forget_hubs()
    running.habits = Habits()
    return running


@pytest.fixture
def hub(provider, tmp_path):
    return Hub(tmp_path, provider.base_url)


def posts(provider):
    return [line for line in provider.asked() if line.startswith("POST") and "/hub" in line]


def test_registering_registers_once_and_the_same_again_changes_nothing(hub, provider):
    before = len(posts(provider))
    told = hub.told("register")
    assert provider.hubs() == [told["hub_id"]]
    assert (told["callback"], told["is_new"], told["problem"]) == (CALLBACK, True, None)
    again = hub.told("register")
    assert (again["hub_id"], again["is_new"]) == (told["hub_id"], False)
    assert len(posts(provider)) == before + 1
    assert provider.hubs() == [told["hub_id"]]


@pytest.mark.parametrize(
    "habits", [Habits(hub_get=False), Habits(hub_list=True)], ids=["no GET", "a list"]
)
def test_it_registers_once_whatever_of_the_hub_a_provider_serves(hub, provider, habits):
    provider.habits = habits
    hub.told("register")
    hub.told("register")
    assert len(provider.hubs()) == 1


def test_status_asks_the_provider_and_says_when_it_has_forgotten_us(hub, provider):
    assert hub.told("status")["state"] == "not registered"
    told = hub.told("register")
    assert hub.told("status")["state"] == f"registration {told['hub_id']}, known to the provider"
    provider.forget_hubs()
    seen = hub.told("status", code=1)
    assert "forgotten" in seen["problem"]
    assert "hub register" in seen["advice"]
    anew = hub.told("register")
    assert anew["is_new"]
    assert provider.hubs() == [anew["hub_id"]]
    assert hub.standing().reconcile_since == told["registered_at"], "what was missed is wanted"


def test_a_404_says_nothing_where_the_provider_has_no_get(hub, provider):
    provider.habits = Habits(hub_get=False)
    told = hub.told("register")
    provider.forget_hubs()
    seen = hub.told("status")
    assert "cannot be asked" in seen["state"]
    assert hub.told("register")["hub_id"] == told["hub_id"]


def test_unregistering_ends_it_and_without_one_there_is_nothing_to_end(hub, provider):
    hub.told("register")
    told = hub.told("unregister")
    assert (provider.hubs(), hub.unended()) == ([], [])
    assert told["state"] == "not registered"
    assert hub.told("unregister")["state"] == "was not registered"
    assert "by hand" in hub.told("status")["state"]


def test_what_was_forgotten_at_the_provider_can_be_unregistered(hub, provider):
    hub.told("register")
    provider.forget_hubs()
    assert hub.told("unregister")["problem"] is None
    assert hub.unended() == []


def test_other_settings_take_the_place_of_what_was_registered(hub, provider):
    first = hub.told("register")
    hub.settings(provider.base_url, f'hub_query = "{QUERY}"\n')
    second = hub.told("register")
    assert second["query"] == QUERY
    assert provider.hubs() == [second["hub_id"]] != [first["hub_id"]]


def test_a_query_that_names_no_event_is_said_because_no_provider_says_it(hub, provider):
    names = "TroubleTicketCreateEvent,troubleTicketStateChangeEvent,TroubelTicketCreateEvent"
    hub.settings(provider.base_url, f'hub_query = "eventType={names}"\n')
    (note,) = hub.told("register")["notes"]
    assert "TroubelTicketCreateEvent" in note


def test_a_v4_provider_is_registered_at_with_a_bare_event_subscription(tmp_path):
    with running_provider(tickets=1, dialect="v4", habits=Habits(hub_get=False)) as one:
        hub = Hub(tmp_path, one.base_url, 'hub_form = "v4"\n')
        told = hub.told("register")
        assert one.hubs() == [told["hub_id"]]
        assert hub.told("register")["is_new"] is False
        assert hub.told("unregister")["problem"] is None
        assert one.hubs() == []


def test_again_ends_it_first_and_registers_anew(hub, provider):
    first = hub.told("register")
    assert "end" in " ".join(hub.told("register", "--again")["notes"])
    assert first["hub_id"] not in provider.hubs()
    assert len(provider.hubs()) == 1


def test_a_second_one_of_ours_is_found_in_the_list_and_ended(hub, provider, tmp_path):
    provider.habits = Habits(hub_list=True)
    other = tmp_path / "other"
    other.mkdir()
    Hub(other, provider.base_url).told("register")
    told = hub.told("register")
    assert provider.hubs() == [told["hub_id"]]
    assert "second one of ours" in " ".join(told["notes"])


def test_a_listener_with_another_query_is_not_taken_for_a_double(hub, provider, tmp_path):
    provider.habits = Habits(hub_list=True)
    other = tmp_path / "other"
    other.mkdir()
    Hub(other, provider.base_url, f'hub_query = "{QUERY}"\n').told("register")
    hub.told("register")
    assert len(provider.hubs()) == 2


def test_a_provider_that_has_one_already_says_so_and_it_can_be_kept_by_its_id(hub, provider, tmp_path):  # fmt: skip
    other = tmp_path / "other"
    other.mkdir()
    lost = Hub(other, provider.base_url).told("register")
    provider.habits = Habits(hub_once=True)
    refused = hub.told("register", code=1)
    assert "409" in refused["problem"]
    assert "--id" in refused["advice"]
    assert hub.unended() == []
    kept = hub.run("register", "nord", "--id", lost["hub_id"])
    assert kept.exit_code == 0, kept.output
    assert hub.told("status")["state"].endswith("known to the provider")
    assert hub.run("register", "nord", "--id", "no-such").exit_code == 1


def test_where_it_lists_them_one_that_it_has_already_is_kept(hub, provider, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    lost = Hub(other, provider.base_url).told("register")
    provider.habits = Habits(hub_once=True, hub_list=True)
    assert hub.told("register")["hub_id"] == lost["hub_id"]


def test_a_provider_that_is_away_or_down_is_one_sentence_and_exit_code_1(hub, provider):
    provider.habits = Habits(down=True)
    for words in ("register", "unregister"):
        answer = hub.run(words, "nord")
        expected = 1 if words == "register" else 0
        assert answer.exit_code == expected, answer.output
    told = hub.told("register", code=1)
    assert told["problem"].startswith("POST /hub answered 503")
    hub.settings("http://127.0.0.1:1/api")
    told = hub.told("register", code=1)
    assert told["problem"] == "The provider cannot be asked: cannot be reached."
    assert hub.unended() == [], "what never arrived is nothing to look for"


def test_what_is_not_let_in_says_where_to_look(tmp_path):
    with running_provider(tickets=1, access=Access("bearer", secret="right-token")) as one:
        hub = Hub(tmp_path, one.base_url, '[sources.nord.provider.bearer]\ntoken = "wr0ng-token"')
        told = hub.run("register", "nord")
        assert told.exit_code == 1
        assert "401" in told.output
        assert "[sources.NAME.provider]" in told.output
        assert "wr0ng-token" not in told.output
        hub.settings(one.base_url, '[sources.nord.provider.bearer]\ntoken = "right-token"')
        assert hub.told("register")["is_new"]


def test_oauth2_credentials_register_and_a_revoked_token_is_renewed(tmp_path):
    with running_provider(tickets=1, access=Access("oauth")) as one:
        access = one.token_url, Access().name, Access().secret
        told = '[sources.nord.provider.oauth2]\ntoken_url = "{}"\nclient_id = "{}"\nclient_secret = "{}"'  # fmt: skip
        hub = Hub(tmp_path, one.base_url, told.format(*access))
        assert hub.told("register")["is_new"]
        one.revoke_tokens()
        assert hub.told("status")["problem"] is None


def test_unusable_settings_and_unknown_sources_are_exit_code_2(hub, provider):
    assert hub.run("register", "sued").exit_code == 2
    hub.config.write_text(f'[sources.nord.provider]\nbase_url = "{provider.base_url}"\n')
    answer = hub.run("register", "nord")
    assert (answer.exit_code, "hub_callback" in answer.output) == (2, True)
    assert hub.run("status").exit_code == 0, "nothing is wished, so nothing is wrong"
    assert hub.run("watch").exit_code == 2
    assert hub.run("register", "--id", "1").exit_code == 2


def test_the_credentials_for_our_callback_are_registered_and_shown_nowhere(hub, provider, monkeypatch):  # fmt: skip
    monkeypatch.setenv("CALLBACK_TOKEN", "s3cret-callback")
    hub.settings(
        provider.base_url,
        'hub_members = { "authentication.type" = "bearer" }\n'
        'hub_members_environment = { "authentication.token" = "CALLBACK_TOKEN" }\n',
    )
    shown = hub.run("register", "nord").output + hub.run("status", "nord").output
    assert "s3cret" not in shown + repr(hub.unended())
    rules = HubRules(callback="https://x", members={"a.type": "bearer", "a.token": "s3cret"})
    assert json.loads(body_of(rules))["a"] == {"type": "bearer", "token": "s3cret"}
    assert "s3cret" not in repr(rules)


@pytest.mark.parametrize("query", ["", QUERY])
def test_what_is_posted_is_what_the_official_descriptions_say(query):
    rules = HubRules(callback=CALLBACK, query=query)
    v5 = yaml.safe_load((reference("TMF621-Trouble_Ticket-v5.0.1.oas.yaml")).read_text())
    schema = {"$ref": "#/components/schemas/Hub_FVO", "components": v5["components"]}
    jsonschema.validate(json.loads(body_of(rules)), schema)
    assert json.loads(body_of(rules))["@type"] == "Hub"
    v4 = json.loads(reference("TMF621-TroubleTicket-v4.0.0.swagger.json").read_text())
    schema = {"$ref": "#/definitions/EventSubscriptionInput", "definitions": v4["definitions"]}
    posted = json.loads(body_of(replace(rules, form="v4")))
    jsonschema.validate(posted, schema)
    assert set(posted) <= set(v4["definitions"]["EventSubscriptionInput"]["properties"])
