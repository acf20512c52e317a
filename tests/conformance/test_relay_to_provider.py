"""The relay with a provider that lives: what was wished, what was told of it, one history."""

from contextlib import closing

import httpx

from store import history, open_reader
from tests.provider.access import Access
from tests.provider.running import running_provider
from tests.receiving import receiving

TICKET = {
    "@type": "TroubleTicket",
    "name": "No sync",
    "description": "no sync since this morning",
    "severity": "Major",
    "ticketType": "incident",
}
REF = {"@type": "TroubleTicketRef"}


def config_of(provider):
    return f"""
[sources.default.provider]
base_url = "{provider.base_url}"
requests_per_second = 1000
[sources.default.provider.oauth2]
token_url = "{provider.token_url}"
client_id = "consumer"
client_secret = "s3cret"
"""


def test_a_ticket_is_opened_changed_and_cancelled_and_its_history_tells_wishes_from_facts(tmp_path):
    access = Access("oauth", "consumer", "s3cret")
    with (
        running_provider(seed=5, tickets=3, access=access) as provider,
        receiving(tmp_path, config_of(provider)) as here,
        httpx.Client(base_url=here.url, trust_env=False, timeout=20) as client,
    ):
        token = httpx.post(provider.token_url, auth=("consumer", "s3cret"), data={"grant_type": "client_credentials"}, trust_env=False).json()["access_token"]  # fmt: skip
        hub = httpx.post(f"{provider.base_url}/hub", json={"@type": "Hub", "callback": here.url}, headers={"authorization": f"Bearer {token}"}, trust_env=False)  # fmt: skip
        assert hub.status_code == 201, hub.text

        def ask(path, body, key, status=201):
            answer = client.post(path, json=body, headers={"idempotency-key": key})
            assert answer.status_code == status, answer.text
            return answer.json()

        # A token that the provider no longer knows is renewed on the way.
        provider.revoke_tokens()
        number = ask("/troubleTicket", TICKET, "open")["id"]
        assert ask("/troubleTicket", TICKET, "open")["id"] == number
        named = REF | {"id": number}
        change = {
            "@type": "InflightChangeTroubleTicket",
            "troubleTicket": named,
            "category": ["note"],
        }
        change |= {"note": [{"@type": "Note", "text": "gate code 7"}]}
        ask("/inflightChangeTroubleTicket", change, "change")
        cancel = {
            "@type": "CancelTroubleTicket",
            "troubleTicket": named,
            "cancellationReason": "works",
        }
        task = ask("/cancelTroubleTicket", cancel, "cancel")
        assert provider.tickets()[number]["description"] == TICKET["description"]
        before = history(here.data, number)
        for _ in range(60):
            provider.advance(seconds=20)
            if provider.resources("cancelTroubleTicket")[task["id"]]["state"] in (
                "done",
                "rejected",
            ):
                break
        after = history(here.data, number)
        ask("/cancelTroubleTicket", cancel | {"troubleTicket": REF | {"id": "NONE"}}, "none", 409)
        made = [one.split()[1] for one in provider.asked() if one.startswith("POST")]
        for path in ("/troubleTicket", "/inflightChangeTroubleTicket"):
            assert sum(one.endswith(path) for one in made) == 1
        assert "s3cret" not in "".join(here.lines)
        provider_says = provider.tickets()[number]["status"]
        with closing(open_reader(here.data)) as log:
            assert not list(log.quarantined())

    wishes = [entry for entry in after.timeline if entry.provenance == "requested"]
    assert len(wishes) == 3
    facts = [entry for entry in after.timeline if entry.provenance == "received"]
    assert {"created", "task"} <= {entry.kind for entry in facts}
    # A wish changes nothing: the ticket is what its provider tells.
    assert before.tickets[0].status != "cancelled"
    assert after.tickets[0].status == provider_says
    (cancelled,) = [one for one in after.tasks if one.id == task["id"]]
    assert cancelled.state in ("done", "rejected")
