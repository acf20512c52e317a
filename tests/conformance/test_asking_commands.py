"""`listener open`, `cancel`, `change`: a provider asked by command, beside a listener or without one."""

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from receiver.__main__ import main
from store import open_reader
from tests.receiving import receiving
from tests.stand_in import stand_in

NEW = ("open", "--description", "no sync", "--severity", "Major", "--type", "incident")


class Here:
    def __init__(self, directory, provider):
        self.directory, self.provider, self.data = directory, provider, directory / "data"
        self.config = "[sources.default]\n" + table("default", provider.url)

    def run(self, *told, stdin=None):
        file = self.directory / "listener.toml"
        file.write_text(self.config)
        place = ("--data", str(self.data), "--config", str(file))
        return CliRunner().invoke(main, [*told, *place, "--by", "anna"], input=stdin)

    def asked(self):
        return [json.loads(post.body) for post in self.provider.posts]

    def events(self):
        with closing(open_reader(self.data)) as log:
            return list(log.read())


def table(source, url):
    return f'[sources.{source}.provider]\nbase_url = "{url}"\n[sources.{source}.provider.bearer]\ntoken = "a-hidden-token"\n'


@pytest.fixture
def here(tmp_path):
    with stand_in() as provider:
        yield Here(tmp_path, provider)


def test_a_ticket_is_opened_with_our_credentials_and_recorded(here):
    answer = here.run(*NEW, "--name", "Störung", "--note", "a", "--note", "b", "--external-id", "INC-1", "--specification", "S-1", "--until", "2026-12-01T12:00:00Z")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == "201  TroubleTicket  P-1  acknowledged  event 1\n"
    (body,) = here.asked()
    assert body == {
        "@type": "TroubleTicket",
        "name": "Störung",
        "description": "no sync",
        "severity": "Major",
        "ticketType": "incident",
        "requestedResolutionDate": "2026-12-01T12:00:00Z",
        "troubleTicketSpecification": {"@type": "TroubleTicketSpecificationRef", "id": "S-1"},
        "externalIdentifier": [{"@type": "ExternalIdentifier", "id": "INC-1"}],
        "note": [{"@type": "Note", "text": "a"}, {"@type": "Note", "text": "b"}],
    }
    assert here.provider.posts[0].headers["authorization"] == "Bearer a-hidden-token"
    (event,) = here.events()
    assert (event.event_type, event.ticket_id) == ("TroubleTicketRequestedEvent", "P-1")
    assert json.loads(event.body)["requested"]["by"] == "command anna"


def test_a_ticket_is_cancelled_and_changed_beside_a_running_listener(here):
    with receiving(here.directory, here.config):
        assert here.run("cancel", "TT-1", "--reason", "works again").exit_code == 0
        told = here.run("change", "TT-1", "--category", "severity", "--message", "worse", "--json")
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    assert (said["status"], said["position"], said["answer"]["id"]) == (201, 2, "P-2")
    assert said["location"] == f"{here.provider.url}/inflightChangeTroubleTicket/P-2"
    cancel, change = here.asked()
    for one in (cancel, change):
        assert one["troubleTicket"]["id"] == one["entity"]["id"] == "TT-1"
        assert one["requestDate"].endswith("Z")
    assert cancel["cancellationReason"] == "works again"
    assert (change["category"], change["buyerMessage"]["text"]) == (["severity"], "worse")
    assert [event.ticket_id for event in here.events()] == ["TT-1", "TT-1"]


def test_the_same_key_asks_once_also_for_what_is_said_at_another_time(here):
    first = here.run("cancel", "TT-1", "--key", "k")
    again = here.run("cancel", "TT-1", "--key", "k")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert again.stdout == first.stdout.rstrip("\n") + "  answered before\n"
    other = here.run("cancel", "TT-2", "--key", "k")
    assert other.exit_code == 2
    assert "Idempotency-Key" in other.stderr
    assert len(here.asked()) == 1


def test_a_file_is_the_body_and_options_change_it(here):
    body = {"@type": "FaultTicket", "description": "x", "severity": "Minor", "ticketType": "y"}
    body |= {"note": [{"@type": "Note", "text": "a"}], "expressFaultResolution": True}
    answer = here.run("open", "--file", "-", "--severity", "Major", "--note", "b", stdin=json.dumps(body))  # fmt: skip
    assert answer.exit_code == 0, answer.output
    (sent,) = here.asked()
    assert sent == body | {"severity": "Major", "note": [*body["note"], {"@type": "Note", "text": "b"}]}  # fmt: skip
    for wrong in ("{", "[]"):
        assert here.run("open", "--file", "-", stdin=wrong).exit_code == 2


def test_what_would_be_sent_is_shown_and_not_sent(here):
    answer = here.run(*NEW, "--dry-run")
    assert json.loads(answer.stdout)["ticketType"] == "incident"
    assert (answer.exit_code, here.asked(), here.data.exists()) == (0, [], False)


def test_what_no_provider_would_understand_is_named_and_not_sent(here):
    answer = here.run("open", "--description", "x", "--until", "tomorrow")
    assert answer.exit_code == 2
    for name in ("/severity", "/ticketType", "/requestedResolutionDate"):
        assert f"{name}: expected" in answer.stderr
    assert here.run("change", "TT-1").exit_code == 2
    assert here.asked() == []


def test_an_answer_that_is_no_success_is_exit_code_1(here):
    error = b'{"@type": "Error", "code": "60", "reason": "no such line", "message": "DEU.1"}'
    here.provider.reply = lambda _post: (422, {"content-type": "application/json"}, error)
    answer = here.run(*NEW)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr == "422  Error  no such line  DEU.1  event 1\n"
    here.provider.reply = lambda _post: (401, {}, b"")
    refused = here.run(*NEW)
    assert refused.exit_code == 1
    assert "hidden" not in refused.output + answer.output


def test_a_silence_is_exit_code_4_with_the_key_and_nobody_there_is_3(here):
    here.provider.reply = lambda _post: None
    answer = here.run(*NEW)
    assert answer.exit_code == 4
    key = answer.stderr.rpartition("--key ")[2].strip()
    again = here.run(*NEW, "--key", key, "--json")
    assert (again.exit_code, len(here.asked())) == (4, 1)
    assert json.loads(again.stdout)["key"] == key
    here.config = here.config.replace(here.provider.url, "http://127.0.0.1:9")
    nobody = here.run(*NEW)
    assert nobody.exit_code == 3
    assert "nothing was done" in nobody.stderr


def test_whose_provider_has_to_be_said_where_several_have_one(here):
    here.config = table("nord", here.provider.url) + table("sued", here.provider.url)
    answer = here.run(*NEW)
    assert (answer.exit_code, "nord, sued" in answer.stderr) == (2, True)
    assert here.run(*NEW, "--source", "nord").exit_code == 0
    assert [event.source for event in here.events()] == ["nord"]
    unknown = here.run(*NEW, "--source", "west")
    assert (unknown.exit_code, "nord, sued" in unknown.stderr) == (2, True)
    here.config = "[sources.default]\n"
    nobody = here.run(*NEW)
    assert (nobody.exit_code, "No source has a provider" in nobody.stderr) == (2, True)
